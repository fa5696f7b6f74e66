import { writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { getRegistryCache, readAll, upsert } from '../../src/fs-store.ts';
import { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { openFileStore } from '../../src/store/file-store.ts';

const [role = '', folder = ''] = process.argv.slice(2);
const path = join(folder, 'servers.json');

function say(text: string): void {
  writeSync(1, `${text}\n`);
}

function record(n: number, more: Record<string, unknown> = {}) {
  return { name: `s-${n % 50}`, transport: 'stdio' as const, command: 'run', n, ...more };
}

function code(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

async function open(snapshotDelayMs: number): Promise<RegistryMemoryCache> {
  const store = await openFileStore({ path });
  return RegistryMemoryCache.open(store, { random: () => 0.5, windowMs: 0, snapshotDelayMs });
}

async function writeUntil(cache: RegistryMemoryCache, last: number): Promise<void> {
  const first = Math.max(-1, ...cache.getAll().map((one) => Number(one['n']))) + 1;
  for (let n = first; n < last; n++) {
    await cache.upsert(record(n, { text: 'x'.repeat(n % 700) }));
    say(`acked ${n}`);
  }
}

const roles: Record<string, () => Promise<void>> = {
  /** Writes until it is killed, with a snapshot every few milliseconds. */
  writer: async () => writeUntil(await open(3), Number.MAX_SAFE_INTEGER),
  /** Writes until it is killed and says what time it is. */
  clocked: async () => {
    setInterval(() => say(`wall ${Date.now()}`), 20);
    await writeUntil(await open(3), Number.MAX_SAFE_INTEGER);
  },
  /** Writes although the disk fails: says what came of each write, tries to flush, and closes. */
  stubborn: async () => {
    const store = await openFileStore({ path });
    const cache = await RegistryMemoryCache.open(store, { random: () => 0, windowMs: 0 });
    const first = cache.size;
    for (let n = first; n < first + 6; n++)
      await cache.upsert(record(n)).then(
        () => say(`acked ${n}`),
        (error: unknown) => say(`failed ${code(error)}`),
      );
    say(`memory ${cache.size}`);
    for (let attempt = 0; attempt < 3 && cache.health().unflushedMs > 0; attempt++)
      await cache.flush().catch((error: unknown) => say(`not flushed ${code(error)}`));
    // A reader refuses what it is given: nothing is unflushed then, and nothing was taken either.
    if (cache.health().unflushedMs === 0 && cache.size === first + 6) say(`acked ${first + 5}`);
    await cache.close().then(
      () => say('closed'),
      (error: unknown) => say(`not closed ${code(error)}`),
    );
  },
  /** Writes to a slow disk without waiting, reads meanwhile, and says the longest time a turn took. */
  slow: async () => {
    const cache = await open(3_600_000);
    await cache.upsert(record(0));
    const writes: Promise<void>[] = [];
    let [longest, last, n] = [0, performance.now(), 1];
    while (n < 100) {
      await wait(5);
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      writes.push(cache.upsert(record(n)));
      if (cache.get(`s-${n % 50}`)?.['n'] !== n) say('stale read');
      n++;
    }
    say(`pending ${cache.health().generation - cache.health().durableGeneration}`);
    await Promise.all(writes);
    say(`longest ${Math.round(longest)}`);
    await cache.close();
    say('closed');
  },
  /** Writes a few records and closes. */
  short: async () => {
    const cache = await open(60_000);
    await writeUntil(cache, cache.size + 6);
    await cache.close();
    say('closed');
  },
  /** Opens, says how, and waits. */
  holder: async () => {
    const cache = await open(60_000);
    say(`access ${cache.access.kind}`);
    process.stdin.on('data', (chunk: Buffer) => {
      const [from = 0, to = 0] = chunk.toString().split(' ').map(Number);
      const writes = Array.from({ length: to - from }, async (_, i) =>
        cache.upsert(record(from + i)),
      );
      void Promise.all(writes).then(() => say(`wrote ${to}`));
    });
  },
  /** Tries once to write and says what came of it. */
  once: async () => {
    const cache = await open(60_000);
    say(`access ${cache.access.kind === 'writer' ? 'writer' : cache.access.reason.code}`);
    say(`read ${cache.size}`);
    try {
      await cache.upsert(record(1, { text: 'x'.repeat(200_000) }));
      say('wrote');
    } catch (error) {
      say(`failed ${(error as { code?: string }).code}`);
    }
    say(`memory ${cache.size}`);
    await cache.close().catch(() => undefined);
  },
  /** Ends without closing anything. */
  ends: async () => {
    await upsert(record(1), { path });
    say('acked');
  },
  /** Has changes that are not durable when the signal comes. */
  signalled: async () => {
    const cache = await getRegistryCache({ path });
    await cache.upsert(record(1));
    setInterval(() => undefined, 1_000);
    say('ready');
    for (let n = 2; n < 20; n++) void cache.upsert(record(n));
    process.kill(process.pid, 'SIGTERM');
  },
  /** Handles the signal itself, by exiting at once. */
  exits: async () => {
    const cache = await getRegistryCache({ path });
    process.on('SIGINT', () => process.exit(3));
    void cache.upsert(record(1));
    process.kill(process.pid, 'SIGINT');
    setInterval(() => undefined, 1_000);
  },
  /** Dies of an exception with a change in the window. */
  throws: async () => {
    const cache = await getRegistryCache({ path });
    void cache.upsert(record(1));
    setImmediate(() => {
      throw new Error('on purpose');
    });
  },
  /** Reads by the names the earlier build used, where the environment says. */
  environment: async () => {
    await upsert(record(1));
    say(`read ${(await readAll()).length}`);
  },
};

await roles[role]?.();
