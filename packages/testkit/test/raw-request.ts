import { request, type Agent, type IncomingHttpHeaders } from 'node:http';

/** One HTTP exchange without a client library in between, and how its connection ended. */
export interface RawAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The error code of the request or the broken body, undefined when the body is complete. */
  readonly error: string | undefined;
}

export interface RawRequest {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly httpMethod?: string;
  /** Sent instead of a message. */
  readonly body?: string;
  readonly signal?: AbortSignal;
  readonly onHead?: (status: number | undefined) => void;
  readonly onData?: (chunk: Buffer) => void;
  /** Whose connections it uses. Default: one of its own. */
  readonly agent?: Agent;
}

export const MODERN_META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A request of revision 2026-07-28, with the headers it needs. */
export function modern(method: string, params: Record<string, unknown> = {}, id = 1): RawRequest {
  const name = params['name'] ?? params['uri'];
  return {
    id,
    method,
    params: { ...params, _meta: MODERN_META },
    headers: {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Sends one request on a connection of its own and resolves when the connection has nothing more to say. */
export async function rawRequest(url: string, options: RawRequest): Promise<RawAnswer> {
  const { id, method, params, httpMethod = 'POST', body, signal } = options;
  const message = method === undefined ? undefined : { jsonrpc: '2.0', id, method, params };
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let status: number | undefined;
    let headers: IncomingHttpHeaders = {};
    const finish = (error?: string): void =>
      resolve({ status, headers, body: Buffer.concat(chunks), error });
    const outgoing = request(url, {
      method: httpMethod,
      agent: options.agent ?? false,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...options.headers,
      },
    });
    outgoing.on('error', (error) => finish(codeOf(error)));
    outgoing.on('response', (incoming) => {
      ({ statusCode: status, headers } = incoming);
      options.onHead?.(status);
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        options.onData?.(chunk);
      });
      incoming.on('error', (error) => finish(codeOf(error)));
      incoming.on('end', () => finish());
    });
    outgoing.end(body ?? (message === undefined ? undefined : JSON.stringify(message)));
  });
}
