import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { RegistryMemoryCache } from '../src/memory-cache.ts';
import { openFileStore } from '../src/store/file-store.ts';
import type { RegistryStore } from '../src/store/store.ts';
import { benchRecord, changedPerFlush, changedRecords } from './lib/bench-record.ts';
import { measureCachePaths } from './lib/cache-paths.ts';
import { figures, joinStalls, watchStalls, type Figures, type Stalls } from './lib/figures.ts';
import type { LoadReport } from './lib/load-child.ts';
import { quietRounds } from './lib/quiet-rounds.ts';
import { below, type BenchResult, type Table, type Target } from './lib/report.ts';
import { startWholeFile } from './lib/whole-file.ts';

const run = promisify(execFile);
const loadChild = fileURLToPath(new URL('lib/load-child.ts', import.meta.url));
const roundsPerPart = 7;

async function openCache(store: RegistryStore): Promise<RegistryMemoryCache> {
  return RegistryMemoryCache.open(store, { random: Math.random, snapshotDelayMs: 3_600_000 });
}

async function openRegistry(path: string): Promise<RegistryMemoryCache> {
  return openCache(await openFileStore({ path }));
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

/** Each load in a fresh process, as at a start. */
async function measureLoad(path: string) {
  const reports = await quietRounds(roundsPerPart, async () => {
    const { stdout } = await run(process.execPath, ['--conditions=cortex-source', loadChild, path]);
    const value: LoadReport = JSON.parse(stdout);
    return { value, childCpuMs: value.cpuMs };
  });
  return {
    loadMs: figures(reports.map(({ loadMs }) => loadMs)),
    stalls: joinStalls(reports.map(({ stalls }) => stalls)),
    rssMb: figures(reports.map(({ rssMb }) => rssMb)),
    heapMb: figures(reports.map(({ heapMb }) => heapMb)),
  };
}

/** The store as one that never grows: the cache over it sees no reason for a snapshot of its own. */
function withoutGrowth(store: RegistryStore): RegistryStore {
  return new Proxy(store, {
    get(target, key) {
      if (key === 'sizes') return { ...target.sizes, journalBytes: 0 };
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Flushes while a snapshot is being written, for as long as that takes; there is never more than the one. */
async function measureSnapshots(path: string) {
  const store = await openFileStore({ path });
  const cache = await openCache(withoutGrowth(store));
  const stalls = watchStalls();
  const capture = () => ({
    generation: cache.health().generation,
    records: cache.storedAll(),
    extra: {},
  });
  const rounds = await quietRounds(roundsPerPart, async (round) => {
    const flushMs: number[] = [];
    let done = false;
    stalls.take();
    const snapshot = timed(async () => store.snapshot(capture, { paced: true })).finally(
      () => (done = true),
    );
    // Awaited below: until then nobody else hears that it failed.
    snapshot.catch(() => undefined);
    const isDone = () => done;
    do {
      flushMs.push(await flushChanged(cache, round));
      await wait(10);
    } while (!isDone());
    return { value: { flushMs, snapshotMs: await snapshot, stalls: stalls.take() } };
  });
  stalls.stop();
  await cache.close();
  return {
    flushMs: figures(rounds.flatMap((one) => one.flushMs)),
    snapshotMs: figures(rounds.map((one) => one.snapshotMs)),
    stalls: joinStalls(rounds.map((one) => one.stalls)),
  };
}

/** Ours and the earlier design in turn. */
async function measureFlushes(path: string, folder: string, size: number) {
  const cache = await openRegistry(path);
  const synced = await startWholeFile({ path: join(folder, 'synced.json'), size, sync: true });
  const unsynced = await startWholeFile({ path: join(folder, 'plain.json'), size, sync: false });
  const stalls = watchStalls();
  const rounds = await quietRounds(roundsPerPart, async (round) => {
    const [ours, taken]: [number[], Stalls[]] = [[], []];
    for (let at = 0; at < 20; at++) {
      stalls.take();
      ours.push(await flushChanged(cache, 20 * round + at));
      await wait(5);
      taken.push(stalls.take());
    }
    const [old, older] = [await synced.flush(round), await unsynced.flush(round)];
    return { value: { ours, old, older, stalls: taken } };
  });
  stalls.stop();
  await synced.stop();
  await unsynced.stop();
  await cache.close();
  return {
    flushMs: figures(rounds.flatMap(({ ours }) => ours)),
    wholeFileSyncedMs: figures(rounds.map(({ old }) => old.tookMs)),
    wholeFileUnsyncedMs: figures(rounds.map(({ older }) => older.tookMs)),
    wholeFileStallMs: figures(
      rounds.flatMap(({ old, older }) => [old.longestStallMs, older.longestStallMs]),
    ),
    stalls: joinStalls(rounds.flatMap((one) => one.stalls)),
  };
}

async function repeated(count: number, action: (i: number) => unknown): Promise<Figures> {
  const rounds = await quietRounds(3, async () => ({
    value: Array.from({ length: count }, (_, i) => timedNow(() => action(i))),
  }));
  return figures(rounds.flat());
}

async function measureReads(path: string, size: number) {
  const cache = await openRegistry(path);
  const reads = {
    lookupMs: await repeated(5_000, (i) => cache.get(benchRecord((i * 7) % size, 0).name)),
    pageMs: await repeated(300, (i) =>
      cache.search({ after: benchRecord((i * 11) % size, 0).name }),
    ),
    searchMs: await repeated(10, () => cache.search({ text: 'not to be found' })),
  };
  await cache.close();
  return reads;
}

type Row = readonly [string, Figures];

function stallRows(what: string, { loop, gc }: { loop: Figures; gc: Figures }): Row[] {
  return [
    [`loop stall ${what}, ms`, loop],
    [`garbage collections ${what}, ms`, gc],
  ];
}

async function measure(size: number): Promise<{ table: Table; targets: Target[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-bench-'));
  try {
    const path = join(folder, 'servers.json');
    await fill(path, size);
    const load = await measureLoad(path);
    const snapshots = await measureSnapshots(path);
    const flushes = await measureFlushes(path, folder, size);
    const reads = await measureReads(path, size);
    const cachePaths = await measureCachePaths(path, size, size > 10_000 ? 3 : roundsPerPart);
    const rows: Row[] = [
      ['flush (synced), ms', flushes.flushMs],
      ['flush while a snapshot is written, ms', snapshots.flushMs],
      ['earlier design, flush as it was, ms', flushes.wholeFileUnsyncedMs],
      ['earlier design, flush with fsync, ms', flushes.wholeFileSyncedMs],
      ['earlier design, longest stall, ms', flushes.wholeFileStallMs],
      ['snapshot in the background, ms', snapshots.snapshotMs],
      ['load, ms', load.loadMs],
      ['memory after loading, MB', load.rssMb],
      ['heap after loading, MB', load.heapMb],
      ['lookup with copy, ms', reads.lookupMs],
      ['page of 50, ms', reads.pageMs],
      ['text search over all, ms', reads.searchMs],
      ...cachePaths,
      ...stallRows('while loading', load.stalls),
      ...stallRows('while flushing', flushes.stalls),
      ...stallRows('with a snapshot', snapshots.stalls),
    ];
    const at = `at ${size} records`;
    const parts = { loading: load, flushing: flushes, 'a snapshot': snapshots };
    const stalled = Object.entries(parts).flatMap(([what, { stalls }]) => [
      below(`loop stall p99 with ${what} ${at}`, stalls.loop.p99, 10, 'ms'),
      below(`longest loop stall with ${what} ${at}`, stalls.loop.max, 50, 'ms'),
    ]);
    const title = `${size} records of 1 KB, ${changedPerFlush} changed per flush`;
    return {
      table: { title, rows },
      targets: [
        below(`flush p95 ${at}`, flushes.flushMs.p95, 5, 'ms'),
        below(`flush p95 during a snapshot ${at}`, snapshots.flushMs.p95, 50, 'ms'),
        below(`load ${at}, slowest`, load.loadMs.max, 1_500, 'ms'),
        below(`lookup p95 ${at}`, reads.lookupMs.p95, 0.1, 'ms'),
        ...stalled,
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Flush, load, lookup, search and loop stalls, against the earlier design (whole-file rewrite) turn by turn. */
export async function storeBench(largest: number): Promise<BenchResult> {
  const sizes = [100, 10_000, 100_000].filter((size) => size <= largest);
  const tables: Table[] = [];
  let targets: readonly Target[] = [];
  for (const size of sizes) {
    const measured = await measure(size);
    tables.push(measured.table);
    ({ targets } = measured);
  }
  return {
    method:
      'Flushes, snapshots and reads in one process, the earlier design in threads of their own and in turn with it; each load in a fresh process. MCP_REGISTRY_MEMORY_CACHE is measured on and off through the handle a service gets, in turn over the same files: off, each use reads them all. A loop stall is how much later than asked for a turn of the event loop came, over all turns. Rounds wait for a quiet machine, at most 2 s and 20 s in all; those during which others took more than 0.3 cores are thrown out, but for the three least disturbed. Targets are for the largest size.',
    tables,
    targets,
  };
}
