import {
  JsonDepthError,
  JsonMembersError,
  findMember,
  nestsDeeper,
  objectMembers,
  type Span,
} from './json-scan.ts';
import { ProtocolError, RPC, type JsonObject, type JsonRpcId, type RawMember } from './message.ts';
import { isLarge, parseShallow, shallowMembers } from './shallow-json.ts';

export interface RequestParams {
  /** Every member but `_meta`, in order, as raw JSON text. */
  readonly members: readonly RawMember[];
  /** The members of `_meta`, in order, as raw JSON text. */
  readonly meta: readonly RawMember[];
  /** The parsed `params`, for the few members we route by. */
  readonly value: JsonObject;
}

export type IncomingMessage =
  | {
      readonly kind: 'request';
      readonly id: JsonRpcId;
      readonly method: string;
      readonly params: RequestParams;
    }
  | { readonly kind: 'notification'; readonly method: string; readonly params: RequestParams }
  | {
      readonly kind: 'response';
      readonly id: JsonRpcId;
      readonly resultText: string | undefined;
      readonly errorText: string | undefined;
    };

/** Bounds of one incoming body. `maxDepth` counts levels below the envelope (default 64). */
export interface ParseLimits {
  readonly maxDepth: number;
}
const DEFAULT_LIMITS: ParseLimits = { maxDepth: 64 };

const ENVELOPE_KEYS: ReadonlySet<string> = new Set([
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
]);
/** Members of `params` that the protocol knows. */
export const PARAM_KEYS: ReadonlySet<string> = new Set([
  '_meta',
  'name',
  'arguments',
  'uri',
  'cursor',
  'taskId',
  'ref',
  'argument',
  'context',
  'inputResponses',
  'requestState',
  'requestId',
  'protocolVersion',
  'capabilities',
  'clientInfo',
  'level',
  'notifications',
]);
/** Members of `_meta` that the protocol knows. */
export const META_KEYS: ReadonlySet<string> = new Set([
  'progressToken',
  'traceparent',
  'tracestate',
  'baggage',
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/clientInfo',
  'io.modelcontextprotocol/clientCapabilities',
  'io.modelcontextprotocol/logLevel',
]);
const EMPTY_PARAMS: RequestParams = { members: [], meta: [], value: {} };

/** Members of the envelope, of `params` or of `_meta`, and characters of one of their keys. */
export const MAX_MEMBERS = 1_000;
const MAX_KEY_LENGTH = 256;
/** Deeper text is not even parsed; what is between this and `maxDepth` is refused by name and id. */
export const PARSE_DEPTH = 1_000;

/** Lower case after compatibility folding, so that `ſ` and the Kelvin sign count as `s` and `k`. */
function fold(key: string): string {
  // Folding is quadratic on some long keys, hence the bound on their length; plain keys need none of it.
  return (/^[\x20-\x7e]*$/.test(key) ? key : key.normalize('NFKC')).toLowerCase();
}

const FOLDED: ReadonlyMap<ReadonlySet<string>, ReadonlySet<string>> = new Map(
  [ENVELOPE_KEYS, PARAM_KEYS, META_KEYS].map((keys) => [keys, new Set([...keys].map(fold))]),
);

/**
 * Rejects keys that two parsers could read differently: duplicates, case variants of each other or of a
 * known key, and control characters (reliability-security.md S3).
 */
function assertUnambiguous(
  members: readonly Span[],
  known: ReadonlySet<string>,
  where: string,
): void {
  if (allKnown(members, known)) return;
  const seen = new Set<string>();
  for (const { key } of members) {
    if (key.length > MAX_KEY_LENGTH) {
      const why = `a key of ${where} is longer than ${MAX_KEY_LENGTH} characters`;
      throw new ProtocolError(RPC.invalidRequest, `Invalid request: ${why}`);
    }
    const folded = fold(key);
    // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
    const hostile = /[\u0000-\u001f\u007f]/.test(key);
    const variant = !known.has(key) && FOLDED.get(known)?.has(folded) === true;
    if (hostile || variant || seen.has(folded)) {
      const why = seen.has(folded) ? 'is given twice' : 'is not spelled as the protocol spells it';
      throw new ProtocolError(
        RPC.invalidRequest,
        `Invalid request: key ${JSON.stringify(key)} of ${where} ${why}`,
      );
    }
    seen.add(folded);
  }
}

/** More keys than these are looked at one by one. */
const MAX_COMPARED = 16;

