import { isObject, type JsonObject } from '../model/json.ts';

/** The revision that the page speaks. */
export const REVISION = '2026-07-28';

const META = 'io.modelcontextprotocol';
/** Methods whose header `Mcp-Name` repeats this member of their params (spec 2026-07-28, basic/transports). */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
]);
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const SENTINEL = /^=\?base64\?.*\?=$/;

/** A header's value as the transport wants it: as it is, or in base64 when a header could not carry it. */
export function headerValue(text: string): string {
  if (PLAIN.test(text) && !SENTINEL.test(text)) return text;
  const bytes = new TextEncoder().encode(text);
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return `=?base64?${btoa(binary)}?=`;
}

/** The arguments that a tool's schema wants repeated as headers (`x-mcp-header`). */
export function paramHeaders(schema: unknown, args: unknown): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  const visit = (node: unknown, value: unknown, depth: number): void => {
    if (!isObject(node) || depth > 16) return;
    const name = node['x-mcp-header'];
    const isScalar = ['string', 'number', 'boolean'].includes(typeof value);
    if (typeof name === 'string' && isScalar) {
      headers[`mcp-param-${name.toLowerCase()}`] = headerValue(String(value));
    }
    const { properties } = node;
    if (!isObject(properties) || !isObject(value)) return;
    for (const [key, child] of Object.entries(properties)) visit(child, value[key], depth + 1);
  };
  visit(schema, args, 0);
  return headers;
}

export interface McpRequest {
  readonly id: number;
  readonly method: string;
  readonly params: JsonObject;
  /** Added to the headers that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as it is sent: its message and headers. */
export interface WireRequest {
  readonly message: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

/** Puts what the revision wants of every request around one. */
export function wireRequest(request: McpRequest): WireRequest {
  const { id, method, params } = request;
  const name = params[NAMED.get(method) ?? ''];
  const meta = {
    [`${META}/protocolVersion`]: REVISION,
    [`${META}/clientInfo`]: { name: 'cortex-mcp-page', version: '1' },
    [`${META}/clientCapabilities`]: { elicitation: { form: {} } },
    ...(method === 'tools/call' && { progressToken: `page-${id}` }),
  };
  return {
    message: { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } },
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': REVISION,
      'mcp-method': method,
      ...(typeof name === 'string' && { 'mcp-name': headerValue(name) }),
      ...request.headers,
    },
  };
}
