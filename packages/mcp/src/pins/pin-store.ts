import { CommandError } from '../protocol/command-error.ts';
import { emptyBook, type PinBook } from './pin-book.ts';
import { pinFileMark, readPinFile, keepAside, withPinLock, writePinFile } from './pin-file.ts';
import { decodePins, encodePins, PinFormatError } from './pin-format.ts';
import { runInSlices } from '../protocol/pace.ts';

/** What is known of the file. */
export type PinFileState =
  | { readonly kind: 'ok' }
  /** It was damaged and is kept at `aside`; nothing is trusted at first sight since. */
  | { readonly kind: 'damaged'; readonly aside: string }
  /** It is there and cannot be read, or is of a newer version: it is left alone, and nothing is trusted. */
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * The pins of a state folder. Several processes may share them: each change is made to what the file says then, while
 * the others wait.
 */
export class PinStore {
  readonly path: string;
  #book: PinBook = emptyBook();
  #mark: string | undefined;
  #loaded = false;
  /** The book has changes that the file lacks. */
  #dirty = false;
  #state: PinFileState = { kind: 'ok' };
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
  }

  /** As last read or written. */
  get book(): PinBook {
    return this.#book;
  }

  get state(): PinFileState {
    return this.#state;
  }

  /** Reads the file unless it is the one that was read last. @returns whether the book is another one now. Never rejects. */
  async load(): Promise<boolean> {
    return await this.#inTurn(async () => await this.#load());
  }

  /** True while the book has changes that the file lacks. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** Changes the book in memory; the next `change` writes it. @param change says whether it did. */
  note(change: (book: PinBook) => boolean): void {
    this.#dirty = change(this.#book) || this.#dirty;
  }

  /**
   * Changes the book and writes it, with what was only noted. When that fails, it stays noted.
   * @param change says whether there was something to change.
   * @throws PinLockError, the error of the file system, or an error when the file cannot be read.
   */
  async change(change: (book: PinBook) => boolean): Promise<void> {
    await this.#inTurn(async () => {
      await withPinLock(this.path, async () => {
        await this.#load();
        if (this.#state.kind === 'unreadable') {
          throw new CommandError(
            'PINS_UNREADABLE',
            `${this.path} cannot be used: ${this.#state.why}`,
          );
        }
        this.note(change);
        if (!this.#dirty) return;
        // What is noted from now on may not be in the text.
        this.#dirty = false;
        try {
          await writePinFile(this.path, await runInSlices(encodePins(this.#book)));
        } catch (error) {
          this.#dirty = true;
          throw error;
        }
        this.#mark = await pinFileMark(this.path);
      });
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => undefined);
    return await mine;
  }

  async #load(): Promise<boolean> {
    try {
      const mark = await pinFileMark(this.path);
      if (this.#loaded && mark === this.#mark) return false;
      const text = mark === undefined ? undefined : await readPinFile(this.path);
      this.#book = text === undefined ? emptyBook() : await runInSlices(decodePins(text));
      this.#mark = mark;
      if (this.#state.kind === 'unreadable') this.#state = { kind: 'ok' };
    } catch (error) {
      await this.#refuse(error);
    }
    this.#loaded = true;
    return true;
  }

  async #refuse(error: unknown): Promise<void> {
    const why = error instanceof Error ? error.message : String(error);
    const lost = new Date().toISOString();
    this.#book = { lost, connectors: new Map() };
    this.#mark = undefined;
    if (!(error instanceof PinFormatError) || error.code === 'PINS_NEWER') {
      this.#state = { kind: 'unreadable', why };
      return;
    }
    try {
      const aside = await keepAside(this.path);
      await writePinFile(this.path, await runInSlices(encodePins(this.#book)));
      this.#mark = await pinFileMark(this.path);
      this.#state = { kind: 'damaged', aside };
    } catch (cause) {
      this.#state = { kind: 'unreadable', why: `${why}; ${String(cause)}` };
    }
  }
}
