import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { RegistryError } from '../../src/registry-error.ts';
import type { ServerRecord } from '../../src/server-record.ts';
import { openFileStore } from '../../src/store/file-store.ts';
import { server } from './records.ts';

/** A folder with two generations and a journal of one batch, and what is in it. */
export interface SampleFolder {
  readonly folder: string;
  readonly records: readonly ServerRecord[];
  /** The records without the journal's batch. */
  readonly withoutBatch: readonly ServerRecord[];
}

const names = ['servers.json', 'servers.log'] as const;

async function open(folder: string): Promise<RegistryMemoryCache> {
  const store = await openFileStore({ path: join(folder, 'servers.json') });
  try {
    return await RegistryMemoryCache.open(store, {
      random: () => 0.5,
      windowMs: 0,
      snapshotDelayMs: 3_600_000,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}

function many(from: number, count: number): ServerRecord[] {
  return Array.from({ length: count }, (_, i) =>
    server(`s-${from + i}`, { text: 'é'.repeat(150) }),
  );
}

/** Writes the sample: some 12 KB of snapshot and 9 KB of journal. */
export async function damageFolder(folder: string): Promise<SampleFolder> {
  const [first, second, third] = [many(0, 20), many(20, 15), many(35, 25)];
  for (const records of [first, second]) {
    const cache = await open(folder);
    await cache.upsertMany(records);
    await cache.close();
  }
  const cache = await open(folder);
  await cache.upsertMany(third);
  // As a killed process leaves it: closing would take another snapshot.
  const copy = mkdtempSync(join(tmpdir(), 'registry-sample-'));
  cpSync(folder, copy, { recursive: true });
  await cache.close();
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
  cpSync(copy, folder, { recursive: true });
  rmSync(copy, { recursive: true });
  const withoutBatch = [...first, ...second];
  return { folder, records: [...withoutBatch, ...third], withoutBatch };
}

/** One damaged copy. */
export interface DamagedFolder {
  readonly folder: string;
  readonly what: string;
  readonly name: (typeof names)[number];
  readonly bytes: Buffer;
}

function* damages(whole: Buffer, counts: { everyBytes: number; flips: number }, seed: number) {
  for (let at = 0; at < whole.length; at += counts.everyBytes)
    if (Number.isFinite(counts.everyBytes))
      yield { what: `cut at ${at}`, bytes: whole.subarray(0, at) };
    else break;
  let state = seed;
  for (let flip = 0; flip < counts.flips; flip++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const [at, bit] = [state % whole.length, (state >>> 28) & 7];
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
    yield { what: `bit ${bit} of byte ${at} flipped`, bytes };
  }
}

/** Copies of the sample, damaged in each of its two files in turn; each is removed before the next. */
export async function* damagedFolders(
  sample: SampleFolder,
  counts: { readonly everyBytes: number; readonly flips: number },
): AsyncGenerator<DamagedFolder> {
  for (const [index, name] of names.entries()) {
    const whole = readFileSync(join(sample.folder, name));
    for (const { what, bytes } of damages(whole, counts, 7 + index)) {
      const folder = mkdtempSync(join(tmpdir(), 'registry-damaged-'));
      try {
        cpSync(sample.folder, folder, { recursive: true });
        writeFileSync(join(folder, name), bytes);
        yield { folder, what: `${name}, ${what}`, name, bytes };
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
}

function isKept({ folder, name, bytes }: DamagedFolder): boolean {
  const quarantine = join(folder, 'quarantine');
  const kept = readdirSync(folder).includes('quarantine')
    ? readdirSync(quarantine).map((one) => join(quarantine, one))
    : [];
  return [join(folder, name), ...kept].some((path) => readFileSync(path).equals(bytes));
}

/** `lost` when something whole was not loaded, `untyped` for an error without a code, `destroyed` when bytes are gone. */
export interface DamageOutcome {
  readonly verdict: 'fine' | 'lost' | 'untyped' | 'destroyed';
  readonly detail: string;
}

/** Opens a damaged folder and judges what came of it. */
export async function openDamaged(
  sample: SampleFolder,
  damaged: DamagedFolder,
): Promise<DamageOutcome> {
  let cache: RegistryMemoryCache;
  try {
    cache = await open(damaged.folder);
  } catch (error) {
    const isTyped = error instanceof RegistryError && error.code === 'EREGISTRYFORMAT';
    const verdict = !isTyped ? 'untyped' : isKept(damaged) ? 'fine' : 'destroyed';
    return { verdict, detail: String(error) };
  }
  const found = cache.getAll();
  await cache.close();
  if (isDeepStrictEqual(found, sample.records)) return { verdict: 'fine', detail: 'whole' };
  // The journal's one batch has no second copy: cut or flipped it is gone, and what is left of it is kept.
  const isBatchGone =
    damaged.name === 'servers.log' && isDeepStrictEqual(found, sample.withoutBatch);
  if (!isBatchGone) return { verdict: 'lost', detail: `${found.length} records` };
  const isTorn = damaged.what.includes('cut');
  return { verdict: isTorn || isKept(damaged) ? 'fine' : 'destroyed', detail: 'without the batch' };
}
