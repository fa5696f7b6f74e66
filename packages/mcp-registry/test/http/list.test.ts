import { expect, test } from 'vitest';
import { officialMetaKey } from '../../src/server-record.ts';
import { published, server } from '../lib/records.ts';
import { document, manualClock, namesOf, official, openApi, pathTo } from './lib/open-api.ts';

function dated(status: string, updatedAt: string) {
  return { _meta: { [officialMetaKey]: { status, updatedAt, publishedAt: updatedAt } } };
}

test('GET /servers lists every version by name with metadata and the official block (S4)', async () => {
  const { cache, list } = await openApi();
  await cache.upsertMany([
    published('io.test/b', '2.0.0'),
    published('io.test/b', '1.0.0'),
    published('io.test/a', '1.0.0', dated('deprecated', '2026-01-02T03:04:05Z')),
  ]);
  const body = await list();
  expect(namesOf(body)).toEqual(['io.test/a@1.0.0', 'io.test/b@1.0.0', 'io.test/b@2.0.0']);
  expect(body.metadata).toEqual({ count: 3 });
  expect(body.servers.map((item) => official(item)['isLatest'])).toEqual([true, false, true]);
  expect(official(body.servers[0])).toEqual({
    status: 'deprecated',
    statusChangedAt: '2026-01-02T03:04:05Z',
    publishedAt: '2026-01-02T03:04:05Z',
    updatedAt: '2026-01-02T03:04:05Z',
    isLatest: true,
  });
  const { _meta: meta } = body.servers[0] ?? {};
  expect(meta?.['dev.cortex-os.registry/entry']).toEqual({ origin: 'local' });
});

test('GET /servers takes limit from 1 to 100, default 30, else 422', async () => {
  const { cache, list, call } = await openApi();
  await cache.upsertMany(
    Array.from({ length: 120 }, (_, i) => published(`io.test/s${i}`, '1.0.0')),
  );
  expect((await list()).metadata.count).toBe(30);
  expect((await list('?limit=1')).metadata.count).toBe(1);
  expect((await list('?limit=100')).metadata.count).toBe(100);
  for (const limit of ['0', '101', '-1', '1.5', 'x', '1e1', '99999999999']) {
    const answer = await call(`/servers?limit=${limit}`);
    expect([limit, answer.status]).toEqual([limit, 422]);
    expect(answer.body).toMatchObject({
      code: 'BAD_PARAMETER',
      error: expect.stringContaining('limit'),
    });
  }
});

