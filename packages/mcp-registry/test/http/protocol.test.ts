import { request as httpRequest } from 'node:http';
import { expect, test } from 'vitest';
import { createRegistryApi } from '../../src/http/registry-api.ts';
import { published } from '../lib/records.ts';
import { document, openApi, pathTo } from './lib/open-api.ts';

test('OPTIONS is answered with CORS on every path, and every answer has it', async () => {
  const { call } = await openApi();
  for (const path of ['/servers', pathTo('io.test/a'), pathTo('io.test/a', '1.0.0'), '/publish']) {
    const { status, headers, text } = await call(path, { method: 'OPTIONS' });
    expect([status, text]).toEqual([204, '']);
    expect(headers.get('access-control-allow-methods')).toBe('GET, OPTIONS');
    expect(headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type');
  }
  expect((await call('/nothing')).headers.get('access-control-allow-origin')).toBe('*');
});

test('HEAD answers like GET without the body', async () => {
  const { cache, call } = await openApi();
  await cache.upsert(published('io.test/a', '1.0.0'));
  for (const path of ['/servers', pathTo('io.test/a'), pathTo('io.test/a', 'latest')]) {
    const [head, get] = [await call(path, { method: 'HEAD' }), await call(path)];
    expect([head.status, head.text]).toEqual([200, '']);
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'));
    expect(head.headers.get('content-length')).toBe(String(Buffer.byteLength(get.text)));
  }
  expect((await call('/servers?limit=0', { method: 'HEAD' })).status).toBe(422);
});

test('GET answers have a strong ETag of their content, and 304 for the client that has it', async () => {
  const { cache, call } = await openApi();
  await cache.upsert(published('io.test/a', '1.0.0'));
  for (const path of ['/servers', pathTo('io.test/a'), pathTo('io.test/a', '1.0.0')]) {
    const tag = (await call(path)).headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[\w-]{32}"$/u);
    for (const given of [tag, `"x", W/${tag}`, '*']) {
      const again = await call(path, { headers: { 'if-none-match': given } });
      expect([again.status, again.text]).toEqual([304, '']);
      expect(again.headers.get('etag')).toBe(tag);
    }
    await cache.upsert(
      published('io.test/a', '1.0.0', { server: document('io.test/a', '1.0.0', { title: path }) }),
    );
    const changed = await call(path, { headers: { 'if-none-match': tag } });
    expect(changed.status).toBe(200);
    expect(changed.headers.get('etag')).not.toBe(tag);
  }
});

test.each([
  ['POST', '/servers', 'GET, HEAD, OPTIONS'],
  ['PUT', pathTo('io.test/a'), 'GET, HEAD, OPTIONS'],
  ['PATCH', pathTo('io.test/a', '1.0.0'), 'GET, HEAD, PUT, DELETE, OPTIONS'],
  ['GET', '/publish', 'POST, OPTIONS'],
  ['GET', `${pathTo('io.test/a', '1.0.0')}/status`, 'PATCH, OPTIONS'],
])('%s %s is answered with 405 and Allow', async (method, path, allow) => {
  const { call } = await openApi();
  const answer = await call(path, { method });
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe(allow);
});

test.each([
  '/',
  '/servers/io.test%2Fa',
  '/servers/io.test/a',
  '/servers/a/b/c/d',
  '/server',
  '/publish/x',
])('a path that does not exist is answered with 404: %s', async (path) => {
  const { call } = await openApi();
  const answer = await call(path);
  expect(answer.status).toBe(404);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.body).toMatchObject({ error: 'Path not found', code: 'NOT_FOUND', status: 404 });
});

test('a malformed escape in a path is answered with 400', async () => {
  const { base } = await openApi();
  const status = await new Promise((resolve, reject) => {
    httpRequest(`${base}/v0.1/servers/%E0%A4%A/versions`, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(400);
});

test('a failure of ours is answered with 500 without its text, and reported', async () => {
  const { cache, call, errors } = await openApi();
  cache.storedAll = () => {
    throw new Error('secret detail');
  };
  const answer = await call('/servers');
  expect(answer.status).toBe(500);
  expect(answer.text).not.toContain('secret');
  expect(errors).toHaveLength(1);
  Reflect.deleteProperty(cache, 'storedAll');
  expect((await call('/servers')).status).toBe(200);
});

test('an API key that is too short to be one is refused at construction', async () => {
  const { cache } = await openApi();
  for (const apiKey of ['', 'short'])
    expect(() => createRegistryApi({ cache, apiKey, now: () => new Date() })).toThrow(RangeError);
});

test('ready() reads the registry in before the first request', async () => {
  const { api, cache } = await openApi();
  await cache.upsert(published('io.test/a', '1.0.0'));
  expect(api.counts().listed).toBe(0);
  await api.ready();
  expect(api.counts()).toEqual({ listed: 1, leftOut: 0 });
});
