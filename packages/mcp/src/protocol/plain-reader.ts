import type { ContainerScan } from './container-scan.ts';
import { afterSpace, afterString } from './json-strict.ts';
import { afterValueIn } from './text-containers.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Keys of nearly every request, by the code of their first character, as they mostly stand there. */
const USUAL_KEYS: readonly ({ readonly key: string; readonly text: string } | undefined)[] =
  (() => {
    const keys = ['jsonrpc', 'id', 'method', 'params', 'name', 'arguments', 'uri', '_meta'];
    const byCode: ({ key: string; text: string } | undefined)[] = Array.from({ length: 128 });
    for (const key of keys) byCode[key.charCodeAt(0)] = { key, text: `"${key}":` };
    return byCode;
  })();

/** Walks the text of one message, as strictly as `JSON.parse`; builds nothing. */
export class PlainReader {
  readonly #text: string;
  readonly #containers: ContainerScan | undefined;
  #at: number;
  /** Anything that is not as nearly every request is. */
  odd = false;

  /** @param containers of that text. Default: they are looked through here. */
  constructor(text: string, containers?: ContainerScan) {
    this.#text = text;
    this.#containers = containers;
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
    // Compared and not read, and the same string each time, which is found sooner in what it is looked for in.
    const usual = USUAL_KEYS[text.charCodeAt(start + 1)];
    if (usual !== undefined) {
      const colonEnd = start + usual.text.length;
      if (text.slice(start, colonEnd) === usual.text) {
        this.#at = afterSpace(text, colonEnd);
        return usual.key;
      }
    }
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
    const end = afterValueIn(this.#text, start, depth, this.#containers);
    if (end === -1) {
      this.odd = true;
      return '';
    }
    this.#at = end;
    return this.#text.slice(start, end);
  }

  /** Past a text, if that is what stands here; what follows it has to be looked at. */
  pass(expected: string): boolean {
    // Three times as fast as `startsWith`.
    if (this.#text.slice(this.#at, this.#at + expected.length) !== expected) return false;
    this.#at += expected.length;
    return true;
  }

  /** Where it is. */
  get at(): number {
    return this.#at;
  }

  /** What stands between a place and where it is. */
  since(start: number): string {
    return this.#text.slice(start, this.#at);
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
