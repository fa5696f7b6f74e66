import type { JsonBytes } from './json-bytes.ts';
import { META } from './revision.ts';

/** A JSON-RPC id as MCP allows it: a string or an integer, never null. */
export type JsonRpcId = string | number;

/** Any parsed JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A member of an object with its value as raw JSON text. */
export interface RawMember {
  readonly key: string;
  readonly text: string;
  /** There where it is large, and nobody may ever want it as text. */
  readonly bytes?: MemberBytes;
}

/** A value as UTF-8. */
export interface MemberBytes {
  /** What stands before, the value, and what stands after it. What was given before is not to be used after that. */
  between(before: string, after: string): Buffer;
}

/** JSON-RPC and MCP error codes (spec 2026-07-28, basic/index). */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  /** Legacy: resource not found. The modern revision uses `invalidParams`. */
  resourceNotFound: -32002,
  headerMismatch: -32020,
  missingClientCapability: -32021,
  unsupportedVersion: -32022,
  /** Ours: the connector behind a name cannot be reached now. */
  connectorUnavailable: -32010,
} as const;

/** A request that breaks the rules of JSON-RPC or MCP; `rpcCode` is what the peer is told. */
export class ProtocolError extends Error {
  readonly rpcCode: number;
  readonly data: JsonObject | undefined;
  /** The id of the offending request, when it could be read. */
  readonly id: JsonRpcId | undefined;
  constructor(
    rpcCode: number,
    message: string,
    details: {
      readonly data?: JsonObject | undefined;
      readonly id?: JsonRpcId | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ProtocolError';
    this.rpcCode = rpcCode;
    this.data = details.data;
    this.id = details.id;
  }
}

/** Keys of nearly every request, as JSON. */
const KEY_TEXTS: ReadonlyMap<string, string> = new Map(
  ['name', 'arguments', 'uri', ...Object.values(META)].map((key) => [key, JSON.stringify(key)]),
);

/** `"key":value,…` of raw members, without braces. */
export function membersText(members: readonly RawMember[]): string {
  let text = '';
  for (const { key, text: value } of members) {
    const keyText = KEY_TEXTS.get(key) ?? JSON.stringify(key);
    text += text === '' ? `${keyText}:${value}` : `,${keyText}:${value}`;
  }
  return text;
}

/** Members of the request made last, and their text: those of a client's next one are often the same object. */
let lastMeta: readonly RawMember[] = [];
let lastMetaText = '';

function metaText(meta: readonly RawMember[]): string {
  if (meta !== lastMeta) {
    lastMeta = meta;
    lastMetaText = membersText(meta);
  }
  return lastMetaText;
}

/** What follows the members of `params`: `_meta` and the closing braces. */
function requestEnd(meta: readonly RawMember[], isFirst: boolean): string {
  return meta.length === 0 ? '}}' : `${isFirst ? '' : ','}"_meta":{${metaText(meta)}}}}`;
}

function requestStart(idText: string, method: string, members: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"method":${JSON.stringify(method)},"params":{${members}`;
}

/** A request as JSON text. `idText` is raw JSON; `_meta` is left out when it has no members. */
export function requestText(
  idText: string,
  method: string,
  members: readonly RawMember[],
  meta: readonly RawMember[],
): string {
  const own = membersText(members);
  return requestStart(idText, method, own) + requestEnd(meta, own === '');
}

/** As `requestText`; as bytes where one of the members is, which then never become text. */
export function requestBody(
  idText: string,
  method: string,
  members: readonly RawMember[],
  meta: readonly RawMember[],
): string | Buffer {
  let at = 0;
  while (at < members.length && members[at]?.bytes === undefined) at += 1;
  const large = members[at];
  if (large?.bytes === undefined) return requestText(idText, method, members, meta);
  const before = membersText(members.slice(0, at));
  const after = membersText(members.slice(at + 1));
  const key = `${before === '' ? '' : ','}${JSON.stringify(large.key)}:`;
  const start = requestStart(idText, method, before + key);
  const end = `${after === '' ? '' : ','}${after}${requestEnd(meta, false)}`;
  return large.bytes.between(start, end);
}

/** A successful answer as JSON text; both arguments are raw JSON. */
export function resultText(idText: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"result":${result}}`;
}

const RESULT_END = Buffer.from('}');

/** As `resultText` of a large result, in parts that are not copied. */
export function resultParts(idText: string, { pieces }: JsonBytes): readonly Buffer[] {
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${idText},"result":`);
  return [head, ...pieces, RESULT_END];
}

/** A failed answer as JSON text; both arguments are raw JSON. */
export function errorText(idText: string, error: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":${error}}`;
}

/** The raw JSON of an `error` member. */
export function errorObject(code: number, message: string, data?: JsonObject): string {
  return JSON.stringify(data === undefined ? { code, message } : { code, message, data });
}