test('GET /servers pages without gap or repeat and ends without a cursor', async () => {
  const { cache, list } = await openApi();
  await cache.upsertMany(Array.from({ length: 25 }, (_, i) => published(`io.test/s${i}`, '1.0.0')));
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await list(`?limit=10${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    seen.push(...namesOf(page));
    cursor = page.metadata.nextCursor;
  } while (cursor !== undefined);
  expect(seen).toEqual(
    Array.from({ length: 25 }, (_, i) => `io.test/s${i}`)
      .toSorted()
      .map((name) => `${name}@1.0.0`),
  );
});

test('a cursor carries its filter, and refuses another one', async () => {
  const { cache, list, call } = await openApi();
  await cache.upsertMany([
    published('io.test/files-a', '1.0.0'),
    published('io.test/mail', '1.0.0'),
    published('io.test/xfiles', '1.0.0'),
    published('io.test/xfiles', '2.0.0'),
  ]);
  const first = await list('?search=FILES&version=latest&limit=1');
  expect(namesOf(first)).toEqual(['io.test/files-a@1.0.0']);
  const cursor = first.metadata.nextCursor;
  expect(namesOf(await list(`?limit=1&cursor=${cursor}`))).toEqual(['io.test/xfiles@2.0.0']);
  expect(namesOf(await list(`?search=FILES&cursor=${cursor}`))).toEqual(['io.test/xfiles@2.0.0']);
  const other = await call(`/servers?search=mail&cursor=${cursor}`);
  expect(other.status).toBe(400);
  expect(other.body).toMatchObject({ code: 'BAD_CURSOR' });
});

test.each(['x', '!!', 'WzFd', Buffer.from('[2,"a",null,null,null,false]').toString('base64url')])(
  'a cursor that is not ours is refused with 400 naming it: %s',
  async (cursor) => {
    const { call } = await openApi();
    const answer = await call(`/servers?cursor=${encodeURIComponent(cursor)}`);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      code: 'BAD_CURSOR',
      error: expect.stringContaining('cursor'),
    });
  },
);

test('search matches name, title and description without case', async () => {
  const { cache, list } = await openApi();
  await cache.upsertMany([
    published('io.test/alpha', '1.0.0'),
    published('io.test/b', '1.0.0', {
      server: document('io.test/b', '1.0.0', { title: 'Has ALPHA' }),
    }),
    published('io.test/c', '1.0.0', {
      server: document('io.test/c', '1.0.0', { description: 'an alphabet' }),
    }),
    published('io.test/d', '1.0.0'),
  ]);
  const names = ['io.test/alpha@1.0.0', 'io.test/b@1.0.0', 'io.test/c@1.0.0'];
  expect(namesOf(await list('?search=aLpHa'))).toEqual(names);
  expect(namesOf(await list('?search='))).toHaveLength(4);
  expect(namesOf(await list('?search=.*'))).toEqual([]);
});

test('version filters by latest or one exact version', async () => {
  const { cache, list } = await openApi();
  await cache.upsertMany([
    published('io.test/a', '1.9.0'),
    published('io.test/a', '1.10.0'),
    published('io.test/b', '1.9.0'),
    published('io.test/c', '2.0.0', dated('deleted', '2026-01-01T00:00:00Z')),
    published('io.test/c', '1.0.0'),
  ]);
  expect(namesOf(await list('?version=latest'))).toEqual([
    'io.test/a@1.10.0',
    'io.test/b@1.9.0',
    'io.test/c@1.0.0',
  ]);
  expect(namesOf(await list('?version=1.9.0'))).toEqual(['io.test/a@1.9.0', 'io.test/b@1.9.0']);
});

test('updated_since is inclusive, forces deleted ones in and orders by time of change', async () => {
  const { cache, list } = await openApi();
  await cache.upsertMany([
    published('io.test/c', '1.0.0', dated('active', '2026-01-01T00:00:00Z')),
    published('io.test/b', '1.0.0', dated('deleted', '2026-02-01T00:00:00Z')),
    published('io.test/a', '1.0.0', dated('active', '2026-03-01T00:00:00.123456Z')),
  ]);
  expect(namesOf(await list())).toEqual(['io.test/a@1.0.0', 'io.test/c@1.0.0']);
  expect(namesOf(await list('?include_deleted=true'))).toHaveLength(3);
  const since = (time: string) => list(`?include_deleted=false&updated_since=${time}`);
  expect(namesOf(await since('2026-02-01T00:00:00Z'))).toEqual([
    'io.test/b@1.0.0',
    'io.test/a@1.0.0',
  ]);
  expect(namesOf(await since('2026-02-01T00:00:00.001Z'))).toEqual(['io.test/a@1.0.0']);
  expect(namesOf(await since('2026-02-01T02:00:00+02:00'))).toHaveLength(2);
  expect(namesOf(await since('2026-02-01T02:00:00%2B02:00'))).toHaveLength(2);
  expect(namesOf(await since('1960-01-01T00:00:00Z'))).toHaveLength(3);
});

test.each([
  'yesterday',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '2026-02-30T00:00:00Z',
  '2026-01-01T25:00:00Z',
  '0',
])('updated_since=%s is refused with 400', async (value) => {
  const { call } = await openApi();
  const answer = await call(`/servers?updated_since=${value}`);
  expect(answer.status).toBe(400);
  expect(answer.body).toMatchObject({ error: expect.stringContaining('updated_since') });
});

test('parameters given twice, too long or not boolean are refused', async () => {
  const { call } = await openApi();
  expect((await call('/servers?search=a&search=b')).status).toBe(400);
  expect((await call(`/servers?search=${'a'.repeat(201)}`)).status).toBe(422);
  expect((await call('/servers?include_deleted=maybe')).status).toBe(422);
});

test('GET …/versions lists newest first and hides deleted ones unless asked', async () => {
  const { cache, call } = await openApi();
  await cache.upsertMany([
    published('io.test/a', '1.0.0', dated('active', '2026-01-01T00:00:00Z')),
    published('io.test/a', '2.0.0', dated('active', '2026-01-03T00:00:00Z')),
    published('io.test/a', '1.5.0', dated('deleted', '2026-01-02T00:00:00Z')),
    published('io.test/gone', '1.0.0', dated('deleted', '2026-01-02T00:00:00Z')),
  ]);
  const versions = async (query = '') => (await call(`${pathTo('io.test/a')}${query}`)).body;
  expect(namesOf((await versions()) as never)).toEqual(['io.test/a@2.0.0', 'io.test/a@1.0.0']);
  expect(namesOf((await versions('?include_deleted=true')) as never)).toEqual([
    'io.test/a@2.0.0',
    'io.test/a@1.5.0',
    'io.test/a@1.0.0',
  ]);
  expect((await call(pathTo('io.test/gone'))).status).toBe(404);
  expect((await call(`${pathTo('io.test/gone')}?include_deleted=true`)).status).toBe(200);
  expect((await call(pathTo('io.test/none'))).body).toMatchObject({ error: 'Server not found' });
});

test('GET …/versions/{version} takes latest, %2B and names with a plain slash', async () => {
  const { cache, call, item } = await openApi();
  await cache.upsertMany([
    published('io.test/a', '1.0.0'),
    published('io.test/a', '1.1.0+build.5'),
    published('io.test/a', '9.0.0', dated('deleted', '2026-01-02T00:00:00Z')),
    published('io.test/gone', '1.0.0', dated('deleted', '2026-01-02T00:00:00Z')),
  ]);
  const latest = await item(pathTo('io.test/a', 'latest'));
  expect(latest.server.version).toBe('1.1.0+build.5');
  expect(official(latest)['isLatest']).toBe(true);
  expect(await item('/servers/io.test%2Fa/versions/1.1.0%2Bbuild.5')).toEqual(latest);
  expect(await item('/servers/io.test%2fa/versions/1.1.0+build.5')).toEqual(latest);
  expect(await item('/servers/io.test/a/versions/1.1.0+build.5/')).toEqual(latest);
  expect((await call(pathTo('io.test/a', '9.0.0'))).status).toBe(404);
  const tombstone = await item(`${pathTo('io.test/a', '9.0.0')}?include_deleted=true`);
  expect(official(tombstone)).toMatchObject({ status: 'deleted', isLatest: false });
  expect((await call(pathTo('io.test/gone', 'latest'))).status).toBe(404);
  expect((await call(`${pathTo('io.test/gone', 'latest')}?include_deleted=true`)).status).toBe(200);
  expect((await call(pathTo('io.test/a', '5.0.0'))).body).toMatchObject({
    error: 'Server version not found',
  });
});

test('every entry has one current $schema, whatever it was stored with', async () => {
  const { cache, list } = await openApi();
  const old = 'https://static.modelcontextprotocol.io/schemas/2025-09-16/server.schema.json';
  await cache.upsertMany([
    published('io.test/a', '1.0.0', { server: document('io.test/a', '1.0.0', { $schema: old }) }),
    published('io.test/b', '1.0.0'),
  ]);
  const schemas = (await list()).servers.map((one) => one.server['$schema']);
  expect(new Set(schemas)).toEqual(
    new Set(['https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json']),
  );
});

test('entries that are not valid by the schema are left out and counted, others close up', async () => {
  const { cache, api, list, call } = await openApi();
  const invalid = { description: 'x'.repeat(101) };
  await cache.upsertMany([
    ...Array.from({ length: 10 }, (_, i) =>
      published(`io.test/s${i}`, '1.0.0', {
        server: document(`io.test/s${i}`, '1.0.0', i % 2 === 0 ? invalid : {}),
      }),
    ),
    published('io.test/s1', '2.0.0', { server: document('io.test/s1', '2.0.0', invalid) }),
    published('no-slash', '1.0.0'),
    server('local-only'),
  ]);
  const first = await list('?limit=3');
  expect(namesOf(first)).toEqual(['io.test/s1@1.0.0', 'io.test/s3@1.0.0', 'io.test/s5@1.0.0']);
  expect(official(first.servers[0])['isLatest']).toBe(true);
  expect(namesOf(await list(`?cursor=${first.metadata.nextCursor}`))).toHaveLength(2);
  expect((await call(pathTo('io.test/s0', '1.0.0'))).status).toBe(404);
  expect(api.counts()).toEqual({ listed: 5, leftOut: 8 });
});

test('dates that are missing, malformed or in the future do not hide an entry from a sync', async () => {
  const clock = manualClock(Date.parse('2026-06-01T00:00:00.000Z'));
  const { cache, list } = await openApi({ now: clock.now });
  await cache.upsertMany([
    published('io.test/future', '1.0.0', dated('active', '2199-01-01T00:00:00Z')),
    published('io.test/none', '1.0.0'),
    published('io.test/odd', '1.0.0', dated('active', 'soon')),
  ]);
  const body = await list('?updated_since=2026-06-01T00:00:00Z');
  expect(namesOf(body)).toHaveLength(3);
  for (const item of body.servers)
    expect(official(item)['updatedAt']).toBe('2026-06-01T00:00:00.000Z');
});

test('APIs that come and go with each request page alike when they share foundAt', async () => {
  const foundAt = new Date('2026-05-01T00:00:00.000Z');
  const { cache } = await openApi();
  await cache.upsertMany(Array.from({ length: 7 }, (_, i) => published(`io.test/s${i}`, '1.0.0')));
  const seen: string[] = [];
  let query = '?limit=2&updated_since=2020-01-01T00:00:00Z';
  for (let page = 0; page < 10 && query !== ''; page++) {
    const { list } = await openApi({ cache, foundAt });
    const body = await list(query);
    seen.push(...namesOf(body));
    const { nextCursor } = body.metadata;
    query = nextCursor === undefined ? '' : `?limit=2&cursor=${nextCursor}`;
  }
  expect(seen).toEqual(Array.from({ length: 7 }, (_, i) => `io.test/s${i}@1.0.0`));
});
