import { realpath, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import process from 'node:process';
import { errorCode } from '../registry-error.ts';
import { unlessMissing, type FileFacts, type FileSystem } from '../store/file-system.ts';
import type { StorePaths } from '../store/store-paths.ts';
import type { Finding } from './finding.ts';

/** Most files of one folder that are looked at. */
const maxFiles = 1_000;
/** Below this a snapshot may not fit any more. */
const minFreeBytes = 16_777_216;

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, '0');
}

/** Files of the registry that are there, and those of `secrets/` and `quarantine/` beside it. */
export async function listFiles(fs: FileSystem, paths: StorePaths): Promise<string[]> {
  const own = new Set(
    [
      paths.snapshot,
      paths.previousSnapshot,
      paths.journal,
      paths.previousJournal,
      paths.lock,
      ...paths.temporary,
    ].map((path) => basename(path)),
  );
  const names = (await unlessMissing(fs.list(paths.folder))) ?? [];
  const files = names.filter((name) => own.has(name)).map((name) => join(paths.folder, name));
  for (const folder of [join(paths.folder, 'secrets'), paths.quarantine]) {
    const inside = (await unlessMissing(fs.list(folder))) ?? [];
    files.push(...inside.slice(0, maxFiles).map((name) => join(folder, name)));
  }
  return files;
}

/** A folder may be reached by a symbolic link, whose own mode says nothing. */
async function folderFacts(fs: FileSystem, path: string): Promise<FileFacts> {
  const facts = await fs.facts(path);
  return facts.isSymbolicLink() ? fs.facts(await realpath(path)) : facts;
}

function examineFolderMode(path: string, { mode }: FileFacts): Finding[] {
  if ((mode & 0o077) === 0) return [];
  return [
    {
      code: 'folder-open',
      level: (mode & 0o022) === 0 ? 'warning' : 'error',
      path,
      message: `other users can ${(mode & 0o022) === 0 ? 'read' : 'write'} the folder (mode ${octal(mode)})`,
      remedy: `chmod 700 ${path}`,
      repairable: true,
    },
  ];
}

function examineFile(path: string, facts: FileFacts & { readonly uid?: number }): Finding[] {
  const findings: Finding[] = [];
  if (!facts.isFile()) {
    const what = facts.isSymbolicLink() ? 'a symbolic link, which is never followed' : 'no file';
    return [
      {
        code: 'file-linked',
        level: 'error',
        path,
        message: `it is ${what}`,
        remedy: 'put the real file in its place',
        repairable: false,
      },
    ];
  }
  const own = process.getuid?.();
  if (own !== undefined && facts.uid !== undefined && facts.uid !== own) {
    findings.push({
      code: 'file-foreign',
      level: 'warning',
      path,
      message: `it belongs to user ${facts.uid} and not to user ${own}, who runs this`,
      remedy: `chown ${own} ${path}, or run as its owner`,
      repairable: false,
    });
  }
  if ((facts.mode & 0o077) !== 0) {
    findings.push({
      code: 'file-open',
      level: 'warning',
      path,
      message: `other users can open it (mode ${octal(facts.mode)}), and it can hold secrets`,
      remedy: `chmod 600 ${path}`,
      repairable: true,
    });
  }
  return findings;
}

async function examineSpace(paths: StorePaths, snapshotBytes: number): Promise<Finding[]> {
  const { bavail, bsize } = await statfs(paths.folder);
  const free = bavail * bsize;
  const needed = Math.max(minFreeBytes, 2 * snapshotBytes);
  if (free >= needed) return [];
  return [
    {
      code: 'space-short',
      level: 'warning',
      path: paths.folder,
      message: `${Math.floor(free / 1_048_576)} MiB are free, a snapshot may need ${Math.ceil(needed / 1_048_576)} MiB`,
      remedy: 'free some space; until then memory serves and writes may fail with ENOSPC',
      repairable: false,
    },
  ];
}

/** Leftovers of a write that did not end, and bytes that were kept aside. */
function examineExtras(paths: StorePaths, files: readonly string[], held: boolean): Finding[] {
  const left = files.filter((path) => paths.temporary.includes(path));
  const findings: Finding[] = left.map((path) => ({
    code: 'temporary-left',
    // The writer may be in the middle of it.
    level: held ? 'note' : 'warning',
    path,
    message: held ? 'the writer is using it' : 'a write did not end; nothing refers to the file',
    remedy: 'the next writer removes it; --repair moves it into quarantine',
    repairable: !held,
  }));
  const aside = files.filter((path) => path.startsWith(`${paths.quarantine}/`));
  if (aside.length > 0) {
    findings.push({
      code: 'quarantine-filled',
      level: 'note',
      path: paths.quarantine,
      message: `${aside.length} ${aside.length === 1 ? 'file was' : 'files were'} kept aside because they could not be used`,
      remedy: 'take out of them what you need, then remove them yourself',
      repairable: false,
    });
  }
  return findings;
}

/** Modes, owners, leftovers and space: what can be told without reading a record. */
export async function examineFiles(
  fs: FileSystem,
  paths: StorePaths,
  held: boolean,
): Promise<{ readonly findings: readonly Finding[]; readonly exists: boolean }> {
  const folder = await unlessMissing(folderFacts(fs, paths.folder));
  if (folder === undefined) {
    const finding: Finding = {
      code: 'folder-missing',
      level: 'note',
      path: paths.folder,
      message: 'there is no such folder: the registry is empty',
      remedy: 'it is made when the first server is added',
      repairable: false,
    };
    return { findings: [finding], exists: false };
  }
  const files = await listFiles(fs, paths);
  const findings = examineFolderMode(paths.folder, folder);
  let snapshotBytes = 0;
  for (const path of files) {
    try {
      const facts = await fs.facts(path);
      if (path === paths.snapshot) snapshotBytes = facts.size;
      findings.push(...examineFile(path, facts));
    } catch (error) {
      // Gone since it was listed: the writer at work.
      if (errorCode(error) !== 'ENOENT') throw error;
    }
  }
  findings.push(...examineExtras(paths, files, held));
  findings.push(...(await examineSpace(paths, snapshotBytes)));
  return { findings, exists: true };
}
