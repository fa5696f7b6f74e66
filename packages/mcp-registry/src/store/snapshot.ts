import { createHash, type Hash } from 'node:crypto';
import { RegistryError, toRegistryError } from '../registry-error.ts';
import {
  createFlags,
  readPieces,
  unlessMissing,
  writeAll,
  type FileSystem,
  type OpenFile,
} from './file-system.ts';
import { storeFormat } from './journal-format.ts';
import { replaceKeepingPrevious } from './replace-file.ts';
import {
  encodeFooter,
  footerDigestText,
  snapshotHead,
  snapshotListEnd,
  type SnapshotFooter,
} from './snapshot-format.ts';
import type { StorePaths } from './store-paths.ts';
import type { StoredRecord } from '../stored-record.ts';
import type { SnapshotSource } from './store.ts';
import { createTimeSlice } from './time-slice.ts';

/** A committed snapshot. */
export interface WrittenSnapshot {
  readonly footer: SnapshotFooter;
  readonly size: number;
}

/** What to write and how hard to push. */
export interface SnapshotRequest {
  readonly id: string;
  readonly state: SnapshotSource;
  /** Rest between slices, for background work. */
  readonly paced: boolean;
}

/** How much is collected before it is written. */
const chunkBytes = 131_072;

/** Collects bytes, writes them in pieces and hashes what it wrote. Uses one buffer over and over. */
class Output {
  readonly #file: OpenFile;
  readonly hash: Hash = createHash('sha256');
  #chunk = Buffer.allocUnsafe(2 * chunkBytes);
  #filled = 0;
  position = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  addText(text: string): void {
    this.#reserve(Buffer.byteLength(text));
    this.#filled += this.#chunk.write(text, this.#filled);
  }

  addRecord({ source, start, end }: StoredRecord): void {
    if (typeof source === 'string') {
      this.addText(source);
      return;
    }
    this.#reserve(end - start);
    this.#filled += source.copy(this.#chunk, this.#filled, start, end);
  }

  /** Whether enough has been collected to be worth a write. */
  get full(): boolean {
    return this.#filled >= chunkBytes;
  }

  async write(): Promise<void> {
    const bytes = this.#chunk.subarray(0, this.#filled);
    this.hash.update(bytes);
    this.position = await writeAll(this.#file, bytes, this.position);
    this.#filled = 0;
  }

  #reserve(bytes: number): void {
    const wanted = this.#filled + bytes;
    if (wanted <= this.#chunk.length) return;
    const larger = Buffer.allocUnsafe(wanted + chunkBytes);
    this.#chunk.copy(larger, 0, 0, this.#filled);
    this.#chunk = larger;
  }
}

async function writeBody(output: Output, request: SnapshotRequest): Promise<void> {
  const { records, extra } = request.state;
  const slice = createTimeSlice({ paced: request.paced });
  output.addText(snapshotHead);
  let left = records.length;
  for (const record of records) {
    left--;
    output.addText('    ');
    output.addRecord(record);
    output.addText(left > 0 ? ',\n' : '\n');
    if (output.full) await output.write();
    if (slice.due()) await slice.turn();
  }
  output.addText(snapshotListEnd);
  for (const [key, value] of Object.entries(extra))
    output.addText(`  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  await output.write();
}

async function writeFile(file: OpenFile, request: SnapshotRequest): Promise<WrittenSnapshot> {
  const output = new Output(file);
  await writeBody(output, request);
  const facts = {
    format: storeFormat,
    id: request.id,
    generation: request.state.generation,
    count: request.state.records.length,
    bytes: output.position,
  };
  output.hash.update(footerDigestText(facts));
  const footer: SnapshotFooter = { ...facts, sha256: output.hash.copy().digest('hex') };
  output.addText(encodeFooter(footer));
  await output.write();
  return { footer, size: output.position };
}

/**
 * Reads the file back before it may replace the old one: a short write on a full disk, or a disk that returns other
 * bytes than it was given, must not be found out later.
 */
async function verify(
  file: OpenFile,
  written: WrittenSnapshot,
  options: { readonly paced: boolean },
): Promise<void> {
  const { size } = await file.stat();
  const hash = createHash('sha256');
  const slice = createTimeSlice(options);
  for await (const piece of readPieces(file, { start: 0, end: written.footer.bytes })) {
    hash.update(piece);
    if (slice.due()) await slice.turn();
  }
  hash.update(footerDigestText(written.footer));
  if (size !== written.size || hash.digest('hex') !== written.footer.sha256)
    throw new RegistryError(
      'EIO',
      'Cannot write the snapshot: the file does not read back as written',
    );
}

/**
 * Writes the state to `servers.json.next`, verifies it and syncs it. Nothing else changes.
 * @throws RegistryError with the code of the disk.
 */
export async function prepareSnapshot(
  fs: FileSystem,
  paths: StorePaths,
  request: SnapshotRequest,
): Promise<WrittenSnapshot> {
  const next = `${paths.snapshot}.next`;
  try {
    await unlessMissing(fs.unlink(next));
    const file = await fs.open(next, createFlags, 0o600);
    try {
      const written = await writeFile(file, request);
      await verify(file, written, request);
      await file.sync();
      return written;
    } finally {
      await file.close();
    }
  } catch (error) {
    await removeUnfinished(fs, next);
    throw toRegistryError(error, 'write the snapshot');
  }
}

/**
 * Puts a prepared snapshot in the place of `servers.json`; the old file stays as `.prev`.
 * @throws RegistryError with the code of the disk. Which file is current is then unknown until the next success.
 */
export async function commitSnapshot(fs: FileSystem, paths: StorePaths): Promise<void> {
  const next = `${paths.snapshot}.next`;
  try {
    await replaceKeepingPrevious(fs, {
      folder: paths.folder,
      next,
      current: paths.snapshot,
      previous: paths.previousSnapshot,
    });
  } catch (error) {
    await removeUnfinished(fs, next);
    throw toRegistryError(error, 'replace the snapshot');
  }
}

async function removeUnfinished(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch {
    // The disk is failing already; the next writer sweeps the file.
  }
}
