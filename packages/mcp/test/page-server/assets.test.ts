import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { tempFolder, type TempFolder } from '@cortex-os/testkit';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createListener, type Listener } from '../../src/http/listener.ts';
import type { PageFacts } from '../../src/page/page-facts.ts';
import { createPageRoutes } from '../../src/page/page-routes.ts';
import { startGateway } from '../e2e/gateway-fixture.ts';

const HTML = `<!doctype html><title>page</title>${'<p>text</p>'.repeat(50)}`;
const SCRIPT = `export const text = ${JSON.stringify('x'.repeat(2_000))};`;
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let folder: TempFolder;
let page: { readonly origin: string; readonly errors: unknown[]; close(): Promise<void> };

/** The routes of the page on a socket of their own; nothing but its files is asked for. */
async function servePage(path: string): Promise<typeof page> {
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const facts = {} as PageFacts;
  const part = createPageRoutes({ facts, folder: path, onError });
  const listener: Listener = createListener({ routes: new Map(part.routes), onError });
  const { port } = await listener.listen(0, '127.0.0.1');
  return {
    origin: `http://127.0.0.1:${port}`,
    errors,
    close: async () => {
      part.close();
      await listener.close(100);
    },
  };
}

async function writePage(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  const files: [string, string | Buffer][] = [
    ['index.html', HTML],
    ['index.html.br', brotliCompressSync(HTML)],
    ['index.html.gz', gzipSync(HTML)],
    ['index-Ab12_-zZ.js', SCRIPT],
    ['index-Ab12_-zZ.js.gz', gzipSync(SCRIPT)],
    ['mark.svg', '<svg/>'],
    ['secret.bin', 'not of the page'],
  ];
  for (const [name, body] of files) await writeFile(join(path, name), body);
}

interface Got {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

async function get(
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method: 'GET' | 'HEAD' | 'POST' = 'GET',
  origin: string = page.origin,
): Promise<Got> {
  const answer = await request(`${origin}${path}`, { method, headers });
  const body = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, body };
}

beforeAll(async () => {
  folder = tempFolder();
  await writePage(folder.path);
  page = await servePage(folder.path);
});
afterAll(async () => {
  await page.close();
  await folder[Symbol.asyncDispose]();
});

test('GET / is the page, under a policy that lets in no foreign code', async () => {
  const { status, headers, body } = await get('/', { accept: 'text/html' });
  expect(status).toBe(200);
  expect(body.toString()).toBe(HTML);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-length': String(Buffer.byteLength(HTML)),
    'cache-control': 'no-cache',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    vary: 'Accept-Encoding',
  });
  expect(headers['content-encoding']).toBeUndefined();
  expect((await get('/?x=1#y')).status).toBe(200);
});

test.each([
  ['br, gzip', 'br'],
  ['gzip, deflate, br;q=0.5', 'br'],
  ['gzip', 'gzip'],
  ['br;q=0, gzip', 'gzip'],
  ['BR', 'br'],
  ['*', 'br'],
  ['*;q=0', undefined],
  ['br;q=0, gzip;q=0.000, *', undefined],
  ['deflate', undefined],
  ['', undefined],
])('Accept-Encoding "%s" gets %s', async (header, coding) => {
  const { headers, body } = await get('/', { 'accept-encoding': header });
  expect(headers['content-encoding']).toBe(coding);
  const decode = coding === 'br' ? brotliDecompressSync : gunzipSync;
  expect((coding === undefined ? body : decode(body)).toString()).toBe(HTML);
});

test('files whose name changes with their content are kept by browsers, the others are asked for again', async () => {
  const script = await get('/page/index-Ab12_-zZ.js', { 'accept-encoding': 'br, gzip' });
  expect(script.headers).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable',
    'content-type': 'text/javascript; charset=utf-8',
    // There is no other.
    'content-encoding': 'gzip',
  });
  const mark = await get('/page/mark.svg');
  expect(mark.headers).toMatchObject({
    'cache-control': 'no-cache',
    'content-type': 'image/svg+xml',
  });
});

