import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isChecked, serverRecordSchema, type ServerRecord } from '../server-record.ts';
import { unlessMissing } from '../store/file-system.ts';
import { maxSourceBytes } from './json-text.ts';
import { createPrivateFile, makePrivateFolder, readTextFile } from './private-file.ts';
import { SourceError } from './source-error.ts';

/** How many imports can be taken back, the last one first. */
export const maxUndoFiles = 20;

/** What an import changed. */
export interface UndoEntry {
  /** `null` when the import added the record. */
  readonly before: ServerRecord | null;
  readonly after: ServerRecord;
}

/** One import, as its undo file holds it. */
export interface UndoRecord {
  readonly version: 1;
  /** ISO time of the import. */
  readonly at: string;
  readonly entries: readonly UndoEntry[];
  /** The files it created in `secrets/`. */
  readonly secrets: readonly string[];
}

const undoSchema: z.ZodType<UndoRecord> = z.object({
  version: z.literal(1),
  at: z.string(),
  entries: z.array(
    z.object({ before: z.union([serverRecordSchema, z.null()]), after: serverRecordSchema }),
  ),
  secrets: z.array(z.string()),
});

function folderOf(stateFolder: string): string {
  return join(stateFolder, 'undo');
}

async function listFiles(stateFolder: string): Promise<string[]> {
  const names = (await unlessMissing(readdir(folderOf(stateFolder)))) ?? [];
  return names.filter((name) => /^import-\d{8}-[\dTZ-]+\.json$/u.test(name)).toSorted();
}

/**
 * Writes down what an import is about to change, before it does, mode 0600, and forgets imports beyond
 * {@link maxUndoFiles}.
 * @throws SourceError `ETOOLARGE` when it could not be read back.
 */
export async function writeUndo(stateFolder: string, undo: UndoRecord): Promise<string> {
  const text = `${JSON.stringify(undo)}\n`;
  if (Buffer.byteLength(text) > maxSourceBytes)
    throw new SourceError(
      'ETOOLARGE',
      'the import is too large to be undone: import fewer servers',
    );
  await makePrivateFolder(folderOf(stateFolder));
  // Numbered, because a clock that was set back must not change which import was the last.
  const files = await listFiles(stateFolder);
  const last = Number(files.at(-1)?.slice('import-'.length, 'import-'.length + 8) ?? 0);
  const number = String(last + 1).padStart(8, '0');
  const name = `import-${number}-${undo.at.replaceAll(/[:.]/gu, '-')}.json`;
  const path = join(folderOf(stateFolder), name);
  await createPrivateFile(path, text);
  for (const old of files.slice(0, Math.max(0, files.length + 1 - maxUndoFiles)))
    await unlessMissing(unlink(join(folderOf(stateFolder), old)));
  return path;
}

/**
 * The last import that has not been taken back.
 * @throws SourceError `EUNDO` when there is none, `EFORMAT` when its file is damaged.
 */
export async function readLastUndo(
  stateFolder: string,
): Promise<{ readonly path: string; readonly undo: UndoRecord }> {
  const name = (await listFiles(stateFolder)).at(-1);
  if (name === undefined) throw new SourceError('EUNDO', 'there is no import to take back');
  const path = join(folderOf(stateFolder), name);
  const text = (await readTextFile(path)) ?? '';
  const value = parseOrNull(text);
  const parsed = undoSchema.safeParse(value);
  // The value itself: what the schema returns has its members reordered.
  if (isChecked(value, parsed)) return { path, undo: value };
  throw new SourceError('EFORMAT', `the undo file ${name} is damaged; move it aside`, {
    cause: parsed.error,
  });
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is as damaged as the wrong JSON, which the caller reports.
    return null;
  }
}
