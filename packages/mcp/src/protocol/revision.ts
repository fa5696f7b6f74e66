/**
 * Protocol revisions, eras and the names the wire gives things.
 * modern = 2026-07-28 (stateless); legacy = 2024-11-05 … 2025-11-25 (sessions).
 */
export type Era = 'modern' | 'legacy';

/** The modern revisions we speak, newest first. */
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28'];
/** The legacy revisions we speak, newest first. */
export const LEGACY_VERSIONS: readonly string[] = [
  '2025-11-25',
  '2025-06-18',
  '2025-03-26',
  '2024-11-05',
];
export const LATEST_MODERN = '2026-07-28';
export const LATEST_LEGACY = '2025-11-25';

/** Keys of `params._meta` and `result._meta` that the modern revision reserves. */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  progressToken: 'progressToken',
} as const;

/** `_meta` keys that make up the modern request envelope: never sent to a legacy peer. */
export const MODERN_ENVELOPE_KEYS: ReadonlySet<string> = new Set([
  META.protocolVersion,
  META.clientInfo,
  META.clientCapabilities,
  META.logLevel,
]);

/** HTTP header names, lower case as Node gives them. */
export const HEADER = {
  protocolVersion: 'mcp-protocol-version',
  method: 'mcp-method',
  name: 'mcp-name',
  sessionId: 'mcp-session-id',
  paramPrefix: 'mcp-param-',
} as const;

/**
 * Where a method's `Mcp-Name` header comes from, as a key of `params` (spec 2026-07-28, basic/transports).
 * Methods that are not here carry no such header.
 */
export const NAME_PARAM: ReadonlyMap<string, 'name' | 'uri' | 'taskId'> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** The era a protocol version belongs to; undefined when we do not speak it. */
export function eraOf(version: string): Era | undefined {
  if (MODERN_VERSIONS.includes(version)) return 'modern';
  return LEGACY_VERSIONS.includes(version) ? 'legacy' : undefined;
}

/** The legacy revision to answer an `initialize` with: the client's own when we speak it, else our newest. */
export function negotiateLegacy(requested: string): string {
  return LEGACY_VERSIONS.includes(requested) ? requested : LATEST_LEGACY;
}

/** Base64 as it is written, padding included: what is not is no sentinel, and equals nothing it might mean. */
const SENTINEL = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;

/** Reads a header value, undoing the base64 sentinel for values that are not plain ASCII. */
export function decodeHeaderValue(value: string): string {
  const match = SENTINEL.exec(value);
  return match?.[1] === undefined ? value : Buffer.from(match[1], 'base64').toString('utf8');
}

/** Values up to so many characters are kept as they were written, up to so many of them: names of tools, mostly. */
const MAX_KEPT_CHARS = 128;
const MAX_KEPT = 1_024;
const encodedValues = new Map<string, string>();

/** Writes a header value; what is not visible ASCII, has outer spaces or looks like a sentinel is wrapped. */
export function encodeHeaderValue(value: string): string {
  if (value.length > MAX_KEPT_CHARS) return encodeValue(value);
  let encoded = encodedValues.get(value);
  if (encoded === undefined) {
    if (encodedValues.size >= MAX_KEPT) encodedValues.clear();
    encoded = encodeValue(value);
    encodedValues.set(value, encoded);
  }
  return encoded;
}

function encodeValue(value: string): string {
  // Other readers may be less exact about what a sentinel is.
  const plain =
    /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?/i.test(value);
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}
