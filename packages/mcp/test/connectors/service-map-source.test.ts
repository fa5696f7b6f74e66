import { expect, test } from 'vitest';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { loadConnectorServiceMap } from '../../src/connectors/map/service-map.ts';
import {
  agent,
  codeOf,
  errorOf,
  fromUrl,
  keys,
  mapWith,
  send,
  serve,
  signed,
  tempFolder,
  useClosers,
} from './service-map-fixture.ts';

useClosers();

const loadTiny = async (path: string): Promise<unknown> =>
  await loadConnectorServiceMap({ source: { kind: 'file', path }, maxBytes: 10 });

test('loadConnectorServiceMap() sends the API key to the map URL and asks for no cached copy (B4)', async () => {
  const { url, requests } = await serve(send(JSON.stringify(signed())));
  await loadConnectorServiceMap({
    keys,
    source: { kind: 'url', url: `${url}?v=1`, apiKey: 'k', dispatcher: agent() },
  });
  expect(requests).toHaveLength(1);
  expect(requests[0]?.url).toBe('/map?v=1');
  expect(requests[0]?.headers).toMatchObject({
    authorization: 'Bearer k',
    accept: 'application/json',
    'cache-control': 'no-cache',
  });
});

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
] as const)('loadConnectorServiceMap() reads a body encoded as %s', async (encoding, encode) => {
  const body = encode(JSON.stringify(signed()));
  const loaded = await fromUrl(send(body, { 'content-encoding': encoding }));
  expect(loaded.payload.connectors).toHaveLength(2);
});

test('loadConnectorServiceMap() counts the decompressed size (S13)', async () => {
  const bomb = gzipSync(Buffer.alloc(20 * 1024 * 1024, 0x20));
  expect(bomb.byteLength).toBeLessThan(50_000);
  const loading = fromUrl(send(bomb, { 'content-encoding': 'gzip' }), { maxBytes: 100_000 });
  expect(await codeOf(loading)).toBe('MAP_TOO_LARGE');
});

test('defect 11: a body over the cap is refused as it arrives, before its end', async () => {
  let closed = false;
  const loading = fromUrl(
    (_, response) => {
      response.writeHead(200);
      response.on('close', () => (closed = true));
      const pump = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(64 * 1024, 0x20)));
        response.once('drain', pump);
      };
      pump();
    },
    { maxBytes: 1_000_000 },
  );
  expect(await codeOf(loading)).toBe('MAP_TOO_LARGE');
  await expect.poll(() => closed).toBe(true);
});

test('defect 11: the deadline covers the body, not only the headers', async () => {
  const loading = fromUrl(
    (_, response) => {
      response.writeHead(200).write('{"id":');
    },
    { timeoutMs: 150 },
  );
  expect(await codeOf(loading)).toBe('MAP_TIMEOUT');
  expect(await codeOf(fromUrl(() => undefined, { timeoutMs: 150 }))).toBe('MAP_TIMEOUT');
});

test('loadConnectorServiceMap() stops reading when the caller gives up', async () => {
  const abort = new AbortController();
  const loading = fromUrl(() => abort.abort(), { signal: abort.signal });
  expect(await codeOf(loading)).toBe('MAP_CANCELLED');
});

test('defect 13: redirects are refused, the target is never asked', async () => {
  const target = await serve(send(JSON.stringify(signed())));
  const error = await errorOf(fromUrl(send('', { location: target.url }, 302)));
  expect(error).toMatchObject({ code: 'MAP_REDIRECT', httpStatus: 302 });
  expect(target.requests).toHaveLength(0);
});

test('loadConnectorServiceMap() reports other answers with status and Retry-After', async () => {
  const error = await errorOf(fromUrl(send('busy', { 'retry-after': '7' }, 503)));
  expect(error).toMatchObject({ code: 'MAP_HTTP_STATUS', httpStatus: 503, retryAfterMs: 7_000 });
});

test('loadConnectorServiceMap() names a producer that cannot be reached, and keeps the cause', async () => {
  const error = await errorOf(fromUrl((request) => request.socket.destroy()));
  expect(error.code).toBe('MAP_UNREACHABLE');
  expect(error.cause).toBeInstanceOf(Error);
});

test('loadConnectorServiceMap() refuses unknown, stacked and broken encodings', async () => {
  const body = gzipSync('{}');
  for (const encoding of ['zstd', 'gzip, gzip']) {
    expect(await codeOf(fromUrl(send(body, { 'content-encoding': encoding })))).toBe(
      'MAP_ENCODING',
    );
  }
  const broken = fromUrl(send('not gzip', { 'content-encoding': 'gzip' }));
  expect(await codeOf(broken)).toBe('MAP_UNREACHABLE');
});

test('loadConnectorServiceMap() refuses URLs that are none, and shows no secrets in messages', async () => {
  for (const url of ['nonsense', 'ftp://a.example/', 'http://user:canary@127.0.0.1/map']) {
    const error = await errorOf(
      loadConnectorServiceMap({ keys, source: { kind: 'url', url, dispatcher: agent() } }),
    );
    expect(error.code).toBe('MAP_BAD_URL');
    expect(error.message).not.toContain('canary');
  }
});

test.each([
  ['not json', 'MAP_BAD_JSON'],
  [Buffer.from('{"id":"\xff"}', 'latin1'), 'MAP_BAD_JSON'],
  ['[]', 'MAP_SCHEMA'],
  ['null', 'MAP_SCHEMA'],
])('defect 11: the body %j is refused by name', async (body, code) => {
  expect(await codeOf(fromUrl(send(body)))).toBe(code);
});

test('loadConnectorServiceMap() names files that are missing, no files, or too large', async () => {
  const folder = await tempFolder();
  expect(await codeOf(loadTiny(join(folder, 'none.json')))).toBe('MAP_UNREACHABLE');
  expect(await codeOf(loadTiny(folder))).toBe('MAP_UNREACHABLE');
  await writeFile(join(folder, 'map.json'), JSON.stringify(mapWith()));
  expect(await codeOf(loadTiny(join(folder, 'map.json')))).toBe('MAP_TOO_LARGE');
});
