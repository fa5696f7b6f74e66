import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryApi, type RegistryApi } from '../src/http/registry-api.ts';
import { RegistryMemoryCache } from '../src/memory-cache.ts';
import { officialMetaKey, type ServerRecord } from '../src/server-record.ts';
import { openFileStore } from '../src/store/file-store.ts';
import { figures, joinStalls, watchStalls, type Figures, type Stalls } from './lib/figures.ts';
import { startHttpClient } from './lib/http-worker.ts';
import { quietRounds } from './lib/quiet-rounds.ts';
import { below, type BenchResult } from './lib/report.ts';

const rounds = 5;

function record(index: number, size: number): ServerRecord {
  const id = String(index).padStart(6, '0');
  const name = `io.bench/server-${id}`;
  const at = new Date(Date.UTC(2026, 0, 1) + ((index * 7_919) % size) * 1_000).toISOString();
  return {
    name,
    transport: 'streamableHttp',
    origin: 'remote',
    server: {
      name,
      version: '1.0.0',
      description: `Server ${id} of the benchmark`,
      repository: { url: `https://example.test/${id}`, source: 'github' },
      packages: [
        {
          registryType: 'npm',
          identifier: `@bench/${id}`,
          version: '1.0.0',
          transport: { type: 'stdio' },
          environmentVariables: [{ name: 'API_KEY', isSecret: true, isRequired: true }],
        },
      ],
      remotes: [{ type: 'streamable-http', url: `https://${id}.example.test/mcp` }],
    },
    _meta: {
      [officialMetaKey]: { status: 'active', publishedAt: at, updatedAt: at, statusChangedAt: at },
    },
  };
}

async function openCache(path: string, size: number): Promise<RegistryMemoryCache> {
  const store = await openFileStore({ path });
  return RegistryMemoryCache.open(store, {
    random: Math.random,
    maxRecords: 2 * size,
    snapshotDelayMs: 3_600_000,
  });
}

/** A registry on disk, opened as a service opens it. */
async function openFilled(path: string, size: number): Promise<RegistryMemoryCache> {
  const first = await openCache(path, size);
  for (let at = 0; at < size; at += 1_000)
    await first.upsertMany(Array.from({ length: 1_000 }, (_, i) => record(at + i, size)));
  await first.close();
  return openCache(path, size);
}

function cursorAt(n: number, size: number): string {
  const name = `io.bench/server-${String((n * 7_919) % size).padStart(6, '0')}\n1.0.0`;
  return Buffer.from(JSON.stringify([1, name, null, null, null, false])).toString('base64url');
}

function times(count: number, of: (n: number) => string): string[] {
  return Array.from({ length: count }, (_, n) => of(n));
}

/** Requests by what they are; each list is asked for in every round. */
function requests(size: number): Readonly<Record<string, readonly string[]>> {
  const pages = times(200, (n) => `/servers?limit=100&cursor=${cursorAt(n, size)}`);
  const since = encodeURIComponent('2026-01-01T01:00:00Z');
  return {
    'page of 100, first touch': pages,
    'page of 100, again': pages,
    'page of 50 latest': times(200, () => '/servers?limit=50&version=latest'),
    'updated_since, page of 100': times(100, () => `/servers?limit=100&updated_since=${since}`),
    'search without a match': times(20, () => '/servers?search=nothing-like-it'),
    'one version': times(300, (n) => {
      const { name } = record((n * 7) % size, size);
      return `/servers/${encodeURIComponent(name)}/versions/latest`;
    }),
  };
}

interface Part {
  readonly tookMs: readonly number[];
  readonly stalls: Stalls;
}

async function measureRounds(cache: RegistryMemoryCache, size: number) {
  let api: RegistryApi | undefined;
  const server = createServer((request, response) => api?.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v0.1`;
  const client = startHttpClient();
  const stalls = watchStalls();
  const asked = Object.entries(requests(size));
  const measured = await quietRounds(rounds, async () => {
    // A new one has read nothing in and checked no document yet.
    api = createRegistryApi({ cache, now: () => new Date() });
    const parts = new Map<string, Part>();
    stalls.take();
    const startedMs = performance.now();
    await api.ready();
    parts.set('reading the registry in', {
      tookMs: [performance.now() - startedMs],
      stalls: stalls.take(),
    });
    for (const [what, paths] of asked) {
      stalls.take();
      const tookMs = await client.get(paths.map((path) => base + path));
      parts.set(what, { tookMs, stalls: stalls.take() });
    }
    api.close();
    return { value: parts };
  });
  stalls.stop();
  await client.stop();
  server.closeAllConnections();
  server.close();
  return measured;
}

/** Answer times of the registry API over loopback and the stalls of its event loop. */
export async function httpBench(size: number): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-bench-'));
  try {
    const cache = await openFilled(join(folder, 'servers.json'), size);
    const measured = await measureRounds(cache, size);
    await cache.close();
    const names = ['reading the registry in', ...Object.keys(requests(size))];
    const parts = names.map((what) => {
      const own = measured.map((round) => round.get(what)).filter((one) => one !== undefined);
      return {
        what,
        tookMs: figures(own.flatMap(({ tookMs }) => tookMs)),
        stalls: joinStalls(own.map(({ stalls }) => stalls)),
      };
    });
    const rows = (of: (part: (typeof parts)[number]) => Figures) =>
      parts.map((part) => [part.what, of(part)] as const);
    return {
      method: `The API over a registry of ${size} published servers loaded from disk, in one process; a client in a thread asks for one thing after the other over loopback. A new API in each round, so that first touches are. Rounds as in the store bench.`,
      tables: [
        { title: 'answers, ms', rows: rows(({ tookMs }) => tookMs) },
        { title: 'loop stalls of the server, ms', rows: rows(({ stalls }) => stalls.loop) },
        { title: 'garbage collections, ms', rows: rows(({ stalls }) => stalls.gc) },
      ],
      targets: parts.flatMap(({ what, stalls: { loop } }) => [
        below(`loop stall p99, ${what}`, loop.p99, 10, 'ms'),
        below(`longest loop stall, ${what}`, loop.max, 50, 'ms'),
      ]),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
