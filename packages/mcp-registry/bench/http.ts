import { createServer } from 'node:http';
import { cpus } from 'node:os';
import process from 'node:process';
import { createRegistryApi } from '../src/http/registry-api.ts';
import { RegistryMemoryCache } from '../src/memory-cache.ts';
import { officialMetaKey, type ServerRecord } from '../src/server-record.ts';
import { createMemoryStore } from '../src/store/memory-store.ts';
import { figures, watchStalls } from './lib/figures.ts';

// Answer times of the registry API over loopback and the stalls of its event loop, at 100,000 published servers.

const size = process.argv.includes('--quick') ? 10_000 : 100_000;

function record(index: number): ServerRecord {
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

const cache = await RegistryMemoryCache.open(createMemoryStore(), {
  random: Math.random,
  maxRecords: 2 * size,
  snapshotDelayMs: 3_600_000,
});
await cache.upsertMany(Array.from({ length: size }, (_, i) => record(i)));
const api = createRegistryApi({ cache, apiKey: 'a-key-for-the-bench', now: () => new Date() });
const server = createServer((request, response) => api.handle(request, response));
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = server.address();
const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/v0.1`;

const stalls = watchStalls();

async function measure(count: number, urlOf: (n: number) => string) {
  const ms: number[] = [];
  stalls.take();
  for (let n = 0; n < count; n++) {
    const startedMs = performance.now();
    const response = await fetch(base + urlOf(n));
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${urlOf(n)}: ${response.status}`);
    ms.push(performance.now() - startedMs);
  }
  return { ms: figures(ms), stallMs: stalls.take() };
}

function cursorAt(n: number): string {
  const name = `io.bench/server-${String((n * 7_919) % size).padStart(6, '0')}\n1.0.0`;
  return Buffer.from(JSON.stringify([1, name, null, null, null, false])).toString('base64url');
}

const startedMs = performance.now();
await api.ready();
const ready = { ms: performance.now() - startedMs, stallMs: stalls.take() };
const since = encodeURIComponent('2026-01-01T01:00:00Z');
const results = {
  ready,
  'page of 100': await measure(500, (n) => `/servers?limit=100&cursor=${cursorAt(n)}`),
  'page of 100, again': await measure(500, (n) => `/servers?limit=100&cursor=${cursorAt(n)}`),
  'page of 50 latest': await measure(500, () => '/servers?limit=50&version=latest'),
  'updated_since page of 100': await measure(
    300,
    () => `/servers?limit=100&updated_since=${since}`,
  ),
  'search, no match': await measure(50, () => '/servers?search=nothing-like-it'),
  'one version': await measure(
    500,
    (n) => `/servers/${encodeURIComponent(record((n * 7) % size).name)}/versions/latest`,
  ),
};
console.log(
  JSON.stringify({ cpu: cpus()[0]?.model, node: process.version, size, results }, null, 1),
);
stalls.stop();
api.close();
server.closeAllConnections();
server.close();
await cache.close();
