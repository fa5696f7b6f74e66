import { toRegistryError, type RegistryError } from '../registry-error.ts';
import {
  createFlags,
  readPieces,
  unlessMissing,
  updateFlags,
  writeAll,
  type FileSystem,
  type OpenFile,
} from './file-system.ts';
import { encodeBatch, encodeHeader, type JournalHeader } from './journal-format.ts';
import { replaceKeepingPrevious } from './replace-file.ts';
import type { StorePaths } from './store-paths.ts';
import type { Batch } from './store.ts';

/** Where a journal goes on being written. */
export interface JournalPosition {
  /** Offset after the last durable batch. */
  readonly end: number;
}

/** A state of the journal file after which nothing may be appended to it any more. */
type Health =
  | { readonly kind: 'sound' }
  | { readonly kind: 'broken'; readonly error: RegistryError };

/**
 * The append side of `servers.log`. A batch is durable when `append` resolves. After a failed sync the file is never
 * synced again (the kernel may have dropped the pages), so the journal stays broken until it is replaced.
 */
export class Journal {
  readonly #fs: FileSystem;
  readonly #file: OpenFile;
  #end: number;
  /** Offset after the bytes of the batch being written now; equal to `#end` when there is none. */
  #claimed: number;
  #health: Health = { kind: 'sound' };

  private constructor(fs: FileSystem, file: OpenFile, end: number) {
    this.#fs = fs;
    this.#file = file;
    this.#end = end;
    this.#claimed = end;
  }

  /** Goes on with an existing journal; bytes after `end` (a torn, never acknowledged tail) are cut off. */
  static async resume(fs: FileSystem, path: string, position: JournalPosition): Promise<Journal> {
    const file = await fs.open(path, updateFlags);
    try {
      const { size } = await file.stat();
      if (size > position.end) {
        await file.truncate(position.end);
        await file.datasync();
      }
      return new Journal(fs, file, position.end);
    } catch (error) {
      await file.close();
      throw toRegistryError(error, 'open the journal');
    }
  }

  /**
   * Starts a new journal in place of the current one, which is kept as the previous one. `tail` copies the batches of
   * `from` that the new base does not contain.
   */
  static async replace(
    fs: FileSystem,
    paths: StorePaths,
    header: JournalHeader,
    tail?: { readonly from: Journal; readonly start: number },
  ): Promise<Journal> {
    const next = `${paths.journal}.next`;
    await unlessMissing(fs.unlink(next));
    const file = await fs.open(next, createFlags, 0o600);
    try {
      let end = await writeAll(file, encodeHeader(header), 0);
      if (tail !== undefined) {
        const range = { start: tail.start, end: tail.from.#end };
        for await (const piece of readPieces(tail.from.#file, range))
          end = await writeAll(file, piece, end);
      }
      await file.sync();
      await replaceKeepingPrevious(fs, {
        folder: paths.folder,
        next,
        current: paths.journal,
        previous: paths.previousJournal,
      });
      return new Journal(fs, file, end);
    } catch (error) {
      await file.close();
      throw toRegistryError(error, 'start a new journal');
    }
  }

  /** Offset after the last durable batch. */
  get end(): number {
    return this.#end;
  }

  get broken(): boolean {
    return this.#health.kind === 'broken';
  }

  async append(batch: Batch): Promise<void> {
    if (this.#health.kind === 'broken') throw this.#health.error;
    let position = this.#end;
    try {
      for (const piece of encodeBatch(batch)) {
        this.#claimed = position + piece.length;
        position = await writeAll(this.#file, piece, position);
      }
    } catch (error) {
      await this.#cutBack();
      throw toRegistryError(error, 'append to the journal');
    }
    try {
      await this.#file.datasync();
    } catch (error) {
      throw this.#break(error);
    }
    this.#end = position;
    this.#claimed = position;
  }

  /** Synchronous append after whatever is being written now, on a line of its own. */
  appendNow(batch: Batch): void {
    if (this.#health.kind === 'broken') throw this.#health.error;
    const bytes = Buffer.concat([Buffer.from('\n'), ...encodeBatch(batch)]);
    try {
      this.#fs.writeNow(this.#file.fd, bytes, this.#claimed);
    } catch (error) {
      throw toRegistryError(error, 'append to the journal');
    }
    this.#end = this.#claimed + bytes.length;
    this.#claimed = this.#end;
  }

  /** Breaks the journal unless the path still names its file. */
  async checkName(path: string): Promise<void> {
    try {
      const [named, own] = [await this.#fs.facts(path), await this.#file.stat()];
      if (named.ino !== own.ino) this.#break(new Error('the journal was replaced'));
    } catch (error) {
      this.#break(error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #cutBack(): Promise<void> {
    try {
      await this.#file.truncate(this.#end);
      this.#claimed = this.#end;
    } catch (error) {
      this.#break(error);
    }
  }

  #break(cause: unknown): RegistryError {
    const error = toRegistryError(cause, 'sync the journal');
    this.#health = { kind: 'broken', error };
    return error;
  }
}
