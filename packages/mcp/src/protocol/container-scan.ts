import { CONTAINER_SCAN_BYTES } from './container-scan-bytes.ts';

/** Finds where arrays and objects of one text end, in WebAssembly, which looks at sixteen bytes at a time. */
export interface ContainerScan {
  /**
   * One past the container at `from`; -1 where that is no JSON, or nests deeper than `depth` levels (at most 1,000).
   * undefined where a number is longer than what it can look at.
   */
  after(from: number, depth: number): number | undefined;
}

/** What container-scan.wat exports. */
interface Scanner {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly at: { readonly value: number };
  readonly scan: (from: number, end: number, depth: number, isNew: 0 | 1) => number;
}

/** What is used of WebAssembly, which is not there with `--jitless`. Node's types do not have it. */
declare const WebAssembly: {
  readonly Module: new (bytes: Buffer) => object;
  readonly Instance: new (module: object) => { readonly exports: Scanner };
};

/** The module, and which text is in its memory: its number, as the text itself would live on. */
interface Compiled {
  readonly scanner: Scanner;
  readonly memory: Uint8Array;
  texts: number;
  shown: number;
}

/** Where the window begins in the memory; what is open is before it. */
const WINDOW_START = 1_024;
/** What is behind the window: a zero, and what is read beyond that in passing. */
const BEHIND_WINDOW = 64;
const WINDOW_BYTES = 131_072 - WINDOW_START - BEHIND_WINDOW;

const NOTHING = Buffer.alloc(0);

class WindowScan implements ContainerScan {
  readonly #compiled: Compiled;
  readonly #pieces: readonly Buffer[];
  readonly #length: number;
  readonly #windowBytes: number;
  readonly #number: number;
  /** What part of the text is in the window. */
  #from = 0;
  #to = 0;
  /** A piece, and where in the text it begins. */
  #piece = 0;
  #pieceStart = 0;

  constructor(compiled: Compiled, pieces: readonly Buffer[], windowBytes: number) {
    this.#compiled = compiled;
    this.#pieces = pieces;
    this.#length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#windowBytes = windowBytes;
    compiled.texts += 1;
    this.#number = compiled.texts;
  }

  after(from: number, depth: number): number | undefined {
    const { scanner, shown } = this.#compiled;
    const isShown = shown === this.#number && from >= this.#from && from < this.#to;
    if (!isShown) this.#show(from);
    let at = from;
    let isNew: 0 | 1 = 1;
    for (;;) {
      const toWindow = WINDOW_START - this.#from;
      const end = scanner.scan(at + toWindow, this.#to + toWindow, depth, isNew);
      if (end > 0) return end - toWindow;
      if (end === 0 || this.#to === this.#length) return -1;
      const next = scanner.at.value - toWindow;
      if (next === this.#from) return undefined;
      this.#show(next);
      at = next;
      isNew = 0;
    }
  }

  /** Puts what follows a place of the text into the window. */
  #show(from: number): void {
    const { memory } = this.#compiled;
    this.#compiled.shown = this.#number;
    this.#from = from;
    this.#to = Math.min(from + this.#windowBytes, this.#length);
    this.#goTo(from);
    let start = this.#pieceStart;
    for (let at = this.#piece; start < this.#to; at += 1) {
      const piece = this.#pieces[at] ?? NOTHING;
      const part = piece.subarray(Math.max(from - start, 0), this.#to - start);
      memory.set(part, WINDOW_START + Math.max(start - from, 0));
      start += piece.length;
    }
    memory[WINDOW_START + this.#to - from] = 0;
  }

  /** To the piece that has a place of the text; mostly it is the same or the next. */
  #goTo(place: number): void {
    if (place < this.#pieceStart) {
      this.#piece = 0;
      this.#pieceStart = 0;
    }
    for (;;) {
      const next = this.#pieceStart + (this.#pieces[this.#piece]?.length ?? Infinity);
      if (next > place) return;
      this.#pieceStart = next;
      this.#piece += 1;
    }
  }
}

/** @returns undefined where there is no WebAssembly, none for sixteen bytes at a time, or no memory for it. */
function compile(): Compiled | undefined {
  try {
    const module = new WebAssembly.Module(Buffer.from(CONTAINER_SCAN_BYTES, 'base64'));
    const scanner = new WebAssembly.Instance(module).exports;
    return { scanner, memory: new Uint8Array(scanner.memory.buffer), texts: 0, shown: 0 };
  } catch {
    // Whatever it was, texts are looked through without it.
    return undefined;
  }
}

let tried: { readonly compiled: Compiled | undefined } | undefined;

/**
 * Looks through a text in WebAssembly, which the first one has compiled: 128 KiB of memory for a whole process.
 * @param text valid UTF-8, as one or in pieces.
 * @param windowBytes how much of it is looked at in one go. Default, and at most, what the memory has room for; at least 16.
 * @returns undefined where WebAssembly is not to be had.
 */
export function containerScan(
  text: Buffer | readonly Buffer[],
  windowBytes: number = WINDOW_BYTES,
): ContainerScan | undefined {
  tried ??= { compiled: compile() };
  const { compiled } = tried;
  const pieces = Buffer.isBuffer(text) ? [text] : text;
  return compiled && new WindowScan(compiled, pieces, windowBytes);
}