test('a file that the browser has is answered with 304, in each coding by its own ETag', async () => {
  const plain = await get('/');
  const packed = await get('/', { 'accept-encoding': 'br' });
  expect(plain.headers['etag']).toMatch(/^"[\w-]{16}"$/);
  expect(packed.headers['etag']).not.toBe(plain.headers['etag']);
  const etag = String(packed.headers['etag']);
  for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const known = await get('/', { 'accept-encoding': 'br', 'if-none-match': given });
    expect([given, known.status, known.body.length]).toEqual([given, 304, 0]);
    expect(known.headers['etag']).toBe(etag);
    expect(known.headers['content-security-policy']).toBe(POLICY);
  }
  expect((await get('/', { 'if-none-match': etag })).status).toBe(200);
  expect((await get('/', { 'if-none-match': '"x"' })).status).toBe(200);
});

test('HEAD is answered as GET without a body; other methods are refused', async () => {
  const head = await get('/', {}, 'HEAD');
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect(head.headers['content-length']).toBe(String(Buffer.byteLength(HTML)));
  for (const path of ['/', '/page/mark.svg', '/page/api/overview', '/page/api/events']) {
    expect([path, (await get(path, {}, 'POST')).status]).toEqual([path, 405]);
  }
  expect((await get('/page/api/events', {}, 'HEAD')).status).toBe(405);
});

test.each([
  '/page/nothing.js',
  '/page/secret.bin',
  '/page/index.html.br',
  '/page/../page-assets.ts',
  '/page/..%2f..%2fpackage.json',
  '/page/%2e%2e/%2e%2e/package.json',
  '/page//etc/passwd',
  '/page/api/nothing',
  '/page',
  '/nothing',
])('GET %s is no file of the page', async (path) => {
  const { status, body } = await get(path);
  expect([status, body.toString()]).toEqual([404, expect.stringContaining('Not found')]);
});

test('GET / says in one line when the page is not built, and serves it once it is there', async () => {
  await using empty = tempFolder();
  const path = join(empty.path, 'page');
  const late = await servePage(path);
  const text = 'the status page is not built: run npm run build\n';
  for (const make of [async () => await Promise.resolve(), async () => await mkdir(path)]) {
    await make();
    const { status, headers, body } = await get('/', {}, 'GET', late.origin);
    expect([status, body.toString()]).toEqual([503, text]);
    expect(headers['content-security-policy']).toBe(POLICY);
  }
  await writePage(path);
  expect((await get('/', {}, 'GET', late.origin)).status).toBe(200);
  // It is kept in memory.
  await rm(path, { recursive: true });
  expect((await get('/page/mark.svg', {}, 'GET', late.origin)).status).toBe(200);
  expect(late.errors).toEqual([]);
  await late.close();
});

test('a page of more than 1 MiB, or 256 files, is not taken into memory', async () => {
  await using big = tempFolder();
  await writePage(big.path);
  await writeFile(join(big.path, 'big.js'), Buffer.alloc(1_048_576));
  const served = await servePage(big.path);
  const { status, body } = await get('/', {}, 'GET', served.origin);
  expect([status, body.toString()]).toEqual([
    503,
    'the status page is larger than 1048576 bytes\n',
  ]);
  await served.close();

  await using many = tempFolder();
  await writePage(many.path);
  for (let one = 0; one < 256; one += 1) await writeFile(join(many.path, `${one}.bin`), '');
  const other = await servePage(many.path);
  expect((await get('/', {}, 'GET', other.origin)).status).toBe(503);
  await other.close();
});

test('a file that cannot be read is a failure of ours: 503, and it is told', async () => {
  await using broken = tempFolder();
  await writePage(broken.path);
  await mkdir(join(broken.path, 'folder.js'));
  const served = await servePage(broken.path);
  const { status, body } = await get('/', {}, 'GET', served.origin);
  expect([status, body.toString()]).toEqual([503, 'the status page cannot be read\n']);
  expect(served.errors).toHaveLength(1);
  await served.close();
});

test('an overview that cannot be made is a failure of ours: 500, and it is told', async () => {
  const { status, body } = await get('/page/api/overview');
  expect([status, body.toString()]).toEqual([500, 'the overview cannot be made\n']);
  expect(page.errors).toHaveLength(1);
});

test('`page: false` serves none of it, and measures nothing for it', async () => {
  await using gateway = await startGateway([], { page: false });
  for (const path of ['/', '/page/index.html', '/page/api/overview', '/page/api/events']) {
    expect([path, (await get(path, {}, 'GET', gateway.origin)).status]).toEqual([path, 404]);
  }
  expect([...gateway.service.routes.keys()].filter((path) => /^\/(page|$)/.test(path))).toEqual([]);
});
