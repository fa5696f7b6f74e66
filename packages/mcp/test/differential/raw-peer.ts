import { parseExactJson } from '@cortex-os/testkit';

/** JSON with every number as it was spelled. */
export type Json = Readonly<Record<string, unknown>>;

/** One request and what came back for it, without any SDK in between. */
export interface Exchange {
  /** Undefined over stdio. */
  readonly status: number | undefined;
  /** `result` or `error` of the answer; undefined when none came. */
  readonly result: unknown;
  readonly error: unknown;
  /** Notifications that came before the answer on the same stream. */
  readonly notifications: readonly Json[];
}

export interface RawRequest {
  readonly method: string;
  /** Raw JSON of the members of `params` without the braces, `_meta` left out. */
  readonly params?: string;
  /** Raw JSON of further members of `_meta`, without the braces. */
  readonly meta?: string;
  /** For `Mcp-Name`. */
  readonly name?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client that writes JSON-RPC itself. */
export interface RawPeer extends AsyncDisposable {
  /** The answer to `initialize` or `server/discover`. */
  readonly hello: Json;
  ask(request: RawRequest): Promise<Exchange>;
}

export const MODERN = '2026-07-28';
export const LEGACY = '2025-11-25';
export const META = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
} as const;

export const CLIENT_INFO = { name: 'raw', version: '0' };
/** All there are, as the gateway says on a shared session: some servers show their tools by them. */
export const EVERY_CAPABILITY = {
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
  roots: { listChanged: true },
};

export function asJson(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`not a JSON object: ${JSON.stringify(value)}`);
  }
  return value as Json;
}

export const parseJson = (text: string): Json => asJson(parseExactJson(text));

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  // What `parseExactJson` made of a number that JavaScript would spell in another way.
  if ((JSON as { isRawJSON?: (raw: unknown) => boolean }).isRawJSON?.(value) === true) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The same text for the same JSON: keys in order, numbers as they were spelled. */
export const canonical = (value: unknown): string => JSON.stringify(sorted(value));

/** The text of a request. */
export function requestText(id: number, { method, params = '' }: RawRequest, meta: string): string {
  const members = [params, meta === '' ? '' : `"_meta":{${meta}}`].filter((part) => part !== '');
  return `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":{${members.join(',')}}}`;
}

/** Sorts what came for a request into an exchange. */
export function toExchange(
  id: number,
  status: number | undefined,
  messages: readonly Json[],
): Exchange {
  const answer = messages.find((message) => message['id'] === id && !('method' in message));
  return {
    status,
    result: answer?.['result'],
    error: answer?.['error'],
    notifications: messages.filter(
      (message) => typeof message['method'] === 'string' && !('id' in message),
    ),
  };
}
