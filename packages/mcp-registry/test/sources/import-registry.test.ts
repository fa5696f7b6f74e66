import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRegistryApi } from '../../src/http/registry-api.ts';
import type { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { fromServerJson } from '../../src/server-json.ts';
import { officialMeta, type ServerRecord } from '../../src/server-record.ts';
import { readWatermark } from '../../src/sources/watermarks.ts';
import { openCache } from '../lib/open-cache.ts';
import { published } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';
import { registryPlace } from '../lib/registry-place.ts';
import { item, sendJson, startHttp } from '../lib/upstream-registry.ts';

function entry(name: string, version: string, meta: Record<string, unknown> = {}): ServerRecord {
  const document = {
    name,
    version,
    description: `${name} ${version}`,
    packages: [{ registryType: 'npm', identifier: 'x', version, transport: { type: 'stdio' } }],
  };
  const official = { status: 'active' as const, publishedAt: '2026-01-01T00:00:00Z', ...meta };
  return {
    ...fromServerJson(document, { updatedAt: '2026-01-01T00:00:00Z', ...official }),
    origin: 'remote',
  };
}

/** Another registry of this project, served by its own API. */
async function upstream(records: readonly ServerRecord[]) {
  const { cache } = await openCache({ path: join(tempFolder(), 'servers.json') });
  await cache.upsertMany(records);
  const now = { date: new Date('2026-02-01T00:00:00Z') };
  const api = createRegistryApi({ cache, now: () => now.date });
  const asked: URL[] = [];
  const url = await startHttp((request, response) => {
    asked.push(new URL(request.url ?? '', 'http://h'));
    // The clock of the registry is the one that counts.
    response.setHeader('date', now.date.toUTCString());
    api.handle(request, response);
  });
  return { cache, url, asked, now };
}

function mirrored(cache: RegistryMemoryCache): unknown[] {
  return cache
    .getAll()
    .map((record) => ({
      server: { ...record.server, $schema: '' },
      status: officialMeta(record)?.status,
    }))
    .toSorted((a, b) => (JSON.stringify(a.server) < JSON.stringify(b.server) ? -1 : 1));
}

test('importFromRegistry() mirrors a registry page by page as inert remote records', async () => {
  const many = Array.from({ length: 250 }, (_, n) => entry(`io.test/s${n}`, '1.0.0'));
  const { cache: theirs, url, asked } = await upstream(many);
  const { cache, run, stateFolder } = await registryPlace();
  const report = await run(`${url}/v0.1/servers?x=1`);
  expect(report).toMatchObject({
    url,
    since: undefined,
    pages: 3,
    added: 250,
    updated: 0,
    rejectedCount: 0,
  });
  expect(asked[0]?.search).toBe('?limit=100&include_deleted=true');
  expect(mirrored(cache)).toEqual(mirrored(theirs));
  for (const record of cache.getAll()) {
    expect(record.origin).toBe('remote');
    expect(record).not.toHaveProperty('connector');
  }
  expect(await readWatermark(stateFolder, url)).toMatchObject({
    updatedSince: '2025-12-31T23:59:59.000Z',
  });
  expect(statSync(join(stateFolder, 'sources.json')).mode & 0o777).toBe(0o600);
});

test('the next import asks for changes only and honours tombstones', async () => {
  const {
    cache: theirs,
    url,
    asked,
    now,
  } = await upstream([entry('io.test/a', '1.0.0'), entry('io.test/b', '1.0.0')]);
  const { cache, run } = await registryPlace();
  await run(url);
  now.date = new Date('2026-02-02T00:00:00Z');
  const updatedAt = '2026-02-01T12:00:00Z';
  await theirs.upsertMany([
    entry('io.test/b', '1.0.0', { status: 'deleted', updatedAt }),
    entry('io.test/c', '1.0.0', { updatedAt }),
  ]);
  const report = await run(url);
  expect(asked.at(-1)?.searchParams.get('updated_since')).toBe('2025-12-31T23:59:59.000Z');
  expect(report).toMatchObject({
    added: 1,
    updated: 1,
    deleted: 1,
    watermark: '2026-02-01T11:59:59.000Z',
  });
  expect(officialMeta(cache.get('io.test/b', '1.0.0') ?? entry('x/x', '1'))?.status).toBe(
    'deleted',
  );
  expect(mirrored(cache)).toEqual(mirrored(theirs));
  expect(await run(url)).toMatchObject({
    added: 0,
    updated: 0,
    watermark: '2026-02-01T11:59:59.000Z',
  });
});

test('what its owner set on an imported record survives the next import', async () => {
  const { cache: theirs, url } = await upstream([entry('io.test/a', '1.0.0')]);
  const { cache, run } = await registryPlace();
  await run(url);
  const mine = { connector: {}, enabled: false, tags: ['t'] };
  await cache.upsert({ ...entry('io.test/a', '1.0.0'), ...cache.get('io.test/a'), ...mine });
  expect(await run(url)).toMatchObject({ unchanged: 1, updated: 0 });
  await theirs.upsert(
    entry('io.test/a', '1.0.0', { status: 'deprecated', updatedAt: '2026-01-05T00:00:00Z' }),
  );
  expect(await run(url)).toMatchObject({ updated: 1 });
  expect(cache.get('io.test/a')).toMatchObject({ ...mine, origin: 'remote' });
});

test('servers of this machine are never replaced, those of another registry only by force', async () => {
  const { url } = await upstream([entry('io.test/mine', '1.0.0'), entry('io.test/far', '1.0.0')]);
  const { cache, run } = await registryPlace();
  await cache.upsertMany([
    published('io.test/mine', '1.0.0', { origin: 'local' }),
    published('io.test/far', '1.0.0', {
      origin: 'remote',
      source: { kind: 'registry', url: 'https://other.test' },
    }),
  ]);
  const report = await run(url);
  expect(report).toMatchObject({ added: 0, updated: 0, conflictCount: 2 });
  expect(report.conflicts.map(({ name }) => name)).toEqual(['io.test/far', 'io.test/mine']);
  expect(await run(url, { force: true })).toMatchObject({ updated: 1, conflictCount: 1 });
  expect(cache.get('io.test/mine')?.origin).toBe('local');
});

test('a page that is partly bad gives its good entries and names the bad ones', async () => {
  const url = await startHttp((_request, response) =>
    sendJson(response, {
      servers: [
        item('io.test/good'),
        item('io.test/bad', {}, { description: 'x'.repeat(101) }),
        item('no-slash'),
        null,
        {
          server: {
            name: 'io.test/huge',
            version: '1.0.0',
            description: 'd',
            pad: 'x'.repeat(300_000),
          },
        },
        item('io.test/meta', { status: 'weird' }),
        item('io.test/also-good', { updatedAt: 'nonsense' }, { connector: {}, origin: 'local' }),
      ],
      metadata: { count: 7 },
    }),
  );
  const { cache, run } = await registryPlace();
  const report = await run(url);
  expect(report).toMatchObject({ added: 2, rejectedCount: 5 });
  expect(report.rejected.map(({ name }) => name)).toEqual([
    'io.test/bad',
    'no-slash',
    'entry 4 of page 1',
    'io.test/huge',
    'io.test/meta',
  ]);
  expect(cache.get('io.test/also-good')).toMatchObject({ origin: 'remote' });
  expect(cache.get('io.test/also-good')).not.toHaveProperty('connector');
  expect(report.watermark).toBe('2025-12-31T23:59:59.000Z');
});

test('an import that is cut off keeps its pages and leaves the watermark', async () => {
  let broken = true;
  const url = await startHttp((request, response) => {
    const second = (request.url ?? '').includes('cursor=');
    if (second && broken) response.destroy();
    else
      sendJson(response, {
        servers: [item(second ? 'io.test/b' : 'io.test/a')],
        metadata: second ? {} : { nextCursor: '2' },
      });
  });
  const { cache, run, stateFolder } = await registryPlace();
  await expect(run(url)).rejects.toMatchObject({ code: 'EFETCH' });
  expect(cache.size).toBe(1);
  expect(await readWatermark(stateFolder, url)).toBeUndefined();
  broken = false;
  expect(await run(url)).toMatchObject({ since: undefined, added: 1, unchanged: 1 });
  expect(cache.size).toBe(2);
});

test('pages that were taken together are stored together, also before a failure', async () => {
  const writes: number[] = [];
  const url = await startHttp((request, response) => {
    const page = Number(new URL(request.url ?? '', 'http://h').searchParams.get('cursor') ?? 0);
    if (page === 5) response.destroy();
    else
      sendJson(response, {
        servers: [item(`io.test/s${page}`), item('io.test/again', {}, { title: `t${page}` })],
        metadata: { nextCursor: String(page + 1) },
      });
  });
  const { cache, run } = await registryPlace();
  const target = {
    get: (name: string, version?: string) => cache.get(name, version),
    versions: (name: string) => cache.versions(name),
    remove: async () => false,
    removeMany: async () => 0,
    upsertMany: async (records: readonly ServerRecord[]) => {
      writes.push(records.length);
      await cache.upsertMany(records);
    },
  };
  await expect(run(url, { target, pagesPerWrite: 2 })).rejects.toMatchObject({ code: 'EFETCH' });
  expect(writes).toEqual([3, 3, 2]);
  expect(cache.size).toBe(6);
  expect(cache.get('io.test/again')?.server).toMatchObject({ title: 't4' });
});

test('the watermark is never after the start of the import, by the clock of the registry or ours', async () => {
  let date: string | undefined = 'Sun, 01 Mar 2026 00:00:00 GMT';
  const url = await startHttp((_request, response) => {
    response.sendDate = false;
    if (date !== undefined) response.setHeader('date', date);
    const servers = [item('io.test/a', { updatedAt: '2026-06-01T00:00:00Z' })];
    sendJson(response, { servers, metadata: {} });
  });
  const { run } = await registryPlace();
  // What is written while the list is read may be missed, so it is asked for again.
  expect(await run(url)).toMatchObject({ watermark: '2026-02-28T23:59:00.000Z' });
  date = undefined;
  expect(await run(url, { now: () => new Date('2026-04-01T00:00:00Z') })).toMatchObject({
    watermark: '2026-03-31T23:59:00.000Z',
  });
  // A clock that was set back does not move it back.
  expect(await run(url, { now: () => new Date('2026-01-01T00:00:00Z') })).toMatchObject({
    watermark: '2026-03-31T23:59:00.000Z',
  });
});

test('the watermark stays when a page cannot be stored', async () => {
  const { url } = await upstream([entry('io.test/a', '1.0.0')]);
  const { cache, run, stateFolder } = await registryPlace();
  const target = {
    get: (name: string, version?: string) => cache.get(name, version),
    versions: (name: string) => cache.versions(name),
    remove: async () => false,
    removeMany: async () => 0,
    upsertMany: async () => Promise.reject(new Error('disk full')),
  };
  await expect(run(url, { target })).rejects.toThrow('disk full');
  expect(await readWatermark(stateFolder, url)).toBeUndefined();
});

test('dry run and a start after the gap leave the watermark, and a dry run the registry', async () => {
  const { url, asked } = await upstream([entry('io.test/a', '1.0.0')]);
  const { cache, run, stateFolder } = await registryPlace();
  expect(await run(url, { dryRun: true })).toMatchObject({ added: 1, watermark: undefined });
  expect(cache.size).toBe(0);
  expect(await run(url, { since: '2026-01-20T00:00:00+01:00' })).toMatchObject({
    added: 0,
    watermark: undefined,
  });
  expect(asked.at(-1)?.searchParams.get('updated_since')).toBe('2026-01-19T23:00:00.000Z');
  expect(await readWatermark(stateFolder, url)).toBeUndefined();
  await run(url);
  expect(await run(url, { since: '2025-01-01' })).toMatchObject({
    unchanged: 1,
    watermark: expect.any(String),
  });
  await expect(run(url, { since: 'yesterday' })).rejects.toMatchObject({ code: 'EFORMAT' });
});
