import type { LookupFunction } from 'node:net';
import type * as Undici from 'undici';
import { AuthError } from './auth-error.ts';

/** Fetches a JSON object. @throws AuthError */
export type FetchJson = (url: URL) => Promise<Readonly<Record<string, unknown>>>;

export interface FetchJsonOptions {
  /** Resolves names, and refuses those that lead where nobody may be sent (S5). */
  readonly lookup: LookupFunction;
  /** Why an address must not be asked, or undefined. Judges literal addresses, which no lookup ever sees. */
  readonly refuses: (url: URL) => string | undefined;
  /** For everything. Default 5 s. */
  readonly timeoutMs?: number;
}

const MAX_BYTES = 262_144;

async function readBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new RangeError(`the answer is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Follows no redirect, reads at most 256 KiB, keeps no connection. */
export function createFetchJson({
  lookup,
  refuses,
  timeoutMs = 5_000,
}: FetchJsonOptions): FetchJson {
  const ask = async ({ Agent, request }: typeof Undici, url: URL): Promise<unknown> => {
    const agent = new Agent({ connect: { lookup, timeout: timeoutMs }, pipelining: 0 });
    try {
      const { statusCode, body } = await request(url, {
        dispatcher: agent,
        headers: { accept: 'application/json' },
        signal: AbortSignal.timeout(timeoutMs),
      });
      const text = await readBody(body);
      if (statusCode !== 200) throw new Error(`it answered with ${statusCode}`);
      return JSON.parse(text);
    } finally {
      await agent.destroy();
    }
  };
  return async (url) => {
    const refused = refuses(url);
    if (refused !== undefined) throw new AuthError('OAUTH_METADATA', `${url.href}: ${refused}`);
    try {
      const value = await ask(await import('undici'), url);
      if (isObject(value)) return value;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new AuthError('OAUTH_METADATA', `${url.href} cannot be used: ${why}`, { cause });
    }
    throw new AuthError('OAUTH_METADATA', `${url.href} is no JSON object`);
  };
}
