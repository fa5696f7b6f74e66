import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type * as registryLibrary from '@cortex-os/mcp-registry';
import { BodyError, readBody } from '../gateway/reply/read-body.ts';
import type { Route } from './route.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

export interface RegistryRoutesOptions {
  /** Answers `/v0.1/…`; waits for the registry to be opened, and is undefined when it cannot be. Never rejects. */
  readonly api: () => Promise<Handle | undefined>;
  /** The key of the API's own; whoever has it needs no other. */
  readonly apiKey?: string | undefined;
  /** Gets the requests whose senders may write by what the gate knows of them. */
  readonly writers?: WeakSet<IncomingMessage>;
}

const NOT_OPEN_HEADERS = { 'retry-after': '1', 'access-control-allow-origin': '*' } as const;

type RegistryLibrary = typeof registryLibrary;

/** Loaded with the registry itself, long before anybody can have read the token. */
async function library(): Promise<RegistryLibrary> {
  return await import('@cortex-os/mcp-registry');
}

/**
 * `/v0.1/…`: the official registry API. Clients may read, web pages of any origin included, as clients of a registry
 * expect (reliability-security.md 4, CORS); writing needs the API's key or the scope `registry:write`, and is not for
 * foreign pages.
 */
export function registryApiRoute({
  api,
  apiKey,
  writers,
}: RegistryRoutesOptions): readonly [string, Route] {
  return [
    '/v0.1/',
    {
      auth: 'client',
      writes: 'registry:write',
      // Names of servers are in it that somebody with a part of them may not see.
      whole: true,
      ...(apiKey !== undefined && { proof: (request) => hasToken(request, apiKey) }),
      anyOrigin: ['GET', 'HEAD', 'OPTIONS'],
      handle: (request, response, _rest, { scopes }) => {
        if (scopes.has('registry:write') || scopes.has('operator')) writers?.add(request);
        const answer = async (): Promise<void> => {
          const handle = await api();
          if (handle !== undefined) handle(request, response);
          else sendJson(response, 503, { error: 'the registry is not open' }, NOT_OPEN_HEADERS);
        };
        void answer();
      },
    },
  ];
}

export interface RegistryControlOptions {
  /** What a caller must prove to have read from the state folder; undefined while this process cannot write. */
  readonly token: () => string | undefined;
  readonly handle: registryLibrary.RegistryHandle;
  /** Told of failures that are not the caller's. */
  readonly onError: (error: unknown) => void;
}

function sendJson(
  response: ServerResponse,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = `${JSON.stringify(value)}\n`;
  response
    .writeHead(status, {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    })
    .end(body);
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(address);
}

/** Why a request must not be answered, whatever it asks: pages in browsers and other machines. */
function refusal(request: IncomingMessage): string | undefined {
  if (!isLoopback(request.socket.remoteAddress)) return 'this machine only';
  const { origin, 'sec-fetch-site': site } = request.headers;
  return origin !== undefined || site !== undefined ? 'not for web pages' : undefined;
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const given = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', token, 'buffer'));
}

function nonceOf({ url = '' }: IncomingMessage): string | undefined {
  return /[?&]nonce=([\w-]{16,128})(?:&|$)/.exec(url)?.[1];
}

/** As the registry's `callerProof`, without waiting for the registry to be loaded. */
function callerProof(token: string, nonce: string): string {
  return createHmac('sha256', token).update(`registry caller ${nonce}`).digest('base64url');
}

async function sendHello(
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
): Promise<void> {
  const nonce = nonceOf(request);
  if (nonce === undefined) {
    sendJson(response, 400, { code: 'EINVALID', message: 'a nonce of 16 to 128 characters' });
    return;
  }
  const { controlProof } = await library();
  sendJson(response, 200, { proof: controlProof(token, nonce) });
}

interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly own: boolean;
}

/** What a failure is called to the caller, and whether it is ours. */
function describe(
  error: unknown,
  { ChangedMeanwhileError, RegistryError }: RegistryLibrary,
): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ChangedMeanwhileError)
    return { status: 409, code: error.code, message, own: false };
  if (error instanceof BodyError)
    return { status: error.status, code: 'EINVALID', message, own: false };
  if (error instanceof SyntaxError || error instanceof TypeError)
    return { status: 400, code: 'EINVALID', message, own: false };
  if (!(error instanceof RegistryError))
    return { status: 500, code: 'EINTERNAL', message: 'internal error', own: true };
  const { code } = error;
  const status = code === 'EINVALIDRECORD' ? 400 : code === 'ENOSPC' ? 507 : 503;
  return { status, code, message, own: status !== 400 };
}

async function change(
  request: IncomingMessage,
  response: ServerResponse,
  { handle, onError }: RegistryControlOptions,
): Promise<void> {
  // Before anything is awaited: the body must be listened to from the start.
  const body = readBody(request);
  const registry = await library();
  try {
    const wanted = registry.readCheckedChange(JSON.parse(await body));
    const made = handle.use('write', async (cache) => await registry.changeChecked(cache, wanted));
    sendJson(response, 200, await made);
  } catch (error) {
    const { status, code, message, own } = describe(error, registry);
    if (own) onError(error);
    sendJson(response, status, { code, message });
  }
}

/**
 * `/v1/registry/…`: how `cortex-mcp` on this machine writes while this service holds the registry. Needs the token of
 * the state folder, which only its owner can read; `hello` proves that we have it, before anything is sent to us.
 */
export function registryControlRoute(options: RegistryControlOptions): readonly [string, Route] {
  const handle: Route['handle'] = (request, response, rest) => {
    const token = options.token();
    const refused = refusal(request);
    if (refused !== undefined || token === undefined) {
      const message = refused ?? 'this service does not write to the registry';
      sendJson(response, refused === undefined ? 503 : 403, { code: 'EREFUSED', message });
      return;
    }
    if (rest === 'hello' && request.method === 'GET') {
      void sendHello(request, response, token);
      return;
    }
    if (rest !== 'changes' || request.method !== 'POST') {
      sendJson(response, 404, { code: 'ENOENT', message: 'not found' });
      return;
    }
    if (!hasToken(request, token)) {
      sendJson(response, 401, { code: 'EREFUSED', message: 'the token is missing or wrong' });
      return;
    }
    void change(request, response, options);
  };
  const proof: Route['proof'] = (request, rest) => {
    const token = options.token();
    if (token === undefined) return false;
    if (rest !== 'hello') return hasToken(request, token);
    const nonce = nonceOf(request);
    return nonce !== undefined && hasToken(request, callerProof(token, nonce));
  };
  return ['/v1/registry/', { auth: 'operator', methods: ['GET', 'POST'], proof, handle }];
}
