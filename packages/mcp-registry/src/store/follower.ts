import type { FileFacts, FileSystem, OpenFile } from './file-system.ts';
import { readFlags, unlessMissing } from './file-system.ts';
import { readBatches, readOpenJournal } from './journal-reader.ts';
import { recover, type Recovery } from './recovery.ts';
import { peekFooter } from './snapshot-reader.ts';
import type { StorePaths } from './store-paths.ts';
import type { Batch, StoreEvent } from './store.ts';

/** Follows the files another process writes. Never changes them. */
export interface Follower {
  /** Reads everything anew. */
  load(): Promise<Recovery>;
  /** Looks once for changes since the last call. */
  poll(): Promise<StoreEvent[]>;
  close(): Promise<void>;
}

/** How often a read that raced with a rotation is repeated. */
const maxAttempts = 5;

/** Warnings that a rotation between two reads can cause. */
const racy: ReadonlySet<string> = new Set([
  'generation-backwards',
  'detached-journal',
  'merged-journal',
  'previous-snapshot-used',
  'generation-gap',
]);

interface Position {
  readonly id: string | undefined;
  readonly file: OpenFile | undefined;
  readonly end: number;
  readonly generation: number;
  readonly snapshot: FileFacts | undefined;
}

function sameFile(a: FileFacts | undefined, b: FileFacts | undefined): boolean {
  return a?.ino === b?.ino && a?.mtimeMs === b?.mtimeMs && a?.size === b?.size;
}

class FileFollower implements Follower {
  readonly #fs: FileSystem;
  readonly #paths: StorePaths;
  #at: Position | undefined;

  constructor(fs: FileSystem, paths: StorePaths) {
    this.#fs = fs;
    this.#paths = paths;
  }

  async load(): Promise<Recovery> {
    for (let attempt = 1; ; attempt++) {
      const snapshot = await this.#facts(this.#paths.snapshot);
      // Held open while it is followed, so that its inode number cannot come back as another file.
      const file = await unlessMissing(this.#fs.open(this.#paths.journal, readFlags));
      const read = await recover(this.#fs, this.#paths);
      if (attempt === maxAttempts || !(await this.#raced(read, snapshot, file))) {
        const { id, generation, journalEnd: end } = read;
        await this.#move({ id, file, end, generation, snapshot });
        return read;
      }
      await file?.close();
    }
  }

  async poll(): Promise<StoreEvent[]> {
    const batches = await this.#readOn();
    if (batches !== undefined) return batches.map((batch) => ({ kind: 'batch', batch }));
    const { generation, records, extra } = await this.load();
    return [{ kind: 'reload', state: { generation, records, extra } }];
  }

  async close(): Promise<void> {
    await this.#move(undefined);
  }

  async #facts(path: string): Promise<FileFacts | undefined> {
    return unlessMissing(this.#fs.facts(path));
  }

  async #move(next: Position | undefined): Promise<void> {
    const old = this.#at;
    this.#at = next;
    if (old?.file !== undefined && old.file !== next?.file) await old.file.close();
  }

  /** Whether the writer replaced a file between two of our reads. */
  async #raced(
    read: Recovery,
    snapshot: FileFacts | undefined,
    file: OpenFile | undefined,
  ): Promise<boolean> {
    if (read.warnings.some((warning) => racy.has(warning.kind))) return true;
    if (!sameFile(snapshot, await this.#facts(this.#paths.snapshot))) return true;
    const named = await this.#facts(this.#paths.journal);
    return named?.ino !== (await file?.stat())?.ino;
  }

  /** New batches at the end of the journal that is held open, even if its name has moved on. */
  async #readHeld(position: Position): Promise<Batch[]> {
    if (position.file === undefined) return [];
    const { size } = await position.file.stat();
    if (size <= position.end) return [];
    const range = await readBatches(position.file, { start: position.end, end: size });
    const fresh = range.batches.filter((batch) => batch.to > position.generation);
    const generation = fresh.at(-1)?.to ?? position.generation;
    this.#at = { ...position, end: range.end, generation };
    return fresh;
  }

  /** Whether a new snapshot only repeats what has been followed already. */
  async #isKnown(position: Position): Promise<boolean> {
    const footer = await peekFooter(this.#fs, this.#paths.snapshot);
    return footer?.id === position.id && (footer?.generation ?? 0) <= position.generation;
  }

  /** Goes over to the journal that replaced the held one; `undefined` when it does not go on where that ended. */
  async #readReplaced(position: Position): Promise<Batch[] | undefined> {
    const file = await unlessMissing(this.#fs.open(this.#paths.journal, readFlags));
    if (file === undefined) return undefined;
    const { header, batches, end } = await readOpenJournal(file);
    const fresh = batches.filter((batch) => batch.to > position.generation);
    const goesOn =
      header !== undefined &&
      header.id === position.id &&
      header.base.generation <= position.generation &&
      (fresh[0]?.from ?? 0) <= position.generation + 1;
    if (!goesOn) {
      await file.close();
      return undefined;
    }
    const generation = fresh.at(-1)?.to ?? position.generation;
    await this.#move({ ...position, file, end, generation });
    return fresh;
  }

  /** New batches; `undefined` when only a full read can tell what happened. */
  async #readOn(): Promise<Batch[] | undefined> {
    if (this.#at === undefined) return undefined;
    const batches = await this.#readHeld(this.#at);
    const position = this.#at;
    const snapshot = await this.#facts(this.#paths.snapshot);
    if (!sameFile(snapshot, position.snapshot)) {
      if (!(await this.#isKnown(position))) return undefined;
      this.#at = { ...position, snapshot };
    }
    const named = await this.#facts(this.#paths.journal);
    const held = await position.file?.stat();
    if (named?.ino === held?.ino)
      return held !== undefined && held.size < position.end ? undefined : batches;
    const more = await this.#readReplaced(this.#at);
    return more === undefined ? undefined : [...batches, ...more];
  }
}

/** Creates a follower; call `load` before `poll`. */
export function createFollower(fs: FileSystem, paths: StorePaths): Follower {
  return new FileFollower(fs, paths);
}
