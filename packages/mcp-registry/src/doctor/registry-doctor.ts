import { chmod } from 'node:fs/promises';
import { RegistryMemoryCache } from '../memory-cache.ts';
import { openFileStore } from '../store/file-store.ts';
import { nodeFileSystem, unlessMissing, type FileSystem } from '../store/file-system.ts';
import { createQuarantine } from '../store/quarantine.ts';
import { storePaths, type StorePaths } from '../store/store-paths.ts';
import { createWriterLock, type TakeLock } from '../store/writer-lock.ts';
import { examineContent, type ContentFacts } from './examine-content.ts';
import { examineFiles } from './examine-files.ts';
import type { Finding, FindingCode } from './finding.ts';
import { findLockHolder, type LockHolder } from './lock-holder.ts';

/** What an examination found. */
export interface DoctorReport {
  /** Path of `servers.json`. */
  readonly path: string;
  /** False when there is a warning or an error. */
  readonly healthy: boolean;
  /** Undefined when the records cannot be read. */
  readonly content: ContentFacts | undefined;
  readonly findings: readonly Finding[];
}

/** What a repair did: what it found before, what it did, and what there is now. */
export interface RepairReport {
  readonly before: DoctorReport;
  /** One line each. */
  readonly actions: readonly string[];
  readonly after: DoctorReport;
}

export interface DoctorOptions {
  /** Path of `servers.json`. */
  readonly path: string;
  readonly random: () => number;
  /** Default: a kernel lock. */
  readonly takeLock?: TakeLock;
}

async function probeLock(paths: StorePaths, takeLock: TakeLock): Promise<boolean> {
  // Taking the lock would create its file: a folder without one has no holder.
  if ((await unlessMissing(nodeFileSystem.facts(paths.lock))) === undefined) return false;
  const lock = await takeLock(paths.lock);
  await lock?.release();
  return lock === undefined;
}

function heldFinding(path: string, holder: LockHolder | undefined): Finding {
  const who =
    holder === undefined ? 'another process' : `process ${holder.pid} (${holder.command})`;
  return {
    code: 'lock-held',
    level: 'note',
    path,
    message: `${who} is the writer of this registry`,
    remedy: 'nothing to do; stop it before a repair',
    repairable: false,
  };
}

/**
 * Examines the folder of a registry and changes nothing: modes and owners, the lock and its holder, the integrity of
 * snapshot and journal, generations, the one kept before, quarantine, leftovers, free space.
 * @throws the system's error when the folder cannot be read at all.
 */
export async function examineRegistry(options: DoctorOptions): Promise<DoctorReport> {
  const paths = storePaths(options.path);
  const held = await probeLock(paths, options.takeLock ?? createWriterLock());
  const files = await examineFiles(nodeFileSystem, paths, held);
  const content = files.exists
    ? await examineContent(nodeFileSystem, paths)
    : { findings: [], facts: { records: 0, generation: 0 } };
  const lock = held ? [heldFinding(paths.lock, await findLockHolder(paths.lock))] : [];
  const findings = [...lock, ...files.findings, ...content.findings];
  return {
    path: options.path,
    healthy: findings.every(({ level }) => level === 'note'),
    content: content.facts,
    findings,
  };
}

const openModes: ReadonlySet<FindingCode> = new Set(['folder-open', 'file-open']);
const movable: ReadonlySet<FindingCode> = new Set(['temporary-left', 'previous-corrupt']);

async function mendModes(findings: readonly Finding[]): Promise<string[]> {
  const actions: string[] = [];
  for (const { code, path } of findings.filter((one) => openModes.has(one.code))) {
    const mode = code === 'folder-open' ? 0o700 : 0o600;
    await chmod(path, mode);
    actions.push(`set the mode of ${path} to ${mode.toString(8)}`);
  }
  return actions;
}

/** Under the lock, before anything else: what a writer would remove or write over is kept. */
async function moveAside(
  fs: FileSystem,
  paths: StorePaths,
  findings: readonly Finding[],
): Promise<string[]> {
  const quarantine = createQuarantine(fs, paths);
  const actions: string[] = [];
  for (const { path } of findings.filter(({ code }) => movable.has(code))) {
    if ((await unlessMissing(fs.facts(path))) === undefined) continue;
    actions.push(`moved ${path} to ${await quarantine.move(path)}`);
  }
  return actions;
}

/** Opens the registry as its writer, which takes the newest whole state and writes it anew. */
async function rewrite(
  { path, random, takeLock = createWriterLock() }: DoctorOptions,
  findings: readonly Finding[],
): Promise<string[]> {
  const paths = storePaths(path);
  const actions: string[] = [];
  const store = await openFileStore({
    path,
    onWarning: ({ message }) => actions.push(message),
    takeLock: async (file) => {
      const lock = await takeLock(file);
      if (lock === undefined) return undefined;
      try {
        actions.push(...(await moveAside(nodeFileSystem, paths, findings)));
      } catch (error) {
        await lock.release();
        throw error;
      }
      return lock;
    },
  });
  const { access } = store;
  if (access.kind === 'reader') {
    await store.close();
    throw access.reason;
  }
  try {
    const cache = await RegistryMemoryCache.open(store, { random });
    await cache.close();
    actions.push(`wrote ${cache.size} entries anew where that was needed`);
  } catch (error) {
    await store.close();
    throw error;
  }
  return actions;
}

/**
 * Repairs what can be repaired without losing a byte: modes are tightened; leftovers and damaged files are moved into
 * `quarantine/`; the newest whole state is written anew. What nothing whole is left of stays untouched.
 * @throws RegistryError `ELOCKED` while another process is the writer, or the disk's code.
 */
export async function repairRegistry(options: DoctorOptions): Promise<RepairReport> {
  const before = await examineRegistry(options);
  const repairable = before.findings.filter((finding) => finding.repairable);
  const actions = await mendModes(repairable);
  const rest = repairable.filter(({ code }) => !openModes.has(code));
  if (rest.length > 0 && before.content !== undefined)
    actions.push(...(await rewrite(options, rest)));
  return { before, actions, after: await examineRegistry(options) };
}
