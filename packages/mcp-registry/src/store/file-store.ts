import { randomUUID } from 'node:crypto';
import { RegistryError, toRegistryError } from '../registry-error.ts';
import { createEditWatch, type EditWatch } from './external-edit.ts';
import { nodeFileSystem, type FileSystem } from './file-system.ts';
import { createFollower, type Follower } from './follower.ts';
import { encodeBatch, encodeHeader, storeFormat, type JournalBase } from './journal-format.ts';
import { Journal } from './journal.ts';
import { tidyFolder } from './prepare-folder.ts';
import { createQuarantine, type Quarantine } from './quarantine.ts';
import { recover, type Recovery } from './recovery.ts';
import { commitSnapshot, prepareSnapshot } from './snapshot.ts';
import { storePaths, type StorePaths } from './store-paths.ts';
import type {
  Batch,
  RegistryState,
  RegistryStore,
  SnapshotSource,
  StoreAccess,
  StoreEvent,
  StoreSizes,
  WarningListener,
} from './store.ts';
import { lockedByOther, takeWriterAccess } from './writer-access.ts';
import { createWriterLock, type TakeLock, type WriterLock } from './writer-lock.ts';

/** How a file store is opened. */
export interface FileStoreOptions {
  /** Path of `servers.json`; every other file lies beside it. */
  readonly path: string;
  /** Default: the real disk. */
  readonly fileSystem?: FileSystem;
  /** Default: a kernel lock, see `createWriterLock`. */
  readonly takeLock?: TakeLock;
  /** Never take the lock. Default: false. */
  readonly readOnly?: boolean;
  /** Accept NFS and SMB, where a single writer cannot be guaranteed. Default: false. */
  readonly allowNetworkFolder?: boolean;
  /** How often changes by others are looked for, beside the folder watch. Default: 1000 ms. */
  readonly pollMs?: number;
  readonly onWarning?: WarningListener;
}

class FileStore implements RegistryStore {
  readonly #fs: FileSystem;
  readonly #paths: StorePaths;
  readonly #takeLock: TakeLock;
  readonly #pollMs: number;
  readonly #warn: WarningListener;
  readonly #quarantine: Quarantine;
  readonly #follower: Follower;
  #access: StoreAccess = { kind: 'reader', reason: lockedByOther() };
  #lock: WriterLock | undefined;
  #id: string = randomUUID();
  #base: JournalBase = { generation: 0, sha256: null };
  #journal: Journal | undefined;
  #needsSnapshot = false;
  #snapshotBytes = 0;
  #edits: EditWatch | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #stopFollowing: () => void = () => undefined;
  #emit: (event: StoreEvent) => void = () => undefined;

  constructor(options: FileStoreOptions) {
    this.#fs = options.fileSystem ?? nodeFileSystem;
    this.#paths = storePaths(options.path);
    this.#takeLock = options.takeLock ?? createWriterLock();
    this.#pollMs = options.pollMs ?? 1_000;
    this.#warn = options.onWarning ?? (() => undefined);
    this.#quarantine = createQuarantine(this.#fs, this.#paths);
    this.#follower = createFollower(this.#fs, this.#paths);
  }

  get access(): StoreAccess {
    return this.#access;
  }

