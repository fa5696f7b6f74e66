import { access, constants, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { CommandError } from '../protocol/command-error.ts';
import { type BaselineRecord, parseBaseline } from './baseline-record.ts';

const RECORD = 'baseline.json';
/** A record of ten thousand connectors is some 20 MB. */
const MAX_RECORD_BYTES = 128 * 1_048_576;
/** Baselines of one day and label. */
const MAX_SAME_DAY = 1_000;

/** A folder that was written, as a list shows it. */
export interface KeptBaseline {
  readonly folder: string;
  readonly name: string;
  /** Undefined when it cannot be used; `problem` says why. */
  readonly record: BaselineRecord | undefined;
  readonly problem: string | undefined;
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

/** Makes the folder in which baselines are kept, if it is not there. @throws Error when nothing can be put into it. */
export async function openBaselineParent(parent: string): Promise<void> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await access(parent, constants.W_OK | constants.X_OK);
}

/**
 * Makes `<date>-<label>` below `parent`, or `<date>-<label>-2` … when that is there: nothing is overwritten (S1-10).
 * @param takenAt ISO date and time.
 */
export async function makeBaselineFolder(
  parent: string,
  takenAt: string,
  label: string,
): Promise<string> {
  await openBaselineParent(parent);
  const name = `${takenAt.slice(0, 10)}-${label}`;
  for (let index = 1; index <= MAX_SAME_DAY; index += 1) {
    const folder = join(parent, index === 1 ? name : `${name}-${index}`);
    try {
      await mkdir(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if (!isTaken(error)) throw error;
    }
  }
  throw new CommandError('BASELINES_FULL', `${parent} has ${MAX_SAME_DAY} baselines ${name}`, {
    remedy: 'choose another --label',
  });
}

/** Writes a record and the texts beside it. */
export async function writeBaseline(
  folder: string,
  record: BaselineRecord,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  const all = { ...texts, [RECORD]: `${JSON.stringify(record, undefined, 2)}\n` };
  for (const [name, text] of Object.entries(all)) {
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
}

/** @throws Error naming the folder when there is no record in it, or one that cannot be used. */
export async function readBaseline(folder: string): Promise<BaselineRecord> {
  const path = join(folder, RECORD);
  try {
    const { size } = await stat(path);
    if (size > MAX_RECORD_BYTES)
      throw new CommandError('BASELINE_INVALID', `it is longer than ${MAX_RECORD_BYTES} bytes`);
    return parseBaseline(await readFile(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const said = isMissing ? `no baseline: there is no ${path}` : `${path} cannot be used: ${why}`;
    const code = isMissing ? 'BASELINE_MISSING' : 'BASELINE_INVALID';
    throw new CommandError(code, said, {
      remedy: 'take one with cortex-mcp baseline collect',
      cause,
    });
  }
}

/** Every folder below `parent` that a baseline could be, oldest first; none when there is no such folder. */
export async function listBaselines(parent: string): Promise<readonly KeptBaseline[]> {
  let names: string[];
  try {
    const entries = await readdir(parent, { withFileTypes: true });
    names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
  const found = await Promise.all(names.map(async (name) => keptAt(join(parent, name))));
  return found.toSorted((a, b) =>
    (a.record?.takenAt ?? a.name).localeCompare(b.record?.takenAt ?? b.name),
  );
}

async function keptAt(folder: string): Promise<KeptBaseline> {
  const name = basename(folder);
  try {
    return { folder, name, record: await readBaseline(folder), problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { folder, name, record: undefined, problem };
  }
}

/** A folder as it was given: a path, or a name below `parent`. */
export async function findBaseline(
  given: string,
  { cwd, parent }: { readonly cwd: string; readonly parent: string },
): Promise<string> {
  for (const folder of [resolve(cwd, given), join(parent, given)]) {
    try {
      if ((await stat(folder)).isDirectory()) return folder;
    } catch {
      continue; // not there: the next
    }
  }
  return resolve(cwd, given);
}
