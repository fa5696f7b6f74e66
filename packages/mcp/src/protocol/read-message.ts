import {
  META_KEYS,
  PARAM_KEYS,
  parseMessage,
  type IncomingMessage,
  type RequestParams,
} from './json-rpc.ts';
import { afterSpace, afterString, afterValue } from './json-strict.ts';
import type { JsonObject, RawMember } from './message.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Levels below the envelope, as `ParseLimits` has them. */
const MAX_DEPTH = 64;
/** More members than these are for the slower way. */
const MAX_PLAIN = 16;

const NONE: readonly RawMember[] = [];

/** The members of `params`, of which the large one is parsed when somebody asks: most calls are not looked into. */
class ParamValues {
  readonly #members: readonly RawMember[];
  readonly #meta: readonly RawMember[];
  #arguments: unknown;
  #known = false;

  constructor(members: readonly RawMember[], meta: readonly RawMember[]) {
    this.#members = members;
    this.#meta = meta;
  }

  get arguments(): unknown {
    if (!this.#known) {
      this.#known = true;
      const member = this.#members.find(({ key }) => key === 'arguments');
      this.#arguments = member && JSON.parse(member.text);
    }
    return this.#arguments;
  }

  get _meta(): JsonObject | undefined {
    if (this.#meta.length === 0) return undefined;
    return Object.fromEntries(this.#meta.map(({ key, text }) => [key, JSON.parse(text)]));
  }
}

/** A value that is no container, or whatever else is small. */
function simpleValue(text: string): unknown {
  const plain = text.charCodeAt(0) === QUOTE && !text.includes('\\');
  return plain ? text.slice(1, -1) : JSON.parse(text);
}

function valuesOf(members: readonly RawMember[], meta: readonly RawMember[]): JsonObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it takes whatever members there are
  const values = new ParamValues(members, meta) as unknown as Record<string, unknown>;
  for (const { key, text } of members) {
    if (key !== 'arguments') values[key] = simpleValue(text);
  }
  return values;
}

/** Walks the text of one message. */
class PlainReader {
  readonly #text: string;
  #at: number;
  /** Anything that is not as nearly every request is. */
  odd = false;

  constructor(text: string) {
    this.#text = text;
    this.#at = afterSpace(text, 0);
  }

  /** Whether nothing but white space is left. */
  get ended(): boolean {
    return afterSpace(this.#text, this.#at) === this.#text.length;
  }

  get atObject(): boolean {
    return this.#text.charCodeAt(this.#at) === OPEN_BRACE;
  }

  /** Into the object here. False when it has no members. */
  enter(): boolean {
    if (!this.atObject) return this.#give();
    this.#at = afterSpace(this.#text, this.#at + 1);
    return this.#text.charCodeAt(this.#at) !== CLOSE_BRACE || this.#leave();
  }

  /** The next key; its value follows. */
  key(): string {
    const text = this.#text;
    const start = this.#at;
    const end = text.charCodeAt(start) === QUOTE ? afterString(text, start) : -1;
    const colon = end === -1 ? -1 : afterSpace(text, end);
    if (colon === -1 || text.charCodeAt(colon) !== COLON) {
      this.odd = true;
      return '';
    }
    this.#at = afterSpace(text, colon + 1);
    return text.slice(start + 1, end - 1);
  }

  /** The raw text of the value here. */
  value(depth: number): string {
    const start = this.#at;
    const end = afterValue(this.#text, start, depth);
    if (end === -1) {
      this.odd = true;
      return '';
    }
    this.#at = end;
    return this.#text.slice(start, end);
  }

  /** To the next member. False after the last one. */
  next(): boolean {
    if (this.odd) return false;
    this.#at = afterSpace(this.#text, this.#at);
    const c = this.#text.charCodeAt(this.#at);
    if (c === CLOSE_BRACE) return this.#leave();
    if (c !== COMMA) return this.#give();
    this.#at = afterSpace(this.#text, this.#at + 1);
    return true;
  }

  #leave(): false {
    this.#at += 1;
    return false;
  }

  #give(): false {
    this.odd = true;
    return false;
  }
}

function has(members: readonly RawMember[], wanted: string): boolean {
  for (const { key } of members) if (key === wanted) return true;
  return false;
}

function readMembers(
  reader: PlainReader,
  known: ReadonlySet<string>,
  depth: number,
): readonly RawMember[] {
  const members: RawMember[] = [];
  for (let more = reader.enter(); more; more = reader.next()) {
    const key = reader.key();
    if (members.length >= MAX_PLAIN || !known.has(key) || has(members, key)) reader.odd = true;
    if (reader.odd) return members;
    members.push({ key, text: reader.value(depth) });
  }
  return members;
}

function readParams(reader: PlainReader): RequestParams | undefined {
  const members: RawMember[] = [];
  let meta: readonly RawMember[] | undefined;
  for (let more = reader.enter(); more; more = reader.next()) {
    const key = reader.key();
    const isMeta = key === '_meta';
    const twice = isMeta ? meta !== undefined : has(members, key);
    if (members.length >= MAX_PLAIN || !PARAM_KEYS.has(key) || twice) reader.odd = true;
    if (reader.odd) return undefined;
    if (isMeta) meta = readMembers(reader, META_KEYS, MAX_DEPTH - 2);
    else members.push({ key, text: reader.value(MAX_DEPTH - 1) });
  }
  if (reader.odd) return undefined;
  return { members, meta: meta ?? NONE, value: valuesOf(members, meta ?? NONE) };
}

/** The text between the quotes of a plain string; undefined for anything else. */
function plainString(text: string): string | undefined {
  return text.charCodeAt(0) === QUOTE && !text.includes('\\') ? text.slice(1, -1) : undefined;
}

/** What is known of a request's envelope so far. */
interface Envelope {
  version: string | undefined;
  id: string | number | undefined;
  method: string | undefined;
  params: RequestParams | undefined;
}

/** Takes one member; false when it is not as nearly every one is. */
function takeMember(reader: PlainReader, known: Envelope): boolean {
  const key = reader.key();
  if (key === 'params') {
    if (known.params !== undefined || !reader.atObject) return false;
    known.params = readParams(reader);
    return known.params !== undefined;
  }
  const value = reader.value(0);
  if (key === 'jsonrpc') {
    if (known.version !== undefined) return false;
    known.version = value;
    return value === '"2.0"';
  }
  if (key === 'id') {
    if (known.id !== undefined) return false;
    known.id = plainString(value) ?? Number(value);
    return typeof known.id === 'string' || Number.isSafeInteger(known.id);
  }
  if (key !== 'method' || known.method !== undefined) return false;
  known.method = plainString(value);
  return known.method !== undefined;
}

/** A request as nearly all are; undefined for whatever must be looked at more closely, wrong or not. */
function readPlain(text: string): Extract<IncomingMessage, { kind: 'request' }> | undefined {
  const reader = new PlainReader(text);
  const known: Envelope = {
    version: undefined,
    id: undefined,
    method: undefined,
    params: undefined,
  };
  for (let more = reader.enter(); more; more = reader.next()) {
    if (!takeMember(reader, known)) return undefined;
  }
  if (reader.odd || !reader.ended) return undefined;
  const { version, id, method, params } = known;
  if (version === undefined || id === undefined) return undefined;
  if (method === undefined || params === undefined) return undefined;
  return { kind: 'request', id, method, params };
}

/**
 * As `parseMessage`, and says the same of every text; sooner of requests as clients write them.
 * @throws ProtocolError
 */
export function readMessage(text: string): IncomingMessage {
  return readPlain(text) ?? parseMessage(text);
}
