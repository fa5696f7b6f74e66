import { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { openFileStore } from '../../src/store/file-store.ts';
import {
  createCacheHandle,
  createDirectHandle,
  type RegistryHandle,
} from '../../src/tools/registry-handle.ts';
import { benchRecord } from './bench-record.ts';
import { figures, type Figures } from './figures.ts';
import { quietRounds } from './quiet-rounds.ts';

/** What a service asks of its registry, through the handle that `MCP_REGISTRY_MEMORY_CACHE` chooses. */
const uses: Readonly<
  Record<string, (handle: RegistryHandle, size: number, at: number) => Promise<unknown>>
> = {
  'read of one server': async (handle, size, at) =>
    handle.use('read', (cache) => cache.get(benchRecord((at * 7) % size, 0).name)),
  'page of 50 servers': async (handle, size, at) =>
    handle.use('read', (cache) =>
      cache.search({ after: benchRecord((at * 11) % size, 0).name, limit: 50 }),
    ),
  'write of one server, on disk': async (handle, size, at) =>
    handle.use('write', async (cache) => {
      const written = cache.upsert(benchRecord((at * 13) % size, 1_000 + at));
      await cache.flush();
      await written;
    }),
};

interface Path {
  readonly handle: RegistryHandle;
  close(): Promise<void>;
}

async function openOn(path: string): Promise<Path> {
  const store = await openFileStore({ path });
  const cache = await RegistryMemoryCache.open(store, {
    random: Math.random,
    snapshotDelayMs: 3_600_000,
  });
  return { handle: createCacheHandle(cache), close: async () => cache.close() };
}

/** The same the service opens when the flag is off: nothing is held, and nothing has to be closed. */
async function openOff(path: string): Promise<Path> {
  const handle = createDirectHandle({ path, random: Math.random });
  return Promise.resolve({ handle, close: async () => Promise.resolve() });
}

const paths = [
  ['on', openOn],
  ['off', openOff],
] as const;

async function timedUses(
  { handle }: Path,
  { size, count }: { readonly size: number; readonly count: number },
): Promise<ReadonlyMap<string, readonly number[]>> {
  const found = new Map<string, number[]>();
  for (const [what, use] of Object.entries(uses)) {
    const took: number[] = [];
    for (let at = 0; at < count; at++) {
      const startedMs = performance.now();
      await use(handle, size, at);
      took.push(performance.now() - startedMs);
    }
    found.set(what, took);
  }
  return found;
}

/** Uses of each path in a round: enough of the fast one, few of the one that reads everything each time. */
const usesOn = 50;
const usesOff = 2;

/**
 * `MCP_REGISTRY_MEMORY_CACHE` on and off over the same files, in turn; opening the one that is held is not counted, as a
 * service does it once.
 */
export async function measureCachePaths(
  path: string,
  size: number,
  roundCount: number,
): Promise<readonly (readonly [what: string, figures: Figures])[]> {
  const rounds = await quietRounds(roundCount, async () => {
    const taken = new Map<string, readonly number[]>();
    for (const [name, open] of paths) {
      const opened = await open(path);
      try {
        const count = name === 'on' ? usesOn : usesOff;
        for (const [what, took] of await timedUses(opened, { size, count })) {
          taken.set(`${what}, MCP_REGISTRY_MEMORY_CACHE ${name}`, took);
        }
      } finally {
        await opened.close();
      }
    }
    return { value: taken };
  });
  return Object.keys(uses).flatMap((what) =>
    paths.map(([name]) => {
      const row = `${what}, MCP_REGISTRY_MEMORY_CACHE ${name}`;
      return [`${row}, ms`, figures(rounds.flatMap((round) => round.get(row) ?? []))] as const;
    }),
  );
}