/** Nearly every message: no key but those the protocol knows, none of them twice. */
function allKnown(members: readonly Span[], known: ReadonlySet<string>): boolean {
  if (members.length > MAX_COMPARED) return false;
  for (let at = 0; at < members.length; at += 1) {
    const key = members[at]?.key ?? '';
    if (!known.has(key)) return false;
    for (let before = 0; before < at; before += 1) if (members[before]?.key === key) return false;
  }
  return true;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is JsonRpcId {
  return typeof value === 'string' || (typeof value === 'number' && Number.isSafeInteger(value));
}

function rawMembers(text: string, spans: readonly Span[], without?: string): RawMember[] {
  const members: RawMember[] = [];
  for (const { key, start, end } of spans) {
    if (key !== without) members.push({ key, text: text.slice(start, end) });
  }
  return members;
}

function parseParams(text: string, span: Span | undefined, parsed: unknown): RequestParams {
  if (span === undefined) return EMPTY_PARAMS;
  if (!isObject(parsed)) {
    throw new ProtocolError(RPC.invalidRequest, 'Invalid request: params must be an object');
  }
  const spans = objectMembers(text, span.start, Infinity, MAX_MEMBERS);
  assertUnambiguous(spans, PARAM_KEYS, 'params');
  const value = isLarge(text.slice(span.start, span.end)) ? lateParams(text, spans) : parsed;
  const metaSpan = findMember(spans, '_meta');
  let meta: RawMember[] = [];
  if (metaSpan !== undefined) {
    if (!isObject(value['_meta'])) {
      throw new ProtocolError(RPC.invalidParams, 'Invalid params: _meta must be an object');
    }
    const metaSpans = objectMembers(text, metaSpan.start, Infinity, MAX_MEMBERS);
    assertUnambiguous(metaSpans, META_KEYS, 'params._meta');
    meta = rawMembers(text, metaSpans);
  }
  return { members: rawMembers(text, spans, '_meta'), meta, value };
}

/** Large `params`: of their members the large ones are parsed when somebody asks for them, of `_meta` what is small. */
function lateParams(text: string, spans: readonly Span[]): JsonObject {
  const value = shallowMembers(text, spans);
  for (const { key, start, end } of spans) {
    const raw = text.slice(start, end);
    if (!isLarge(raw)) continue;
    let known: { readonly member: unknown } | undefined;
    const get = (): unknown => {
      known ??= { member: key === '_meta' ? parseShallow(raw) : JSON.parse(raw) };
      return known.member;
    };
    Object.defineProperty(value, key, { get, enumerable: true });
  }
  return value;
}

/** What a peer is told of text that is no JSON. */
export function notJson(cause?: unknown): ProtocolError {
  return new ProtocolError(RPC.parseError, 'Parse error: the body is not valid JSON', { cause });
}

/** What a peer is told of text that nests too deep. */
export function tooDeep(id?: JsonRpcId): ProtocolError {
  const why = `JSON nests deeper than ${DEFAULT_LIMITS.maxDepth} levels`;
  return new ProtocolError(RPC.invalidRequest, `Invalid request: ${why}`, { id });
}

function parseJson(text: string): unknown {
  try {
    return parseShallow(text);
  } catch (cause) {
    if (cause instanceof JsonMembersError) {
      throw new ProtocolError(RPC.invalidRequest, `Invalid request: ${cause.message}`, { cause });
    }
    throw notJson(cause);
  }
}

/** The envelope of an object whose keys are known to be unambiguous. */
function readEnvelope(text: string, spans: readonly Span[], value: JsonObject): IncomingMessage {
  if (value['jsonrpc'] !== '2.0') {
    throw new ProtocolError(RPC.invalidRequest, 'Invalid request: jsonrpc must be "2.0"');
  }
  const { id, method } = value;
  if (id !== undefined && !isId(id)) {
    throw new ProtocolError(
      RPC.invalidRequest,
      'Invalid request: id must be a string or an integer of at most 53 bits',
    );
  }
  if (typeof method === 'string') {
    const params = parseParams(text, findMember(spans, 'params'), value['params']);
    return id === undefined
      ? { kind: 'notification', method, params }
      : { kind: 'request', id, method, params };
  }
  const result = findMember(spans, 'result');
  const error = findMember(spans, 'error');
  if (
    method === undefined &&
    id !== undefined &&
    (result === undefined) !== (error === undefined)
  ) {
    const sliceOf = (span: Span | undefined): string | undefined =>
      span && text.slice(span.start, span.end);
    return { kind: 'response', id, resultText: sliceOf(result), errorText: sliceOf(error) };
  }
  throw new ProtocolError(
    RPC.invalidRequest,
    'Invalid request: expected a method, or an id with a result or an error',
  );
}

function parseOne(text: string, value: unknown, limits: ParseLimits): IncomingMessage {
  if (!isObject(value)) {
    throw new ProtocolError(RPC.invalidRequest, 'Invalid request: expected a JSON object');
  }
  try {
    const spans = objectMembers(text, 0, limits.maxDepth, MAX_MEMBERS);
    assertUnambiguous(spans, ENVELOPE_KEYS, 'the message');
    return readEnvelope(text, spans, value);
  } catch (error) {
    const id = isId(value['id']) ? value['id'] : undefined;
    if (error instanceof JsonDepthError || error instanceof JsonMembersError) {
      const details = { id, cause: error };
      throw new ProtocolError(RPC.invalidRequest, `Invalid request: ${error.message}`, details);
    }
    if (error instanceof ProtocolError && error.id === undefined && id !== undefined) {
      const details = { id, data: error.data, cause: error };
      throw new ProtocolError(error.rpcCode, error.message, details);
    }
    throw error;
  }
}

/**
 * Reads one JSON-RPC message from untrusted text, strictly.
 * `arguments` and every other value stay raw; only the envelope, `params` and `_meta` keys are judged.
 * @throws ProtocolError with the code the peer must get.
 */
export function parseMessage(text: string, limits: ParseLimits = DEFAULT_LIMITS): IncomingMessage {
  if (text.length > PARSE_DEPTH && nestsDeeper(text, PARSE_DEPTH)) {
    const why = `JSON nests deeper than ${limits.maxDepth} levels`;
    throw new ProtocolError(RPC.invalidRequest, `Invalid request: ${why}`);
  }
  return parseOne(text, parseJson(text), limits);
}
