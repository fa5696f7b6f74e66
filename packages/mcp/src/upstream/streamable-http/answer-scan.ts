import type { JsonRpcId } from '../../protocol/message.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Longer keys and ids than these cannot be the ones looked for. */
const MAX_KEY_BYTES = 64;
const MAX_ID_BYTES = 4_096;

function parse(chunks: readonly Uint8Array[]): unknown {
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    // Not JSON: undefined is no key and no id.
    return undefined;
  }
}

/**
 * Reads the outermost members of a JSON-RPC answer while its bytes pass by, building nothing: whether it is one
 * object with one `id`, which is the expected one, and one `result` or `error`. A server that could put another
 * id into an answer we pass on unread could answer for another connector.
 */
export class AnswerScan {
  readonly #id: JsonRpcId;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inValue = false;
  #captured: Uint8Array[] = [];
  #capturedBytes = 0;
  #capturing: 'key' | 'id' | undefined;
  #key: unknown;
  #ids = 0;
  #answers = 0;
  #isError = false;
  #closed = false;
  #problem: string | undefined;

  constructor(id: JsonRpcId) {
    this.#id = id;
  }

  /** What is wrong so far; undefined while nothing is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Whether what was read so far has an `error`. */
  get isError(): boolean {
    return this.#isError;
  }

  /** Takes the next bytes. They are not kept. */
  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#inString) at = this.#passString(bytes, at);
      else if (this.#depth > 1) at = this.#passNested(bytes, at);
      else at = this.#passOuter(bytes, at);
    }
  }

  /** What is wrong with the whole; undefined when nothing is. */
  end(): string | undefined {
    if (this.#problem !== undefined) return this.#problem;
    if (!this.#closed) return 'the answer is no complete JSON object';
    if (this.#ids !== 1) return 'the answer has no id';
    return this.#answers === 1 ? undefined : 'the answer has neither a result nor an error';
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
  }

  #capture(bytes: Uint8Array): void {
    if (this.#capturing === undefined) return;
    const limit = this.#capturing === 'key' ? MAX_KEY_BYTES : MAX_ID_BYTES;
    this.#capturedBytes += bytes.length;
    // Too long to be the one looked for: what is left of it parses to nothing.
    if (this.#capturedBytes <= limit) this.#captured.push(Buffer.from(bytes));
  }

  /** To one past the end of the string, or to the end of the bytes. */
  #passString(bytes: Buffer, start: number): number {
    let at = this.#escaped ? start + 1 : start;
    this.#escaped = false;
    for (;;) {
      const quote = bytes.indexOf(QUOTE, at);
      const end = quote === -1 ? bytes.length : quote;
      let slashes = 0;
      while (end - slashes > at && bytes[end - slashes - 1] === BACKSLASH) slashes += 1;
      const escaped = slashes % 2 === 1;
      if (quote === -1) {
        this.#escaped = escaped;
        this.#capture(bytes.subarray(start));
        return bytes.length;
      }
      at = quote + 1;
      if (!escaped) break;
    }
    this.#inString = false;
    this.#capture(bytes.subarray(start, at));
    if (this.#capturing === 'key') this.#keyEnd();
    return at;
  }

  /** Through a nested value, to where something outside of it follows. */
  #passNested(bytes: Buffer, start: number): number {
    let depth = this.#depth;
    let at = start;
    while (at < bytes.length && depth > 1) {
      const c = bytes[at];
      at += 1;
      if (c === QUOTE) {
        this.#inString = true;
        break;
      }
      if (c === OPEN_BRACE || c === OPEN_BRACKET) depth += 1;
      else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) depth -= 1;
    }
    this.#depth = depth;
    return at;
  }

  #passOuter(bytes: Buffer, at: number): number {
    const c = bytes[at] ?? 0;
    if (c > 0x20) this.#outerByte(c);
    const capturing = this.#capturing !== undefined && this.#depth === 1;
    if (capturing) this.#capture(bytes.subarray(at, at + 1));
    return at + 1;
  }

  #outerByte(c: number): void {
    if (this.#depth === 0 && (c !== OPEN_BRACE || this.#closed)) {
      this.#fail('the answer is not one JSON object');
    } else if (c === QUOTE) {
      this.#inString = true;
      if (!this.#inValue) this.#startCapture('key');
    } else if (c === OPEN_BRACE || c === OPEN_BRACKET) {
      this.#depth += 1;
    } else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) {
      this.#memberEnd();
      this.#depth -= 1;
      this.#closed = this.#depth === 0;
    } else if (c === COMMA) {
      this.#memberEnd();
    } else if (c === COLON) {
      this.#valueStart();
    }
  }

  #startCapture(what: 'key' | 'id'): void {
    this.#capturing = what;
    this.#captured = [];
    this.#capturedBytes = 0;
  }

  #valueStart(): void {
    if (this.#inValue) return;
    this.#inValue = true;
    if (this.#key === 'id') this.#startCapture('id');
  }

  #keyEnd(): void {
    this.#capturing = undefined;
    this.#key = parse(this.#captured);
    if (this.#key === 'id') this.#ids += 1;
    if (this.#key === 'error') this.#isError = true;
    if (this.#key === 'result' || this.#key === 'error') this.#answers += 1;
    if (this.#ids > 1 || this.#answers > 1) this.#fail('a key of the answer is given twice');
  }

  #memberEnd(): void {
    this.#inValue = false;
    if (this.#capturing !== 'id') return;
    this.#capturing = undefined;
    // The colon before the value was captured with it.
    if (parse(this.#captured.slice(1)) !== this.#id) {
      this.#fail('the answer carries the id of another request');
    }
  }
}
