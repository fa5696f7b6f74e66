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

class WindowScan implements ContainerScan {
  readonly #compiled: Compiled;
  readonly #bytes: Buffer;
  readonly #windowBytes: number;
  readonly #number: number;
  /** What part of the text is in the window. */
  #from = 0;
  #to = 0;

  constructor(compiled: Compiled, bytes: Buffer, windowBytes: number) {
    this.#compiled = compiled;
    this.#bytes = bytes;
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
      if (end === 0 || this.#to === this.#bytes.length) return -1;
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
    this.#to = Math.min(from + this.#windowBytes, this.#bytes.length);
    memory.set(this.#bytes.subarray(from, this.#to), WINDOW_START);
    memory[WINDOW_START + this.#to - from] = 0;
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
 * @param bytes valid UTF-8.
 * @param windowBytes how much of it is looked at in one go. Default, and at most, what the memory has room for; at least 16.
 * @returns undefined where WebAssembly is not to be had.
 */
export function containerScan(
  bytes: Buffer,
  windowBytes: number = WINDOW_BYTES,
): ContainerScan | undefined {
  tried ??= { compiled: compile() };
  const { compiled } = tried;
  return compiled && new WindowScan(compiled, bytes, windowBytes);
}
