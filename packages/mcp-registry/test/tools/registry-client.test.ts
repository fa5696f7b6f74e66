import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import {
  ChangedMeanwhileError,
  changeChecked,
  readCheckedChange,
  recordDigest,
  selectionDigest,
} from '../../src/tools/checked-change.ts';
import { createRegistryClient } from '../../src/tools/registry-client.ts';
import { createDirectHandle } from '../../src/tools/registry-handle.ts';
import { controlFileName, controlProof } from '../../src/tools/service-link.ts';
import type { RegistryMemoryCache } from '../../src/memory-cache.ts';
import { openCache } from '../lib/open-cache.ts';
import { published, server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const TOKEN = 'a'.repeat(43);
const random = (): number => 0.5;

/** A service that holds a registry; `serve` answers what comes to `/v1/registry/changes`. */
async function service(
  folder: string,
  serve: (body: string, authorization: string) => Promise<[number, object]>,
  proofToken: string = TOKEN,
): Promise<{ readonly requests: string[] }> {
  const requests: string[] = [];
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    requests.push(url.pathname);
    const send = (status: number, value: object): void => {
      response.writeHead(status).end(JSON.stringify(value));
    };
    if (url.pathname.endsWith('/hello')) {
      send(200, { proof: controlProof(proofToken, url.searchParams.get('nonce') ?? '') });
      return;
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      void serve(body, request.headers.authorization ?? '').then(([status, value]) =>
        send(status, value),
      );
    });
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  http.listen(0, '127.0.0.1', resolve);
  await promise;
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  await writeFile(`${folder}/${controlFileName}`, JSON.stringify({ url, token: TOKEN, pid: 1 }));
  return { requests };
}

const changing =
  (cache: RegistryMemoryCache) =>
  async (body: string): Promise<[number, object]> => {
    try {
      return [200, await changeChecked(cache, readCheckedChange(JSON.parse(body)))];
    } catch (error) {
      if (!(error instanceof ChangedMeanwhileError)) throw error;
      return [409, { code: error.code, message: error.message }];
    }
  };

test('change() writes the files itself when no service runs, and leaves no lock behind', async () => {
  const path = `${tempFolder()}/servers.json`;
  const client = createRegistryClient({ path, random });
  const outcome = await client.change(() => ({ put: [server('a')], value: 7 }));
  expect(outcome).toEqual({ value: 7, via: 'files' });
  expect(await client.read((cache) => cache.get('a'))).toEqual(server('a'));
  const { cache } = await openCache({ path });
  expect(cache.access.kind).toBe('writer');
});

test('change() goes through the running service, which alone writes', async () => {
  const folder = tempFolder();
  const { cache } = await openCache({ path: `${folder}/servers.json` });
  await service(folder, changing(cache));
  const client = createRegistryClient({ path: `${folder}/servers.json`, random });
  await client.change(() => ({ put: [server('a'), server('b')], value: undefined }));
  const removal = await client.change((now) => ({
    remove: [{ name: 'a' }],
    value: now.size,
  }));
  expect(removal).toEqual({ value: 2, via: 'service' });
  expect(cache.getAll()).toEqual([server('b')]);
});

test('change() splits what is too large for one request', async () => {
  const folder = tempFolder();
  const { cache } = await openCache({ path: `${folder}/servers.json` });
  const { requests } = await service(folder, changing(cache));
  const client = createRegistryClient({ path: `${folder}/servers.json`, random });
  const records = Array.from({ length: 30 }, (_, i) =>
    server(`s${i}`, { note: 'x'.repeat(200_000) }),
  );
  await client.change(() => ({ put: records, value: undefined }));
  expect(cache.size).toBe(30);
  expect(requests.filter((path) => path.endsWith('changes')).length).toBeGreaterThan(2);
});

test('change() sends nothing to somebody who cannot prove to know the token, and writes itself', async () => {
  const folder = tempFolder();
  const { requests } = await service(folder, async () => [200, {}], 'b'.repeat(43));
  const client = createRegistryClient({ path: `${folder}/servers.json`, random });
  const { via } = await client.change(() => ({ put: [server('a')], value: undefined }));
  expect(via).toBe('files');
  expect(requests).toEqual(['/v1/registry/hello']);
});

