import { RegistryError } from '../registry-error.ts';
import { unlessMissing, type FileSystem } from '../store/file-system.ts';
import { recover, type Recovery } from '../store/recovery.ts';
import { readSnapshot } from '../store/snapshot-reader.ts';
import type { StorePaths } from '../store/store-paths.ts';
import type { RegistryWarning } from '../store/store.ts';
import type { Finding, FindingCode } from './finding.ts';

/** What the records say of themselves; undefined counts when nothing can be read. */
export interface ContentFacts {
  readonly records: number;
  readonly generation: number;
}

export interface ContentReport {
  readonly findings: readonly Finding[];
  readonly facts: ContentFacts | undefined;
}

/** How a repair puts right what recovery noticed: it takes the newest whole state and writes it anew. */
const rewritten = '--repair keeps the damaged bytes in quarantine and writes the state anew';

const byWarning: Partial<Record<RegistryWarning['kind'], readonly [FindingCode, string]>> = {
  'corrupt-snapshot': ['snapshot-corrupt', rewritten],
  'generation-backwards': ['snapshot-older', `somebody put an older file back; ${rewritten}`],
  'generation-gap': ['journal-damaged', 'restore a backup if changes are missing'],
  'damaged-journal': ['journal-damaged', rewritten],
  'detached-journal': ['journal-detached', rewritten],
  'merged-journal': ['journal-detached', rewritten],
};

function fromWarnings(paths: StorePaths, recovery: Recovery): Finding[] {
  return recovery.warnings.flatMap(({ kind, message }) => {
    const known = byWarning[kind];
    if (known === undefined) return [];
    const [code, remedy] = known;
    const path = code.startsWith('journal') ? paths.journal : paths.snapshot;
    return [{ code, level: 'error', path, message, remedy, repairable: true } as const];
  });
}

function fromRejected(paths: StorePaths, { rejected }: Recovery): Finding[] {
  const [first] = rejected;
  if (first === undefined) return [];
  return [
    {
      code: 'entries-rejected',
      level: 'error',
      path: paths.snapshot,
      message: `${rejected.length} entries are no usable servers; the first: ${first.reason}`,
      remedy: '--repair keeps them in quarantine, word for word; correct them there and add them',
      repairable: true,
    },
  ];
}

async function examinePrevious(
  fs: FileSystem,
  paths: StorePaths,
  recovery: Recovery,
): Promise<Finding[]> {
  const previous = await readSnapshot(fs, paths.previousSnapshot);
  if (previous.kind === 'corrupt') {
    return [
      {
        code: 'previous-corrupt',
        level: 'warning',
        path: paths.previousSnapshot,
        message: `the generation kept before the current one cannot be used: ${previous.reason}`,
        remedy: '--repair moves it into quarantine; the next snapshot keeps a good one',
        repairable: true,
      },
    ];
  }
  const firstOne = recovery.base.kind !== 'ours' || recovery.base.generation <= 1;
  if (previous.kind !== 'missing' || firstOne) return [];
  return [
    {
      code: 'previous-missing',
      level: 'note',
      path: paths.previousSnapshot,
      message: 'no earlier generation is kept: damage to the current one could not be undone',
      remedy: 'the next snapshot keeps the current one',
      repairable: false,
    },
  ];
}

function fromError(paths: StorePaths, error: unknown): Finding {
  const { message } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof RegistryError ? error.code : '';
  const common = { level: 'error', path: paths.snapshot, message, repairable: false } as const;
  if (code === 'EREGISTRYFORMAT') {
    return {
      ...common,
      code: 'newer-format',
      remedy: 'use the version that wrote it, or a newer one',
    };
  }
  if (code === 'EREGISTRYLOST') {
    const remedy = 'put a backup in its place, or move the files away yourself to start empty';
    return { ...common, code: 'registry-lost', remedy };
  }
  return { ...common, code: 'unreadable', remedy: 'make it readable for the user who runs this' };
}

/** How often a read that raced with the writer at work is repeated. */
const maxAttempts = 10;

/** Tells whether the writer has put other files in place; a journal that only grows is the same. */
async function identity(fs: FileSystem, paths: StorePaths): Promise<string> {
  const { snapshot, previousSnapshot, journal, previousJournal } = paths;
  const files = [snapshot, previousSnapshot, journal, previousJournal];
  const facts = await Promise.all(files.map(async (path) => unlessMissing(fs.facts(path))));
  return facts
    .map((one, index) => (index < 2 ? `${one?.ino}:${one?.mtimeMs}` : `${one?.ino}`))
    .join('|');
}

/** The state on disk, read while no file was replaced: old and new ones together look like damage. */
async function recoverQuiet(fs: FileSystem, paths: StorePaths): Promise<Recovery> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await identity(fs, paths);
    const read = await Promise.allSettled([recover(fs, paths)]);
    const [outcome] = read;
    const raced = before !== (await identity(fs, paths));
    if (raced && attempt < maxAttempts) continue;
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }
}

/** Reads snapshot and journal as a writer would at its start, and changes nothing. */
export async function examineContent(fs: FileSystem, paths: StorePaths): Promise<ContentReport> {
  try {
    const recovery = await recoverQuiet(fs, paths);
    return {
      facts: { records: recovery.records.size, generation: recovery.generation },
      findings: [
        ...fromWarnings(paths, recovery),
        ...fromRejected(paths, recovery),
        ...(await examinePrevious(fs, paths, recovery)),
      ],
    };
  } catch (error) {
    return { facts: undefined, findings: [fromError(paths, error)] };
  }
}
