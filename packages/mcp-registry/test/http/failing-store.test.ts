import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { CrashDisk } from '../lib/crash-disk.ts';
import { diskPath, openCache, openOnDisk } from '../lib/open-cache.ts';
import { published } from '../lib/records.ts';
import { apiKey, document, openApi, pathTo } from './lib/open-api.ts';

const name = 'io.test/a';

test.each([
  ['ENOSPC', 507],
  ['EDQUOT', 507],
  ['EIO', 503],
  ['EROFS', 503],
])(
  'a disk failing with %s is answered with %i, and repeating it succeeds once the disk does (P6)',
  async (code, status) => {
    const { disk, call, errors } = await openApi();
    await call('/publish', { json: document('io.test/old') });
    disk.fault = (operation) => (operation === 'write' ? code : undefined);
    const publish = () => call('/publish', { json: document(name) });
    expect((await publish()).body).toMatchObject({ status, code });
    expect((await publish()).body).toMatchObject({ status, code });
    expect((await call('/servers')).status).toBe(200);
    expect(errors.length).toBe(2);
    disk.fault = () => undefined;
    await expect.poll(async () => (await publish()).status).toBe(200);
    const { cache } = await openOnDisk(disk.reboot('nothing'));
    expect(cache.get(name, '1.0.0')).toBeDefined();
  },
);

test('a status that could not be written is written when the request is repeated', async () => {
  const { disk, call } = await openApi();
  await call('/publish', { json: document(name) });
  const patch = () =>
    call(`${pathTo(name, '1.0.0')}/status`, { method: 'PATCH', json: { status: 'deprecated' } });
  disk.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
  expect((await patch()).status).toBe(507);
  disk.fault = () => undefined;
  await expect.poll(async () => (await patch()).status).toBe(200);
  expect((await patch()).status).toBe(400);
});

test('a registry that is full or closed is answered with 507 or 503', async () => {
  const disk = new CrashDisk();
  const { cache } = await openOnDisk(disk, { maxRecords: 1 });
  const { call } = await openApi({ cache });
  await call('/publish', { json: document(name) });
  expect((await call('/publish', { json: document('io.test/b') })).body).toMatchObject({
    status: 507,
    code: 'EREGISTRYFULL',
  });
  await cache.close();
  const closed = await call(pathTo(name, '1.0.0'), { method: 'DELETE' });
  expect(closed.body).toMatchObject({ status: 503, code: 'EREGISTRYCLOSED' });
  expect(closed.headers.get('retry-after')).toBe('5');
});

test('two clients that publish the same version at once: one succeeds', async () => {
  const { call } = await openApi();
  const answers = await Promise.all(
    Array.from({ length: 8 }, async (_, i) =>
      call('/publish', { json: document(name, '1.0.0', { title: `t${i}` }) }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
});

test('a registry that another process writes answers reads, and writes with 503 (P5)', async () => {
  const disk = new CrashDisk();
  const writer = await openOnDisk(disk);
  await writer.cache.upsert(published(name, '1.0.0'));
  const { cache } = await openCache({
    path: diskPath,
    fileSystem: disk,
    takeLock: async () => undefined,
  });
  const { call } = await openApi({ cache });
  expect((await call(pathTo(name, 'latest'))).status).toBe(200);
  const refused = await call('/publish', { json: document('io.test/b') });
  expect(refused.body).toMatchObject({ status: 503, code: 'ELOCKED' });
});

test('a client that goes away while it sends harms nobody', async () => {
  const { call, base, errors, cache } = await openApi();
  const socket = connect(Number(new URL(base).port), '127.0.0.1');
  const head = 'POST /v0.1/publish HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Authorization: Bearer ${apiKey}\r\nContent-Length: 100\r\n\r\n{`);
  await once(socket, 'connect');
  await call('/servers');
  socket.destroy();
  await once(socket, 'close');
  await call('/servers');
  expect(errors).toEqual([]);
  expect(cache.size).toBe(0);
});
