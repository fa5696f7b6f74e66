import { request } from 'undici';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json(): unknown;
}

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One HTTP request, nothing added but what JSON-RPC over HTTP needs. */
export async function send(url: string, options: RawRequest = {}): Promise<RawAnswer> {
  const answer = await request(url, {
    method: options.method ?? 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...options.headers,
    },
    body: options.body ?? null,
  });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    headers: answer.headers,
    text,
    json: () => JSON.parse(text) as unknown,
  };
}

const VERSION = '2026-07-28';

/** The body of a modern request. */
export function modernBody(
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  meta: Readonly<Record<string, unknown>> = {},
): string {
  const envelope = {
    'io.modelcontextprotocol/protocolVersion': VERSION,
    'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '0' },
    'io.modelcontextprotocol/clientCapabilities': {},
    ...meta,
  };
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: envelope } });
}

/** The headers of a modern request. */
export function modernHeaders(method: string, name?: string): Record<string, string> {
  return {
    'mcp-protocol-version': VERSION,
    'mcp-method': method,
    ...(name !== undefined && { 'mcp-name': name }),
  };
}

export async function sendModern(
  url: string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
): Promise<RawAnswer> {
  const name = params['name'] ?? params['uri'];
  return await send(url, {
    headers: modernHeaders(method, typeof name === 'string' ? name : undefined),
    body: modernBody(method, params),
  });
}

export interface RawSession {
  readonly id: string;
  readonly initialize: unknown;
  send(method: string, params?: unknown, id?: number | string): Promise<RawAnswer>;
  notify(method: string, params?: unknown): Promise<RawAnswer>;
}

/** Opens a legacy session as a client would. */
export async function openSession(
  url: string,
  version: string = '2025-11-25',
): Promise<RawSession> {
  const opened = await send(url, {
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: version,
        capabilities: {},
        clientInfo: { name: 'raw', version: '0' },
      },
    }),
  });
  const id = String(opened.headers['mcp-session-id']);
  const headers = { 'mcp-session-id': id, 'mcp-protocol-version': version };
  const session: RawSession = {
    id,
    initialize: opened.json(),
    send: async (method, params = {}, requestId = 1) =>
      await send(url, {
        headers,
        body: JSON.stringify({ jsonrpc: '2.0', id: requestId, method, params }),
      }),
    notify: async (method, params = {}) =>
      await send(url, { headers, body: JSON.stringify({ jsonrpc: '2.0', method, params }) }),
  };
  await session.notify('notifications/initialized');
  return session;
}
