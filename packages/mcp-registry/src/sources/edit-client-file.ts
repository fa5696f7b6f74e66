import { access, constants, lstat, mkdir, readdir, realpath, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { unlessMissing } from '../store/file-system.ts';
import { createPrivateFile, readTextFile, replaceFile } from './private-file.ts';
import { SourceError } from './source-error.ts';

/** How many copies of a client's file are kept beside it. */
const maxBackups = 5;

/** What became of a client's file. */
export interface ClientFileEdit {
  /** The file itself, where the path was a symbolic link. */
  readonly file: string;
  /** The text as it was; `undefined` when there was no file. */
  readonly before: string | undefined;
  /** The copy of the file as it was; `undefined` when there was none or nothing had to change. */
  readonly backup: string | undefined;
}

async function keepBackup(
  file: string,
  text: string,
  { mode, now }: { readonly mode: number; readonly now: () => Date },
): Promise<string> {
  const stamp = now().toISOString().replaceAll(/[:.]/gu, '-');
  const backup = `${file}.${stamp}.bak`;
  await createPrivateFile(backup, text, mode);
  const start = `${basename(file)}.`;
  const backups = (await readdir(dirname(file)))
    .filter((name) => name.startsWith(start) && /\.[\dTZ-]+\.bak$/u.test(name))
    .toSorted();
  for (const name of backups.slice(0, Math.max(0, backups.length - maxBackups)))
    await unlessMissing(unlink(join(dirname(file), name)));
  return backup;
}

/** Reads a client's file, through a symbolic link; `undefined` when there is none. @throws SourceError */
export async function readClientFile(path: string): Promise<string | undefined> {
  return await readTextFile(path, undefined, true);
}

async function isWritable(path: string): Promise<boolean> {
  return await access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/**
 * A file that is marked as read-only would be replaced all the same where its folder can be written, and root may do
 * anything: both would go against whoever marked it. @throws SourceError
 */
async function refuseUnwritable(file: string, mode: number): Promise<void> {
  const folder = dirname(file);
  const canWrite = (mode & 0o222) !== 0 && (await isWritable(file));
  if (canWrite && (await isWritable(folder))) return;
  const what = canWrite ? `its folder ${folder}` : 'it';
  const message = `${file} is left alone: ${what} is read-only; allow writing, or make the change by hand`;
  throw new SourceError('EREFUSED', message);
}

/** A link to nothing cannot be followed, and a file in its place would end it. @throws SourceError */
async function refuseDanglingLink(file: string): Promise<void> {
  const found = await unlessMissing(lstat(file));
  if (found?.isSymbolicLink() === true)
    throw new SourceError(
      'EREFUSED',
      `${file} is a link to a file that is not there; make or remove it`,
    );
}

/**
 * Replaces a client's file by what `edit` makes of its text, as a whole and keeping a dated copy beside it. A symbolic
 * link is followed, so that it stays one; a file that is not there is made. When `edit` gives the same text or
 * `undefined`, nothing is written. `now` is the wall clock, for the name of the copy.
 * @throws SourceError when the file is changed by another program meanwhile, may not be written or is a link to nothing
 * (it is left alone); what `edit` throws, or the file system reports.
 */
export async function editClientFile(
  path: string,
  edit: (text: string | undefined) => string | undefined,
  { now }: { readonly now: () => Date },
): Promise<ClientFileEdit> {
  const file = (await unlessMissing(realpath(path))) ?? path;
  const before = await readClientFile(file);
  const text = edit(before);
  if (text === undefined || text === before) return { file, before, backup: undefined };
  if (before === undefined) {
    await refuseDanglingLink(file);
    await mkdir(dirname(file), { recursive: true });
    await createPrivateFile(file, text);
    return { file, before, backup: undefined };
  }
  const { mode: bits, uid, gid } = await stat(file);
  const mode = bits & 0o777;
  await refuseUnwritable(file, mode);
  const backup = await keepBackup(file, before, { mode, now });
  const check = async (): Promise<void> => {
    if ((await readClientFile(file)) !== before)
      throw new SourceError('EREFUSED', `${file} has just been changed; run this again`);
  };
  await replaceFile(file, text, { mode, owner: { uid, gid }, check });
  return { file, before, backup };
}
