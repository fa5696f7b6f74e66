import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { openFileStore } from '../../src/store/file-store.ts';
import { watchStalls, type Stalls } from './figures.ts';

/** What a fresh process found when it opened a registry. */
export interface LoadReport {
  readonly loadMs: number;
  readonly stalls: Stalls;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly heapMb: number;
}

const [path = ''] = process.argv.slice(2);
const stalls = watchStalls();
// What loading this program cost is not the registry's.
await wait(100);
stalls.take();
const startedMs = performance.now();
const store = await openFileStore({ path });
const cache = await RegistryMemoryCache.open(store, { random: Math.random });
const loadMs = performance.now() - startedMs;
await wait(20);
const taken = stalls.take();
stalls.stop();
await cache.close();
const { user, system } = process.cpuUsage();
const { rss, heapUsed } = process.memoryUsage();
const report: LoadReport = {
  loadMs,
  stalls: taken,
  cpuMs: (user + system) / 1_000,
  rssMb: rss / 1_048_576,
  heapMb: heapUsed / 1_048_576,
};
process.stdout.write(JSON.stringify(report));
