import type { ContainerScan } from './container-scan.ts';
import {
  META_KEYS,
  PARAM_KEYS,
  parseMessage,
  type IncomingMessage,
  type RequestParams,
} from './json-rpc.ts';
import type { JsonObject, RawMember } from './message.ts';
import { PlainReader } from './plain-reader.ts';

const QUOTE = 0x22;

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

/** `_meta` as clients send it with one request after the other, letter for letter, and its members. */
interface KnownMeta {
  readonly text: string;
  readonly members: readonly RawMember[];
}

const MAX_KNOWN = 4;
const MAX_KNOWN_CHARS = 1_024;
/** Seen twice in a row, oldest first. */
let knownMetas: readonly KnownMeta[] = [];
/** Seen last, and not known. */
let lastSeen = '';

/** One string for each key, which is compared sooner than one of each request. */
const OWN_KEYS: ReadonlyMap<string, string> = new Map([...META_KEYS].map((key) => [key, key]));

/** Of a text of its own, so that the message it came in can go. */
function knownMeta(text: string): KnownMeta {
  const own = Buffer.from(text).toString();
  const members = readMembers(new PlainReader(own), META_KEYS, MAX_DEPTH - 2);
  return {
    text: own,
    members: members.map((one) => ({ key: OWN_KEYS.get(one.key) ?? one.key, text: one.text })),
  };
}

/** The members of `_meta`. A client's is mostly the same each time, and is then recognised instead of read. */
function readMeta(reader: PlainReader): readonly RawMember[] {
  for (const { text, members } of knownMetas) if (reader.pass(text)) return members;
  const start = reader.at;
  const members = readMembers(reader, META_KEYS, MAX_DEPTH - 2);
  if (reader.odd || reader.at - start > MAX_KNOWN_CHARS) return members;
  const text = reader.since(start);
  if (text === lastSeen) knownMetas = [...knownMetas.slice(1 - MAX_KNOWN), knownMeta(text)];
  lastSeen = text;
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
    if (isMeta) meta = readMeta(reader);
    else members.push({ key, text: reader.value(MAX_DEPTH - 1) });
  }
  if (reader.odd) return undefined;
  return { members, meta: meta ?? NONE, value: valuesOf(members, meta ?? NONE) };
}

/** The text between the quotes of a plain string; undefined for anything else. */
function plainString(text: string): string | undefined {
  return text.charCodeAt(0) === QUOTE && !text.includes('\\') ? text.slice(1, -1) : undefined;
}

/** The method of nearly every request: one string, which is compared sooner than many. */
const TOOLS_CALL = 'tools/call';
const TOOLS_CALL_TEXT = `"${TOOLS_CALL}"`;

function methodOf(text: string): string | undefined {
  return text === TOOLS_CALL_TEXT ? TOOLS_CALL : plainString(text);
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
  known.method = methodOf(value);
  return known.method !== undefined;
}

/** A request as nearly all are; undefined for whatever must be looked at more closely, wrong or not. */
function readPlain(
  text: string,
  containers: ContainerScan | undefined,
): Extract<IncomingMessage, { kind: 'request' }> | undefined {
  const reader = new PlainReader(text, containers);
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
 * @param containers of that text; see `textContainers`. Default: they are looked through in JavaScript.
 * @throws ProtocolError
 */
export function readMessage(text: string, containers?: ContainerScan): IncomingMessage {
  return readPlain(text, containers) ?? parseMessage(text);
}
