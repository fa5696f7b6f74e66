import { join } from 'node:path';
import { z } from 'zod';
import { isChecked } from '../server-record.ts';
import { makePrivateFolder, readTextFile, replaceFile } from './private-file.ts';
import { SourceError } from './source-error.ts';

/** The most registries whose state is remembered; the one imported longest ago goes first. */
export const maxSources = 100;

const maxFileBytes = 1024 * 1024;

/** What is remembered of one registry. */
export interface SourceState {
  /** ISO time of the registry's clock: what changed from here on has to be asked for. */
  readonly updatedSince: string;
  /** ISO time of the last import that was complete. */
  readonly importedAt: string;
}

interface SourcesFile {
  readonly version: 1;
  readonly sources: Readonly<Record<string, SourceState>>;
}

const schema: z.ZodType<SourcesFile> = z.object({
  version: z.literal(1),
  sources: z.record(
    z.string(),
    z.object({ updatedSince: z.iso.datetime(), importedAt: z.string() }),
  ),
});

function pathOf(stateFolder: string): string {
  return join(stateFolder, 'sources.json');
}

async function readSources(stateFolder: string): Promise<SourcesFile> {
  const text = await readTextFile(pathOf(stateFolder), maxFileBytes);
  if (text === undefined) return { version: 1, sources: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Reported below like JSON of another shape.
    value = null;
  }
  const parsed = schema.safeParse(value);
  if (isChecked(value, parsed)) return value;
  throw new SourceError('EFORMAT', `${pathOf(stateFolder)} is damaged; move it aside`);
}

/** What is remembered of a registry; `undefined` before its first complete import. */
export async function readWatermark(
  stateFolder: string,
  url: string,
): Promise<SourceState | undefined> {
  const { sources } = await readSources(stateFolder);
  return Object.hasOwn(sources, url) ? sources[url] : undefined;
}

/** Remembers a registry's state. Call it when everything before it is durable. */
export async function writeWatermark(
  stateFolder: string,
  url: string,
  state: SourceState,
): Promise<void> {
  await makePrivateFolder(stateFolder);
  const { sources } = await readSources(stateFolder);
  const entries = Object.entries(sources)
    .filter(([key]) => key !== url)
    .toSorted(([, a], [, b]) => (a.importedAt < b.importedAt ? 1 : -1))
    .slice(0, maxSources - 1);
  const next: SourcesFile = { version: 1, sources: Object.fromEntries([...entries, [url, state]]) };
  await replaceFile(pathOf(stateFolder), `${JSON.stringify(next, undefined, 2)}\n`);
}
