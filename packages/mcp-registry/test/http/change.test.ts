import { expect, test } from 'vitest';
import { server } from '../lib/records.ts';
import {
  document,
  manualClock,
  namesOf,
  official,
  openApi,
  pathTo,
  type ServerItem,
} from './lib/open-api.ts';

const name = 'io.test/a';

test('PUT replaces the document of an existing version and keeps its status', async () => {
  const clock = manualClock();
  const { call } = await openApi({ now: clock.now });
  expect((await call(pathTo(name, '1.0.0'), { method: 'PUT', json: document(name) })).status).toBe(
    404,
  );
  await call('/publish', { json: document(name) });
  await call(`${pathTo(name, '1.0.0')}/status`, {
    method: 'PATCH',
    json: { status: 'deprecated', statusMessage: 'old' },
  });
  clock.move(5_000);
  const json = document(name, '1.0.0', { title: 'Better' });
  const answer = await call(pathTo(name, '1.0.0'), { method: 'PUT', json });
  expect((answer.body as ServerItem).server['title']).toBe('Better');
  expect(official(answer.body as ServerItem)).toMatchObject({
    status: 'deprecated',
    statusMessage: 'old',
    publishedAt: '2026-03-01T00:00:00.000Z',
    updatedAt: '2026-03-01T00:00:05.000Z',
  });
  const other = await call(pathTo(name, '1.0.0'), { method: 'PUT', json: document(name, '1.0.1') });
  expect(other.status).toBe(422);
});

test('DELETE leaves a tombstone, is safe to repeat and passes isLatest on', async () => {
  const clock = manualClock();
  const { call, list, cache } = await openApi({ now: clock.now });
  await call('/publish', { json: document(name, '1.0.0') });
  await call('/publish', { json: document(name, '2.0.0') });
  clock.move(1_000);
  const first = await call(pathTo(name, '2.0.0'), { method: 'DELETE' });
  clock.move(1_000);
  const second = await call(pathTo(name, '2.0.0'), { method: 'DELETE' });
  expect(first.status).toBe(200);
  expect(second.text).toBe(first.text);
  expect(official(first.body as ServerItem)).toMatchObject({
    status: 'deleted',
    isLatest: false,
    statusChangedAt: '2026-03-01T00:00:01.000Z',
  });
  expect(cache.size).toBe(2);
  expect(namesOf(await list())).toEqual(['io.test/a@1.0.0']);
  const changes = await list('?updated_since=2026-03-01T00:00:01Z');
  expect(changes.servers.map((one) => [one.server.version, official(one)['isLatest']])).toEqual([
    ['1.0.0', true],
    ['2.0.0', false],
  ]);
  expect((await call(pathTo(name, '9.0.0'), { method: 'DELETE' })).status).toBe(404);
});

test('PATCH …/status changes one version; no change is 400, a bad status 422', async () => {
  const { call } = await openApi();
  await call('/publish', { json: document(name) });
  const path = `${pathTo(name, '1.0.0')}/status`;
  const patch = (json: unknown) => call(path, { method: 'PATCH', json });
  const message = { status: 'deprecated', statusMessage: 'use b' };
  expect(official((await patch(message)).body as ServerItem)).toMatchObject(message);
  expect((await patch(message)).body).toMatchObject({ status: 400, code: 'NO_CHANGE' });
  expect(official((await patch({ status: 'active' })).body as ServerItem)).not.toHaveProperty(
    'statusMessage',
  );
  for (const bad of [
    {},
    { status: 'gone' },
    { status: 'active', x: 1 },
    { status: 'active', statusMessage: 'x'.repeat(501) },
  ])
    expect((await patch(bad)).body).toMatchObject({ status: 422, code: 'INVALID_STATUS' });
  expect(
    (await call(`${pathTo(name, '2.0.0')}/status`, { method: 'PATCH', json: message })).status,
  ).toBe(404);
});

test('PATCH /servers/{name}/status changes all versions in one batch', async () => {
  const { call, list } = await openApi();
  for (const version of ['1.0.0', '2.0.0', '3.0.0'])
    await call('/publish', { json: document(name, version) });
  await call(`${pathTo(name, '3.0.0')}/status`, {
    method: 'PATCH',
    json: { status: 'deprecated' },
  });
  const path = '/servers/io.test%2Fa/status';
  const answer = await call(path, { method: 'PATCH', json: { status: 'deprecated' } });
  expect(answer.body).toMatchObject({ updatedCount: 2 });
  expect((await list()).servers.map((one) => official(one)['status'])).toEqual(
    Array(3).fill('deprecated'),
  );
  expect((await call(path, { method: 'PATCH', json: { status: 'deprecated' } })).status).toBe(400);
  expect(
    (await call('/servers/io.test%2Fz/status', { method: 'PATCH', json: { status: 'active' } }))
      .status,
  ).toBe(404);
});

test('If-Match guards every change: 412 when the entry has changed', async () => {
  const { call } = await openApi();
  await call('/publish', { json: document(name) });
  const path = pathTo(name, '1.0.0');
  const tag = (await call(path)).headers.get('etag') ?? '';
  const json = document(name, '1.0.0', { title: 'New' });
  const put = await call(path, { method: 'PUT', json, headers: { 'if-match': `"x", ${tag}` } });
  expect(put.status).toBe(200);
  expect((await call(path)).headers.get('etag')).toBe(put.headers.get('etag'));
  const stale = { 'if-match': tag };
  expect((await call(path, { method: 'PUT', json, headers: stale })).body).toMatchObject({
    status: 412,
    code: 'PRECONDITION_FAILED',
  });
  expect((await call(path, { method: 'DELETE', headers: stale })).status).toBe(412);
  const status = { status: 'deprecated' };
  expect(
    (await call(`${path}/status`, { method: 'PATCH', json: status, headers: stale })).status,
  ).toBe(412);
  const all = '/servers/io.test%2Fa/status';
  expect((await call(all, { method: 'PATCH', json: status, headers: stale })).status).toBe(412);
  const list = (await call(pathTo(name))).headers.get('etag') ?? '';
  expect(
    (await call(all, { method: 'PATCH', json: status, headers: { 'if-match': list } })).status,
  ).toBe(200);
  expect(
    (await call('/publish', { json: document('io.test/b'), headers: { 'if-match': '*' } })).status,
  ).toBe(412);
  expect(
    (await call('/publish', { json: document(name), headers: { 'if-none-match': '*' } })).status,
  ).toBe(412);
});

test('an entry without server.json cannot be changed by HTTP', async () => {
  const { cache, call } = await openApi({ includeLocal: true });
  await cache.upsert(server('mine', { description: 'mine' }));
  const path = pathTo('local/mine', '0.0.0');
  expect((await call(path)).status).toBe(200);
  expect((await call(path, { method: 'DELETE' })).status).toBe(404);
  expect(
    (await call('/servers/local%2Fmine/status', { method: 'PATCH', json: { status: 'deleted' } }))
      .status,
  ).toBe(404);
  expect((await call('/publish', { json: document('local/mine', '0.0.0') })).status).toBe(409);
});
