// The bytes that clients and servers of the benches exchange. Written by hand, so that they cost nothing to make.

/** Revisions the benches speak. */
export const MODERN_VERSION = '2026-07-28';
export const LEGACY_VERSION = '2025-11-25';

export type WireEra = 'modern' | 'legacy';

/** One big text, or an object of many numbers and short texts. */
export type PayloadShape = 'string' | 'many';

const KEY_BYTES = 34;

/** JSON of about so many bytes. */
export function payloadJson(bytes: number, shape: PayloadShape): string {
  if (shape === 'string') return JSON.stringify({ text: 'x'.repeat(Math.max(0, bytes - 11)) });
  const count = Math.max(1, Math.floor(bytes / KEY_BYTES));
  const members = Array.from({ length: count }, (_, index) => {
    const key = `key_${String(index).padStart(6, '0')}`;
    return `"${key}":[${index % 1_000},true,"v${index % 100}"]`;
  });
  return `{${members.join(',')}}`;
}

/** What a tool of the bench answers: its name says how much, `r512`, `m1048576`. */
export function toolNameFor(bytes: number, shape: PayloadShape): string {
  return `${shape === 'many' ? 'm' : 'r'}${bytes}`;
}

/** The result of such a tool, as raw JSON. */
export function toolResultJson(name: string, era: WireEra): string {
  const bytes = Number(name.slice(1));
  const complete = era === 'modern' ? '"resultType":"complete",' : '';
  if (name.startsWith('m')) {
    return `{${complete}"content":[],"structuredContent":${payloadJson(bytes, 'many')}}`;
  }
  return `{${complete}"content":[{"type":"text","text":"${'x'.repeat(Math.max(0, bytes - 90))}"}]}`;
}

/** The tools that answer so many bytes, and `count` more that are only listed. */
export function toolListJson(era: WireEra, sizes: readonly string[], count: number): string {
  const inputSchema = {
    type: 'object',
    properties: { text: { type: 'string', description: 'what to do it with' } },
  };
  const names = [...sizes, ...Array.from({ length: count }, (_, index) => `r512-${index}`)];
  const tools = names.map((name) => ({
    name,
    description: `Answers with as many bytes as its name says: ${name}`,
    inputSchema,
  }));
  const hints = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'public' };
  return JSON.stringify({ tools, ...(era === 'modern' && hints) });
}

/** Parameters of `initialize`. */
export const INITIALIZE: string = `"protocolVersion":"${LEGACY_VERSION}","capabilities":{},"clientInfo":{"name":"bench","version":"0"}`;

const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",' +
  '"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"0"},' +
  '"io.modelcontextprotocol/clientCapabilities":{}}';

/** A request: its headers, and its body after the id. */
export interface RequestTemplate {
  readonly headers: readonly string[];
  /** Follows `{"jsonrpc":"2.0","id":1234567`. */
  readonly tail: string;
}

export interface RequestOptions {
  readonly era: WireEra;
  readonly method: string;
  /** Members of `params` as raw JSON, without braces; may be empty. */
  readonly params: string;
  /** What `Mcp-Name` says. */
  readonly name?: string | undefined;
}

export function requestTemplate({ era, method, params, name }: RequestOptions): RequestTemplate {
  const comma = params === '' ? '' : ',';
  const headers = [
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `mcp-protocol-version: ${era === 'modern' ? MODERN_VERSION : LEGACY_VERSION}`,
  ];
  if (era === 'modern') {
    headers.push(`mcp-method: ${method}`);
    if (name !== undefined) headers.push(`mcp-name: ${name}`);
  }
  const meta = era === 'modern' ? `${comma}${META}` : '';
  return { headers, tail: `,"method":"${method}","params":{${params}${meta}}}` };
}

/** A call of a tool. */
export function callTemplate(era: WireEra, tool: string, argumentsJson: string): RequestTemplate {
  const params = `"name":"${tool}","arguments":${argumentsJson}`;
  return requestTemplate({ era, method: 'tools/call', params, name: tool });
}
