import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tempFolder } from '@cortex-os/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createListener, listenOn, type Listener } from '../../src/http/listener.ts';
import type { Route } from '../../src/http/route.ts';

interface Rig {
  readonly listener: Listener;
  readonly errors: unknown[];
}

function rig(handle: Route['handle'], more: Partial<Route> = {}): Rig {
  const errors: unknown[] = [];
  const listener = createListener({
    routes: new Map([['/x/', { auth: 'open', handle, ...more }]]),
    onError: (error) => errors.push(error),
  });
  onTestFinished(async () => await listener.close(0));
  return { listener, errors };
}

async function place(listener: Listener, host = '127.0.0.1'): Promise<string> {
  const { origin } = await listenOn(listener, { port: 0, host });
  return `${origin ?? ''}/x/y`;
}

test('createListener() answers 500 for a handler that throws, and cuts an answer that has begun', async () => {
  const { listener, errors } = rig((incoming, response) => {
    if (incoming.headers['x-late'] === '1') response.writeHead(200).write('some');
    throw new Error('bug');
  });
  const url = await place(listener);
  const response = await fetch(url);
  expect([response.status, await response.json()]).toEqual([
    500,
    { code: 'INTERNAL', message: 'Internal error' },
  ]);
  const late = fetch(url, { headers: { 'x-late': '1' } }).then(async (one) => await one.text());
  await expect(late).rejects.toThrow(/terminated|fetch failed/);
  expect(errors.map(String)).toEqual(['Error: bug', 'Error: bug']);
});

test('createListener() hands the rest of the path over, without the query', async () => {
  const rests: string[] = [];
  const { listener } = rig((_request, response, rest) => {
    rests.push(rest);
    response.end();
  });
  const url = await place(listener);
  await (await fetch(`${url}/z?q=1`)).text();
  expect(rests).toEqual(['y/z']);
  expect((await fetch(url.replace('/x/y', '/x'))).status).toBe(404);
});

test('a request with two Host headers gets 400 and no handler (RFC 9112 §3.2)', async () => {
  let handled = 0;
  const { listener } = rig((_request, response) => {
    handled += 1;
    response.end();
  });
  const url = new URL(await place(listener));
  const say = async (...hosts: string[]): Promise<string> => {
    const socket = connect(Number(url.port), '127.0.0.1');
    const lines = hosts.map((host) => `host: ${host}\r\n`).join('');
    socket.end(`GET /x/y HTTP/1.1\r\n${lines}connection: close\r\n\r\n`);
    return await text(socket);
  };
  expect(await say('127.0.0.1', 'evil.example')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await say('127.0.0.1', '127.0.0.1')).toMatch(/^HTTP\/1\.1 400 /);
  expect(handled).toBe(0);
  expect(await say('127.0.0.1')).toMatch(/^HTTP\/1\.1 200 /);
});

test('anyOrigin lets pages of any origin use these methods of that route; methods still decides', async () => {
  const { listener } = rig((_request, response) => void response.end('well'), {
    anyOrigin: ['GET', 'PUT'],
    methods: ['GET', 'POST'],
  });
  const url = await place(listener);
  const statusOf = async (method: string): Promise<number> =>
    (await fetch(url, { method, headers: { origin: 'https://page.example' } })).status;
  expect([await statusOf('GET'), await statusOf('POST'), await statusOf('PUT')]).toEqual([
    200, 403, 405,
  ]);
});

test('listenOn() writes an IPv6 address as an origin has it', async () => {
  const { listener } = rig((_request, response) => void response.end('six'));
  const url = await place(listener, '::1');
  expect(url).toMatch(/^http:\/\/\[::1\]:\d+\/x\/y$/);
  expect(await (await fetch(url)).text()).toBe('six');
});

test('listenOn() a path of the file system makes a socket only this user may open', async () => {
  await using folder = tempFolder();
  const socketPath = join(folder.path, 's.sock');
  const { listener } = rig((_request, response) => void response.end('local'));
  expect(await listenOn(listener, { port: 0, host: '127.0.0.1', socketPath })).toEqual({
    url: 'http://localhost/mcp',
    origin: undefined,
    port: 0,
  });
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  const sent = request({ socketPath, path: '/x/y', headers: { host: 'localhost' } }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  response.resume();
  expect(response.statusCode).toBe(200);
  await expect(
    listenOn(rig(() => undefined).listener, { port: 0, host: '', socketPath }),
  ).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});

test('close() waits for requests under way no longer than it is told, and may be called twice', async () => {
  const { listener } = rig(() => undefined);
  const url = await place(listener);
  const hanging = fetch(url);
  hanging.catch(() => undefined);
  await expect.poll(async () => (await fetch(url.replace('/x/y', '/none'))).status).toBe(404);
  const startedAtMs = performance.now();
  await listener.close(50);
  expect(performance.now() - startedAtMs).toBeLessThan(5_000);
  await expect(hanging).rejects.toThrow('fetch failed');
  await listener.close(50);
});
