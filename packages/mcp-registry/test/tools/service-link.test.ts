import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { expect, onTestFinished, test } from 'vitest';
import { controlFileName, controlProof, findService } from '../../src/tools/service-link.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const TOKEN = 't'.repeat(43);
const CHANGE = { put: [], remove: [] };

/** A service that answers a change so, and its announcement. */
async function announced(
  answer: readonly [status: number, text: string],
  hello = 200,
): Promise<string> {
  const folder = tempFolder();
  const http = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    request.resume();
    if (!url.pathname.endsWith('/hello')) response.writeHead(answer[0]).end(answer[1]);
    else {
      const proof = controlProof(TOKEN, url.searchParams.get('nonce') ?? '');
      response.writeHead(hello).end(JSON.stringify({ proof }));
    }
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  await writeFile(`${folder}/${controlFileName}`, JSON.stringify({ url, token: TOKEN }));
  return folder;
}

test('findService() passes on what the service says, and an unknown code as EIO', async () => {
  const well = await findService(await announced([200, '{"stored":1,"removed":2}']));
  expect(await well?.change(CHANGE)).toEqual({ stored: 1, removed: 2 });
  const full = await findService(await announced([507, '{"code":"ENOSPC","message":"full"}']));
  await expect(full?.change(CHANGE)).rejects.toMatchObject({ code: 'ENOSPC', message: 'full' });
  const odd = await findService(await announced([500, '{"code":"EODD","message":"odd"}']));
  await expect(odd?.change(CHANGE)).rejects.toMatchObject({ code: 'EIO', message: 'odd' });
  const bare = await findService(await announced([500, '{}']));
  await expect(bare?.change(CHANGE)).rejects.toMatchObject({ code: 'EIO', message: 'HTTP 500' });
});

test('findService() finds nobody behind a refusal, an announcement of another shape, or one that is too large', async () => {
  expect(await findService(await announced([200, '{}'], 404))).toBeUndefined();
  const folder = tempFolder();
  expect(await findService(folder)).toBeUndefined();
  const shapes = [
    '[]',
    JSON.stringify({ url: 'http://other.example', token: TOKEN }),
    JSON.stringify({ url: 'http://127.0.0.1:1', token: TOKEN, more: 'x'.repeat(5_000) }),
    JSON.stringify({ url: 'http://127.0.0.1:1', token: TOKEN }),
  ];
  for (const text of shapes) {
    await writeFile(`${folder}/${controlFileName}`, text);
    expect(await findService(folder)).toBeUndefined();
  }
});

test.each(['without end', 'without an end in sight'])(
  'findService() does not listen %s to whoever has the port of a service that is gone',
  async (how) => {
    const folder = tempFolder();
    const http = createServer((_request, response) => {
      response.writeHead(200);
      const piece = 'x'.repeat(how === 'without end' ? 1_024 : 1);
      const timer = setInterval(() => response.write(piece), 20);
      response.on('close', () => clearInterval(timer));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    await writeFile(`${folder}/${controlFileName}`, JSON.stringify({ url, token: TOKEN }));
    expect(await findService(folder)).toBeUndefined();
  },
);