test('change() decides anew when an entry was changed meanwhile, so that no update is lost', async () => {
  const folder = tempFolder();
  const { cache } = await openCache({ path: `${folder}/servers.json` });
  await cache.upsert(server('a', { count: 1 }));
  const answer = changing(cache);
  let raced = false;
  await service(folder, async (body) => {
    if (!raced) await cache.upsert(server('a', { count: 10 }));
    raced = true;
    return answer(body);
  });
  const client = createRegistryClient({ path: `${folder}/servers.json`, random });
  await client.change((now) => {
    const count = Number(now.get('a')?.['count']);
    return { put: [server('a', { count: count + 1 })], value: undefined };
  });
  expect(cache.get('a')?.['count']).toBe(11);
});

const put = () => ({ put: [server('a')], value: undefined });

test('change() gives up with the code of the service, or ELOCKED when nobody answers for the lock', async () => {
  const folder = tempFolder();
  const path = `${folder}/servers.json`;
  const { cache } = await openCache({ path });
  const alone = createRegistryClient({ path, random, patienceMs: 300 });
  await expect(alone.change(put)).rejects.toMatchObject({ code: 'ELOCKED' });
  await service(folder, async () => [507, { code: 'ENOSPC', message: 'full' }]);
  await expect(alone.change(put)).rejects.toMatchObject({ code: 'ENOSPC', message: 'full' });
  expect(cache.size).toBe(0);
});

test('changeChecked() changes nothing when one of its entries is not what it was', async () => {
  const { cache } = await openCache({ path: `${tempFolder()}/servers.json` });
  await cache.upsertMany([server('a'), published('x/y', '1.0.0')]);
  const was = recordDigest(server('a'));
  const stale = {
    put: [
      { record: server('b'), was: null },
      { record: server('a'), was: null },
    ],
  };
  await expect(changeChecked(cache, { ...stale, remove: [] })).rejects.toThrow('a was changed');
  expect(cache.size).toBe(2);
  const fresh = { put: [{ record: server('a', { x: 1 }), was }], remove: [{ name: 'x/y' }] };
  expect(await changeChecked(cache, fresh)).toEqual({ stored: 1, removed: 1 });
  expect(() => readCheckedChange({ put: [{}], remove: [] })).toThrow(TypeError);
});

test('changeChecked() removes nothing that is not what it was', async () => {
  const { cache } = await openCache({ path: `${tempFolder()}/servers.json` });
  await cache.upsertMany([server('a'), published('x/y', '1.0.0'), server('x/y')]);
  const own = { name: 'x/y', version: null, was: recordDigest(server('x/y')) };
  const all = { name: 'x/y', was: selectionDigest(cache, { name: 'x/y' }) };
  const none = { name: 'nobody', version: '1', was: null };
  await cache.upsert(server('x/y', { mine: 1 }));
  for (const one of [own, all, { name: 'a', was: null }]) {
    const change = readCheckedChange({ put: [{ record: server('b') }], remove: [none, one] });
    await expect(changeChecked(cache, change)).rejects.toThrow(ChangedMeanwhileError);
  }
  expect(cache.size).toBe(3);
  const fresh = { ...own, was: recordDigest(server('x/y', { mine: 1 })) };
  expect(await changeChecked(cache, { put: [], remove: [none, fresh] })).toEqual({
    stored: 0,
    removed: 1,
  });
  expect(cache.get('x/y', '1.0.0')).toBeDefined();
});

test('change() decides anew when an entry that it removes was changed meanwhile', async () => {
  const folder = tempFolder();
  const { cache } = await openCache({ path: `${folder}/servers.json` });
  await cache.upsert(server('a'));
  const answer = changing(cache);
  let raced = false;
  await service(folder, async (body) => {
    if (!raced) await cache.upsert(server('a', { mine: true }));
    raced = true;
    return answer(body);
  });
  const client = createRegistryClient({ path: `${folder}/servers.json`, random });
  await client.change((now) => ({
    remove: now.get('a')?.['mine'] === true ? [] : [{ name: 'a' }],
    value: undefined,
  }));
  expect(cache.getAll()).toEqual([server('a', { mine: true })]);
});

test('a direct handle takes its writers in turn', async () => {
  const path = `${tempFolder()}/servers.json`;
  const handle = createDirectHandle({ path, random });
  const add = async (name: string) =>
    handle.use('write', async (cache) => cache.upsert(server(name)));
  await Promise.all(['a', 'b', 'c'].map(add));
  await expect(handle.use('write', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await handle.use('read', (cache) => cache.size)).toBe(3);
});
