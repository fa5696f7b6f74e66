import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { RegistryMemoryCache } from '../src/memory-cache.ts';
import { openFileStore } from '../src/store/file-store.ts';
import { benchRecord, changedPerFlush, changedRecords } from './lib/bench-record.ts';
import { figures, watchStalls, type Figures } from './lib/figures.ts';
import { startWholeFile } from './lib/whole-file.ts';

// Flush of 100 changed records, load, lookup, search and loop stalls at several sizes, against the earlier design
// (whole-file rewrite) in the same process, turn by turn. `--json` prints the record that tasks/ keeps, `--quick`
// leaves the largest size out.

const json = process.argv.includes('--json');
const sizes = process.argv.includes('--quick') ? [100, 10_000] : [100, 10_000, 100_000];

interface SizeReport {
  readonly records: number;
  readonly flushMs: Figures;
  readonly flushDuringSnapshotMs: Figures;
  readonly wholeFileSyncedFlushMs: Figures;
  readonly wholeFileUnsyncedFlushMs: Figures;
  readonly loadMs: Figures;
  readonly lookupUs: Figures;
  readonly pageOf50Us: Figures;
  readonly textSearchMs: Figures;
  readonly stallMs: { readonly load: Figures; readonly flush: Figures; readonly snapshot: Figures };
  readonly wholeFileStallMs: Figures;
  readonly snapshotMs: Figures;
}

async function openRegistry(path: string): Promise<RegistryMemoryCache> {
  const store = await openFileStore({ path });
  return RegistryMemoryCache.open(store, { random: Math.random, snapshotDelayMs: 3_600_000 });
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

function timedNow(action: () => unknown): number {
  const started = performance.now();
  action();
  return performance.now() - started;
}

async function fill(path: string, size: number): Promise<void> {
  const cache = await openRegistry(path);
  for (let at = 0; at < size; at += 1_000)
    await cache.upsertMany(
      Array.from({ length: Math.min(1_000, size - at) }, (_, i) => benchRecord(at + i, 0)),
    );
  await cache.close();
}

/** Changes 100 records spread over all and returns how long the barrier took. */
async function flushChanged(cache: RegistryMemoryCache, round: number): Promise<number> {
  const writes = changedRecords(cache.size, round).map(async (one) => cache.upsert(one));
  const tookMs = await timed(async () => cache.flush());
  await Promise.all(writes);
  return tookMs;
}

async function measureLoad(path: string, rounds: number) {
  const stalls = watchStalls();
  const loadMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    let cache: RegistryMemoryCache | undefined;
    loadMs.push(await timed(async () => (cache = await openRegistry(path))));
    await cache?.close();
  }
  const load = stalls.take();
  stalls.stop();
  return { loadMs: figures(loadMs), load };
}

/** Flushes while a snapshot is being written, for as long as that takes. */
async function measureSnapshots(path: string, rounds: number) {
  const flushMs: number[] = [];
  const snapshotMs: number[] = [];
  const store = await openFileStore({ path });
  const cache = await RegistryMemoryCache.open(store, { random: Math.random });
  const stalls = watchStalls();
  for (let round = 0; round < rounds; round++) {
    let done = false;
    const capture = () => ({
      generation: cache.health().generation,
      records: cache.storedAll(),
      extra: {},
    });
    const snapshot = timed(async () => store.snapshot(capture, { paced: true })).finally(
      () => (done = true),
    );
    const isDone = () => done;
    do {
      flushMs.push(await flushChanged(cache, round));
      await wait(10);
    } while (!isDone());
    snapshotMs.push(await snapshot);
  }
  const snapshot = stalls.take();
  stalls.stop();
  await cache.close();
  return { flushMs: figures(flushMs), snapshotMs: figures(snapshotMs), snapshot };
}

