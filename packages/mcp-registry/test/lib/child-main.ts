import { writeSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
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
