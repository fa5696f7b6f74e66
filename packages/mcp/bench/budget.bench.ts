import {
  getRegistryCache,
  closeRegistryCache,
  parseServerJson,
  upsert,
} from '@cortex-os/mcp-registry';
import { tempFolder } from '@cortex-os/testkit';
import { join } from 'node:path';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson, requestTemplate } from './lib/message-bytes.ts';
import { startRawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import {
  quantile,
  readingOf,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';
import { startSubject } from './lib/subject.ts';

const SMALL = {
  jsonrpc: '2.0',
  id: 1,
  result: { content: [{ type: 'text', text: 'x'.repeat(300) }] },
};
const SMALL_TEXT = JSON.stringify(SMALL);
const DOCUMENT = {
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'io.bench/server',
  description: 'A server of the benchmark',
  version: '1.0.0',
  remotes: [{ type: 'streamable-http', url: 'https://bench.example/mcp' }],
};
const RECORDS = 1_000;

/** Milliseconds of each of so many runs. */
function timed(count: number, work: (index: number) => unknown): readonly number[] {
  const took: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = process.hrtime.bigint();
    work(index);
    took.push(Number(process.hrtime.bigint() - startedAt) / 1e6);
  }
  return took;
}

async function lookups(count: number): Promise<readonly number[]> {
  await using folder = tempFolder();
  const location = { path: join(folder.path, 'servers.json') };
  for (let index = 0; index < RECORDS; index += 1) {
    const name = `io.bench/server-${index}`;
    void upsert({ name, transport: 'http', url: 'https://bench.example/mcp' }, location);
  }
  const cache = await getRegistryCache(location);
  const took = timed(count, (index) => cache.get(`io.bench/server-${index % RECORDS}`));
  await closeRegistryCache(location);
  return took;
}

interface Quantiles {
  readonly p50Ms: number;
  readonly p95Ms: number;
}

async function throughGateway(
  quick: boolean,
): Promise<Readonly<Record<string, readonly Quantiles[]>>> {
  await using servers = await startRawServers({
    era: 'modern',
    count: 1,
    tools: ['r512'],
    listed: 9,
  });
  const connectors = connectorsOf(servers.urls);
  await using ours = await startSubject({ kind: 'ours', connectors, settings: {} });
  await using load = startRawLoad();
  const uri = 'bench://text/1';
  const read = {
    era: 'modern',
    method: 'resources/read',
    params: `"uri":"${uri}"`,
    name: uri,
  } as const;
  const requests = {
    'simple tool call': callTemplate('modern', `${FIRST_PREFIX}r512`, payloadJson(200, 'string')),
    'resource read': requestTemplate(read),
  };
  const found: Record<string, Quantiles[]> = {};
  for (let round = 0; round < (quick ? 1 : 6); round += 1) {
    for (const [name, request] of Object.entries(requests)) {
      const place = {
        url: ours.url,
        requests: [request],
        session: false,
        connections: 4,
        minBytes: 100,
      };
      await load.open(place);
      const { p50Us, p95Us } = await load.run(quick ? 60 : 800);
      await load.close();
      // The first round warms up.
      if (round > 0 || quick)
        (found[name] ??= []).push({ p50Ms: p50Us / 1_000, p95Ms: p95Us / 1_000 });
    }
  }
  return found;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const count = quick ? 200 : 10_000;
  const rounds = quick ? 1 : 5;
  const found: Record<string, Quantiles[]> = {};
  const add = (name: string, took: readonly number[]): void => {
    (found[name] ??= []).push({ p50Ms: quantile(took, 0.5), p95Ms: quantile(took, 0.95) });
  };
  for (let round = 0; round < rounds; round += 1) {
    add(
      'JSON encode, small',
      timed(count, () => JSON.stringify(SMALL)),
    );
    add(
      'JSON decode, small',
      timed(count, () => JSON.parse(SMALL_TEXT) as unknown),
    );
    add(
      'schema validation',
      timed(count, () => parseServerJson(DOCUMENT)),
    );
    add('registry lookup', await lookups(count));
  }
  const all = { ...found, ...(await throughGateway(quick)) };
  const readings: Record<string, Reading> = {};
  const rows = Object.entries(all).map(([name, of]) => {
    const p50 = readingOf(
      of.map(({ p50Ms }) => p50Ms),
      'ms',
    );
    const p95 = readingOf(
      of.map(({ p95Ms }) => p95Ms),
      'ms',
    );
    readings[`${name}.p50Ms`] = p50;
    readings[`${name}.p95Ms`] = p95;
    return [name, p50.median.toFixed(4), p95.median.toFixed(4)];
  });
  return {
    method:
      'The rows of the budget table (S3-17), whose limits `bench:compare` checks: JSON of 0.4 KB, a server.json ' +
      `checked against its schema, a record among ${RECORDS} of the registry; calls and reads through the gateway, 4 in flight, ` +
      'end to end as the client sees them.',
    tables: [{ title: 'budget', headings: ['what', 'p50 ms', 'p95 ms'], rows }],
    targets: [],
    readings,
  };
}

/** What the budget table (S3-17) limits. */
export const budget: Bench = { name: 'budget', run };
