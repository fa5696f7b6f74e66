import { byteText, skipSpace } from './byte-scan.ts';
import { bytesNestDeeper } from './byte-value.ts';
import { containerScan } from './container-scan.ts';
import {
  PARSE_DEPTH,
  notJson,
  tooDeep,
  type IncomingMessage,
  type RequestParams,
} from './json-rpc.ts';
import {
  ProtocolError,
  type JsonObject,
  type JsonRpcId,
  type MemberBytes,
  type RawMember,
} from './message.ts';
import { readMessage } from './read-message.ts';
import { COMPILED_BYTES, textContainers } from './text-containers.ts';
import { skeletonOf, type Hole, type SkeletonLevel } from './skeleton.ts';

/** From when on bytes are worth more than text. */
export interface BodyLimits {
  /**
   * Larger bodies are looked through as bytes. Default 64 KiB. Others are sooner read as text, which fills the young generation, so
   * that it is collected, and the buffers of bodies with it, before they are so many that the whole heap is.
   */
  readonly smallBytes: number;
  /** Larger members of those stay bytes. Default 2 KiB. */
  readonly memberBytes: number;
  /** Larger bodies are looked through by WebAssembly. Default 1 KiB: the first one waits until that is compiled. */
  readonly compiledBytes: number;
}
const DEFAULT_LIMITS: BodyLimits = {
  smallBytes: 65_536,
  memberBytes: 2_048,
  compiledBytes: COMPILED_BYTES,
};

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;

/** A member that stays where it came, in the body of its message, until somebody wants its text. */
class LargeMember implements RawMember, MemberBytes {
  readonly key: string;
  readonly #body: Buffer;
  readonly #hole: Hole;
  /** Nothing else of the message is still in the body. */
  readonly #isAlone: boolean;
  #text: string | undefined;

  constructor(body: Buffer, hole: Hole, isAlone: boolean) {
    this.key = hole.key;
    this.#body = body;
    this.#hole = hole;
    this.#isAlone = isAlone;
  }

  get bytes(): MemberBytes {
    return this;
  }

  get text(): string {
    return (this.#text ??= this.#body.toString('utf8', this.#hole.start, this.#hole.end));
  }

  /** Over what stood around it where that was as long: then nothing is copied. */
  between(before: string, after: string): Buffer {
    const body = this.#body;
    const { start, end } = this.#hole;
    const from = start - Buffer.byteLength(before);
    const to = end + Buffer.byteLength(after);
    if (!this.#isAlone || from < 0 || to > body.length) {
      return Buffer.concat([Buffer.from(before), body.subarray(start, end), Buffer.from(after)]);
    }
    body.write(before, from);
    body.write(after, end);
    return body.subarray(from, to);
  }
}

/** Whether the bytes of a body are those of an array. */
export function isBatch(body: Buffer): boolean {
  return body[skipSpace(body, 0)] === OPEN_BRACKET;
}

/** The large members of one message. */
class LargeMembers {
  readonly #body: Buffer;
  readonly #holes: readonly Hole[];

  constructor(body: Buffer, holes: readonly Hole[]) {
    this.#body = body;
    this.#holes = holes;
  }

  in(message: IncomingMessage): IncomingMessage {
    if (message.kind !== 'response') return { ...message, params: this.#params(message.params) };
    const { resultText, errorText } = message;
    const textOf = (key: string): string | undefined => this.#at('message').get(key)?.text;
    return {
      ...message,
      resultText: resultText && (textOf('result') ?? resultText),
      errorText: errorText && (textOf('error') ?? errorText),
    };
  }

  #params({ members, meta, value }: RequestParams): RequestParams {
    const [own, ofMeta] = [this.#at('params'), this.#at('meta')];
    const metaNow = ofMeta.size === 0 ? meta : meta.map((one) => ofMeta.get(one.key) ?? one);
    for (const [key, member] of own) parseLate(value, key, () => JSON.parse(member.text));
    if (ofMeta.size > 0) parseLate(value, '_meta', () => valuesOf(metaNow));
    return { members: members.map((one) => own.get(one.key) ?? one), meta: metaNow, value };
  }

  #at(level: SkeletonLevel): ReadonlyMap<string, LargeMember> {
    const isAlone = this.#holes.length === 1;
    const holes = this.#holes.filter((hole) => hole.level === level);
    return new Map(holes.map((hole) => [hole.key, new LargeMember(this.#body, hole, isAlone)]));
  }
}

function valuesOf(members: readonly RawMember[]): JsonObject {
  return Object.fromEntries(members.map(({ key, text }) => [key, JSON.parse(text)]));
}

/** Gives an object a member whose value is made when somebody asks: most calls are not looked into. */
function parseLate(value: JsonObject, key: string, parse: () => unknown): void {
  let known: { readonly value: unknown } | undefined;
  const get = (): unknown => (known ??= { value: parse() }).value;
  Object.defineProperty(value, key, { get, enumerable: true, configurable: true });
}

/** The id of a request, or of one that is refused. */
function idOf(text: string): JsonRpcId | undefined {
  try {
    const message = readMessage(text);
    return message.kind === 'notification' ? undefined : message.id;
  } catch (error) {
    return error instanceof ProtocolError ? error.id : undefined;
  }
}

/** As `readBodyMessage`, of an object: what is large in it is not made a string but looked through where it is. */
function readLarge(body: Buffer, { memberBytes, compiledBytes }: BodyLimits): IncomingMessage {
  const containers = body.length > compiledBytes ? containerScan(body) : undefined;
  const skeleton = skeletonOf(byteText(body, containers), memberBytes);
  if (skeleton === undefined) throw bytesNestDeeper(body, PARSE_DEPTH) ? tooDeep() : notJson();
  const { text, holes, isTooDeep } = skeleton;
  if (isTooDeep) throw tooDeep(idOf(text));
  const message = readMessage(text);
  return holes.length === 0 ? message : new LargeMembers(body, holes).in(message);
}

/**
 * As `readMessage` of the text of a body, and says the same of each.
 * @param body valid UTF-8 without a byte order mark. It belongs to the message from then on, which may write into it.
 * @throws ProtocolError
 */
export function readBodyMessage(
  body: Buffer,
  limits: BodyLimits = DEFAULT_LIMITS,
): IncomingMessage {
  const isLarge = body.length > limits.smallBytes && body[skipSpace(body, 0)] === OPEN_BRACE;
  if (isLarge) return readLarge(body, limits);
  const text = body.toString('utf8');
  return readMessage(text, textContainers(text, body, limits.compiledBytes));
}