async function measureFlushes(path: string, folder: string, size: number) {
  const cache = await openRegistry(path);
  const synced = await startWholeFile({ path: join(folder, 'synced.json'), size, sync: true });
  const unsynced = await startWholeFile({ path: join(folder, 'plain.json'), size, sync: false });
  const rounds = size > 10_000 ? 60 : 100;
  const everyRound = size > 10_000 ? 6 : 1;
  const [ours, old, older]: [number[], number[], number[]] = [[], [], []];
  const [ourStalls, oldStalls]: [number[], number[]] = [[], []];
  const stalls = watchStalls();
  for (let round = 0; round < rounds; round++) {
    stalls.take();
    ours.push(await flushChanged(cache, round));
    await wait(5);
    ourStalls.push(stalls.take().max);
    if (round % everyRound !== 0) continue;
    const [one, other] = [await synced.flush(round), await unsynced.flush(round)];
    old.push(one.tookMs);
    older.push(other.tookMs);
    oldStalls.push(one.longestStallMs, other.longestStallMs);
  }
  stalls.stop();
  await synced.stop();
  await unsynced.stop();
  const lookupUs = Array.from(
    { length: 10_000 },
    (_, i) => 1_000 * timedNow(() => cache.get(benchRecord((i * 7) % size, 0).name)),
  );
  const pageUs = Array.from(
    { length: 300 },
    (_, i) => 1_000 * timedNow(() => cache.search({ after: benchRecord((i * 11) % size, 0).name })),
  );
  const searchMs = Array.from({ length: 20 }, () =>
    timedNow(() => cache.search({ text: 'not to be found' })),
  );
  await cache.close();
  return {
    flushMs: figures(ours),
    wholeFileSyncedFlushMs: figures(old),
    wholeFileUnsyncedFlushMs: figures(older),
    lookupUs: figures(lookupUs),
    pageOf50Us: figures(pageUs),
    textSearchMs: figures(searchMs),
    flush: figures(ourStalls),
    wholeFileStallMs: figures(oldStalls),
  };
}

async function measure(size: number): Promise<SizeReport> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-bench-'));
  try {
    const path = join(folder, 'servers.json');
    await fill(path, size);
    const loaded = await measureLoad(path, 5);
    const snapshots = await measureSnapshots(path, 5);
    const { flush, ...flushes } = await measureFlushes(path, folder, size);
    return {
      records: size,
      ...flushes,
      flushDuringSnapshotMs: snapshots.flushMs,
      snapshotMs: snapshots.snapshotMs,
      loadMs: loaded.loadMs,
      stallMs: { load: loaded.load, flush, snapshot: snapshots.snapshot },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function line(what: string, { p50, p95, p99, max }: Figures): void {
  const cells = [p50, p95, p99, max].map((value) => value.toFixed(2).padStart(10)).join('');
  process.stdout.write(`  ${what.padEnd(38)}${cells}\n`);
}

function print(report: SizeReport): void {
  process.stdout.write(
    `\n${report.records} records of 1 KB, ${changedPerFlush} changed per flush${' '.repeat(8)}p50       p95       p99       max\n`,
  );
  line('flush (synced), ms', report.flushMs);
  line('flush while a snapshot is written, ms', report.flushDuringSnapshotMs);
  line('earlier design, flush as it was, ms', report.wholeFileUnsyncedFlushMs);
  line('earlier design, flush with fsync, ms', report.wholeFileSyncedFlushMs);
  line('snapshot in the background, ms', report.snapshotMs);
  line('load, ms', report.loadMs);
  line('lookup with copy, us', report.lookupUs);
  line('page of 50, us', report.pageOf50Us);
  line('text search over all, ms', report.textSearchMs);
  line('loop stall while loading, ms', report.stallMs.load);
  line('longest loop stall per flush, ms', report.stallMs.flush);
  line('loop stall with a snapshot, ms', report.stallMs.snapshot);
  line('longest stall, earlier design, ms', report.wholeFileStallMs);
}

const reports: SizeReport[] = [];
for (const size of sizes) {
  const report = await measure(size);
  reports.push(report);
  if (!json) print(report);
}
if (json)
  process.stdout.write(
    `${JSON.stringify({ node: process.version, cpus: cpus().length, model: cpus()[0]?.model, changedPerFlush, reports }, undefined, 2)}\n`,
  );
