import { createRequire } from 'node:module';
import type * as Undici from 'undici';
import type { Agent, Dispatcher } from 'undici';
import { CredentialError } from './credential-error.ts';
import type { Reach } from './reach.ts';

/** An answer of an authorization server, read whole. */
export interface OAuthAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The body when it is a JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface OAuthRequest {
  readonly method: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Only status and headers are wanted; the connection is closed. Default: false. */
  readonly bare?: boolean | undefined;
}

/** Asks authorization servers: bounded in time and size, no redirect followed, nothing compressed. */
export interface OAuthHttp {
  /** @throws CredentialError `AUTH_UNAVAILABLE`, `AUTH_METADATA_INVALID` (redirect, size), `AUTH_URL_REFUSED`. */
  ask(url: URL, request: OAuthRequest, reach: Reach): Promise<OAuthAnswer>;
  close(): Promise<void>;
}

export interface OAuthHttpOptions {
  /** The whole exchange. Default 10000. */
  readonly timeoutMs?: number | undefined;
  /** A body, in bytes. Default 65536. */
  readonly maxBytes?: number | undefined;
}

const CONNECT_TIMEOUT_MS = 2_000;
/** Lookups by connector; the sockets of the oldest are closed beyond. */
const MAX_AGENTS = 64;

function objectIn(text: string): OAuthAnswer['json'] {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value));
  } catch {
    // Not JSON: the status is all there is.
    return undefined;
  }
}

async function readText(
  body: Dispatcher.ResponseData['body'],
  maxBytes: number,
): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const buffer: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    bytes += buffer.length;
    // Leaving the loop destroys the body, and with it the connection.
    if (bytes > maxBytes) return undefined;
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unavailable(url: URL, why: string, cause?: unknown): CredentialError {
  return new CredentialError('AUTH_UNAVAILABLE', `${url.origin} ${why}`, { cause });
}

function failure(error: unknown, url: URL): CredentialError {
  if (error instanceof CredentialError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENDPOINT_PRIVATE') {
    const why = `${url.origin} leads to a private address`;
    return new CredentialError('AUTH_URL_REFUSED', why, { cause: error });
  }
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError') return unavailable(url, 'did not answer in time', error);
  if (name === 'AbortError') {
    return new CredentialError('AUTH_CANCELLED', 'it was given up', { cause: error });
  }
  return unavailable(url, `could not be asked${code === '' ? '' : ` (${code})`}`, error);
}

/** Loaded by the first request. */
function loadUndici(): typeof Undici {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
  return createRequire(import.meta.url)('undici') as typeof Undici;
}

class AuthorizationHttp implements OAuthHttp {
  readonly #timeoutMs: number;
  readonly #maxBytes: number;
  readonly #agents = new Map<Reach['lookup'], Agent>();
  #closed = false;

  constructor({ timeoutMs = 10_000, maxBytes = 65_536 }: OAuthHttpOptions) {
    this.#timeoutMs = timeoutMs;
    this.#maxBytes = maxBytes;
  }

  async ask(url: URL, request: OAuthRequest, reach: Reach): Promise<OAuthAnswer> {
    const refusal = reach.refusal(url);
    if (refusal !== undefined) {
      throw new CredentialError('AUTH_URL_REFUSED', `${url.origin} ${refusal}`);
    }
    try {
      return await this.#ask(url, request, reach.lookup);
    } catch (error) {
      throw failure(error, url);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Array.from(this.#agents.values(), async (agent) => await agent.destroy()));
  }

  async #ask(url: URL, request: OAuthRequest, lookup: Reach['lookup']): Promise<OAuthAnswer> {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    const { signal, method, body = null, bare = false } = request;
    const answer = await this.#agent(lookup).request({
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...request.headers },
      body,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const { statusCode: status, headers } = answer;
    if (bare) {
      answer.body.on('error', () => undefined).destroy();
      return { status, headers, json: undefined };
    }
    if (status >= 300 && status < 400) {
      answer.body.on('error', () => undefined).destroy();
      const why = `${url.origin} answered with a redirect, which is not followed`;
      throw new CredentialError('AUTH_METADATA_INVALID', why);
    }
    const text = await readText(answer.body, this.#maxBytes);
    if (text === undefined) {
      const why = `the answer of ${url.origin} is larger than ${this.#maxBytes} bytes`;
      throw new CredentialError('AUTH_METADATA_INVALID', why);
    }
    return { status, headers, json: objectIn(text) };
  }

  #agent(lookup: Reach['lookup']): Agent {
    const known = this.#agents.get(lookup);
    if (known !== undefined) return known;
    const connect = { timeout: CONNECT_TIMEOUT_MS, ...(lookup && { lookup }) };
    const undici = loadUndici();
    const agent = new undici.Agent({ connect, keepAliveMaxTimeout: 10_000 });
    if (this.#closed) void agent.destroy();
    const [oldest] = this.#agents;
    if (this.#agents.size >= MAX_AGENTS && oldest !== undefined) {
      this.#agents.delete(oldest[0]);
      void oldest[1].close();
    }
    this.#agents.set(lookup, agent);
    return agent;
  }
}

export function createOAuthHttp(options: OAuthHttpOptions = {}): OAuthHttp {
  return new AuthorizationHttp(options);
}

/** An answer of 429 or 500 and above: it may be otherwise a little later. */
export function isForNowStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}
