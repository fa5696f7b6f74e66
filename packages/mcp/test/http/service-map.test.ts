import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { createMapPublisher } from '../../src/connectors/map/map-publisher.ts';
import { Secret } from '../../src/connectors/secret.ts';
import { hmacKey, type SignatureSignKey } from '../../src/connectors/map/signature-keys.ts';
import { signServiceMap, verifyServiceMap } from '../../src/connectors/map/signature.ts';
import { createListener } from '../../src/http/listener.ts';
import { serviceMapRoute } from '../../src/http/service-map.ts';

const KEY = hmacKey('secret');
const PATH = '/v1/connectors/service-map';
const FILE = {
  id: 'fleet',
  generatedAt: '2020-01-01T00:00:00Z',
  ttlSeconds: 600,
  connectors: [
    { id: 'b', endpoint: 'https://b.example', ttlSeconds: 60, headers: { 'x-key': '${B_KEY}' } },
    { id: 'a', endpoint: 'https://a.example' },
  ],
};

interface Producer {
  readonly url: string;
  readonly file: string;
  readonly errors: unknown[];
}

async function start(content: string | undefined, key?: SignatureSignKey): Promise<Producer> {
  const folder = tempFolder();
  const file = join(folder.path, 'map.json');
  if (content !== undefined) await writeFile(file, content);
  const errors: unknown[] = [];
  const read = createMapPublisher({ path: file, key: key && new Secret(key) });
  const route = serviceMapRoute({ read, onError: (error) => errors.push(error) });
  const listener = createListener({
    routes: new Map([route]),
    onError: (error) => errors.push(error),
  });
  const { port } = await listener.listen(0, '127.0.0.1');
  onTestFinished(async () => {
    await listener.close(0);
    await folder[Symbol.asyncDispose]();
  });
  return { url: `http://127.0.0.1:${port}${PATH}`, file, errors };
}

test('an unsigned file is served dated, signed and sorted, with the least TTL in it and references as written', async () => {
  const { url } = await start(JSON.stringify(FILE), KEY);
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('private, max-age=15');
  const map = (await answer.json()) as typeof FILE;
  expect(verifyServiceMap(map, [KEY]).kind).toBe('valid');
  expect(map.ttlSeconds).toBe(60);
  expect(map.connectors.map(({ id }) => id)).toEqual(['a', 'b']);
  expect(map.connectors[1]?.headers).toEqual({ 'x-key': '${B_KEY}' });
  expect(Date.now() - Date.parse(map.generatedAt)).toBeLessThan(60_000);
});

test('the ETag stays until the file changes, and If-None-Match is answered 304', async () => {
  const { url, file } = await start(JSON.stringify(FILE), KEY);
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  const same = await fetch(url, { headers: { 'if-none-match': `W/${etag}, "x"` } });
  expect([same.status, await same.text()]).toEqual([304, '']);
  await writeFile(file, JSON.stringify({ ...FILE, id: 'other' }));
  await utimes(file, new Date(), new Date(Date.now() + 5_000));
  const changed = await fetch(url, { headers: { 'if-none-match': etag } });
  expect(changed.status).toBe(200);
  expect(changed.headers.get('etag')).not.toBe(etag);
});

test('a signed file is served byte for byte, without a key', async () => {
  const text = `${JSON.stringify(signServiceMap(FILE, KEY), undefined, 3)}\n`;
  const { url } = await start(text);
  expect(await (await fetch(url)).text()).toBe(text);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await fetch(url, { method: 'POST' })).status).toBe(405);
});

test.each([
  ['no file', undefined, 'the map cannot be read'],
  ['no JSON', '{', 'the map cannot be read'],
  ['no object', '[]', 'the map cannot be read'],
  ['unsigned without a key', JSON.stringify(FILE), 'not signed'],
])('%s is 503 with the reason, and no path', async (_, content, expected) => {
  const { url, errors, file } = await start(content);
  const answer = await fetch(url);
  const body = await answer.text();
  expect(answer.status).toBe(503);
  expect(body).toContain(expected);
  expect(body).not.toContain(file);
  expect(errors.length).toBe(1);
});

test('without a configured map the route is 404, for clients', async () => {
  const [path, route] = serviceMapRoute({ read: undefined, onError: () => undefined });
  expect([path, route.auth]).toEqual([PATH, 'client']);
  const listener = createListener({ routes: new Map([[path, route]]), onError: () => undefined });
  const { port } = await listener.listen(0, '127.0.0.1');
  onTestFinished(async () => await listener.close(0));
  expect((await fetch(`http://127.0.0.1:${port}${PATH}`)).status).toBe(404);
});