  get sizes(): StoreSizes {
    return { journalBytes: this.#journal?.end ?? 0, snapshotBytes: this.#snapshotBytes };
  }

  get snapshotGeneration(): number {
    return this.#base.generation;
  }

  get needsSnapshot(): boolean {
    return this.#needsSnapshot || this.#journal?.broken === true;
  }

  /** Takes the lock, or finds out why this process may only read. */
  async acquire(options: FileStoreOptions): Promise<void> {
    if (options.readOnly === true) return;
    const { access, lock } = await takeWriterAccess({
      fs: this.#fs,
      paths: this.#paths,
      takeLock: this.#takeLock,
      allowNetworkFolder: options.allowNetworkFolder ?? false,
      warn: this.#warn,
    });
    this.#access = access;
    this.#lock = lock;
  }

  async load(): Promise<RegistryState> {
    if (this.#access.kind === 'reader') return this.#follower.load();
    const recovery = await recover(this.#fs, this.#paths);
    for (const warning of recovery.warnings) this.#warn(warning);
    await this.#setAside(recovery);
    await this.#adopt(recovery);
    return recovery;
  }

  async claim(): Promise<RegistryState | undefined> {
    if (this.#access.kind === 'writer') return undefined;
    this.#lock = await this.#takeLock(this.#paths.lock);
    if (this.#lock === undefined) return undefined;
    try {
      await tidyFolder(this.#fs, this.#paths);
      this.#access = { kind: 'writer' };
      return await this.load();
    } catch (error) {
      const reason = toRegistryError(error, `open ${this.#paths.folder} for writing`);
      this.#access = { kind: 'reader', reason };
      await this.#releaseLock();
      throw reason;
    }
  }

  async append(batch: Batch): Promise<void> {
    await this.#exclusively(async () => {
      this.#assertAppendable();
      this.#journal ??= await Journal.replace(this.#fs, this.#paths, this.#header());
      await this.#journal.append(batch);
    });
  }

  appendNow(batch: Batch): void {
    this.#assertAppendable();
    if (this.#journal !== undefined) {
      this.#journal.appendNow(batch);
      return;
    }
    const bytes = Buffer.concat([encodeHeader(this.#header()), ...encodeBatch(batch)]);
    try {
      this.#fs.createNow(this.#paths.journal, bytes);
    } catch (error) {
      throw toRegistryError(error, 'start a journal');
    }
  }

  async snapshot(
    capture: () => SnapshotSource,
    options: { readonly paced: boolean },
  ): Promise<number> {
    this.#assertWriter();
    await this.#edits?.look();
    // Between two appends: the journal's end then marks exactly what the captured state contains.
    const [state, mark] = await this.#exclusively(
      async () => [capture(), this.#journal?.end] as const,
    );
    const request = { id: this.#id, state, paced: options.paced };
    const { footer, size } = await prepareSnapshot(this.#fs, this.#paths, request);
    await this.#edits?.replace(async () => commitSnapshot(this.#fs, this.#paths));
    this.#snapshotBytes = size;
    this.#base = { generation: footer.generation, sha256: footer.sha256 };
    await this.#exclusively(async () => this.#rotate(mark));
    this.#needsSnapshot = false;
    return footer.generation;
  }

  follow(listener: (event: StoreEvent) => void): () => void {
    let looking = false;
    this.#emit = listener;
    const look = async () => {
      if (looking) return;
      looking = true;
      try {
        if (this.#access.kind === 'writer') await this.#edits?.look();
        else for (const event of await this.#follower.poll()) listener(event);
      } catch (error) {
        // The files are looked at again soon; what was read before keeps being served.
        this.#warn({
          kind: 'read-only',
          message: toRegistryError(error, 'look for changes').message,
        });
      } finally {
        looking = false;
      }
    };
    const timer = setInterval(() => void look(), this.#pollMs).unref();
    const stopWatching = this.#fs.watch(this.#paths.folder, () => void look());
    this.#stopFollowing = () => {
      clearInterval(timer);
      stopWatching();
      this.#emit = () => undefined;
    };
    return this.#stopFollowing;
  }

  async close(): Promise<void> {
    this.#stopFollowing();
    await this.#queue;
    await this.#journal?.close();
    this.#journal = undefined;
    await this.#follower.close();
    await this.#releaseLock();
    this.#access = { kind: 'reader', reason: closedError() };
  }

  #header() {
    return { format: storeFormat, id: this.#id, base: this.#base };
  }

  async #setAside(recovery: Recovery): Promise<void> {
    for (const path of recovery.moveAside) await this.#quarantine.move(path);
    for (const path of new Set(recovery.copyAside)) await this.#quarantine.copy(path);
    if (recovery.rejected.length === 0) return;
    const kept = await this.#quarantine.keepEntries(recovery.rejected);
    const count = recovery.rejected.length;
    const reason = recovery.rejected[0]?.reason ?? '';
    this.#warn({
      kind: 'rejected-entry',
      message: `${count} entries are not usable servers and were kept in ${kept}; the first: ${reason}`,
    });
  }

  async #adopt(recovery: Recovery): Promise<void> {
    const { base } = recovery;
    this.#id = recovery.id ?? this.#id;
    const sha256 = base.kind === 'none' ? null : base.sha256;
    this.#base = { generation: base.kind === 'ours' ? base.generation : 0, sha256 };
    this.#snapshotBytes = recovery.snapshotFacts?.size ?? 0;
    this.#needsSnapshot = recovery.journal === 'replace' || recovery.rejected.length > 0;
    this.#edits = createEditWatch(
      {
        fs: this.#fs,
        paths: this.#paths,
        quarantine: this.#quarantine,
        warn: this.#warn,
        onEdit: (state) => this.#emit({ kind: 'edit', state, since: this.#base.generation }),
      },
      recovery.snapshotFacts,
    );
    if (recovery.journal !== 'resume') return;
    const position = { end: recovery.journalEnd };
    this.#journal = await Journal.resume(this.#fs, this.#paths.journal, position);
  }

  /** Starts the journal of the snapshot just written; `mark` is where the old one goes beyond it. */
  async #rotate(mark: number | undefined): Promise<void> {
    const old = this.#journal;
    const tail =
      old === undefined || old.broken || mark === undefined
        ? undefined
        : { from: old, start: mark };
    try {
      this.#journal = await Journal.replace(this.#fs, this.#paths, this.#header(), tail);
    } catch (error) {
      // If the name already points at the new file, appends to the old one would be lost.
      await old?.checkName(this.#paths.journal);
      throw error;
    }
    await old?.close();
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  #assertWriter(): void {
    if (this.#access.kind === 'reader') throw this.#access.reason;
  }

  #assertAppendable(): void {
    this.#assertWriter();
    if (this.needsSnapshot)
      throw new RegistryError('EIO', 'Cannot append to the journal: a snapshot must come first');
  }

  async #releaseLock(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }
}

function closedError(): RegistryError {
  return new RegistryError('EREGISTRYCLOSED', 'Cannot use the registry: it has been closed');
}

/**
 * Opens the registry kept in a folder: as its writer, or, when another process is that or the folder cannot be
 * written, as a reader that follows (`access` says why).
 * @throws RegistryError `ENETFS`, `EBUSY` (mounted file) or the disk's code.
 */
export async function openFileStore(options: FileStoreOptions): Promise<RegistryStore> {
  const store = new FileStore(options);
  await store.acquire(options);
  return store;
}
