import { request } from 'node:http';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { listenForCallback } from '../../src/credentials/loopback-callback.ts';

const accepts = (answer: URLSearchParams): boolean => answer.get('state') === 'mine';
const NEVER = new AbortController().signal;

test('listenForCallback() takes the first answer that is accepted, once, and closes its port', async () => {
  const callback = await listenForCallback({ port: 0, accepts, signal: NEVER });
  const { redirectUri } = callback;
  expect(redirectUri).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/callback$/);
  expect((await fetch(`${redirectUri}?state=other&code=1`)).status).toBe(400);
  const page = await fetch(`${redirectUri}?state=mine&code=2`);
  expect(page.status).toBe(200);
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect((await callback.answer).get('code')).toBe('2');
  expect((await fetch(`${redirectUri}?state=mine&code=3`)).status).toBe(400);
  await callback[Symbol.asyncDispose]();
  await expect(fetch(redirectUri)).rejects.toThrow('fetch failed');
});

test('listenForCallback() answers nothing but GET of its path under its own host (S1)', async () => {
  await using callback = await listenForCallback({ port: 0, accepts, signal: NEVER });
  const url = new URL(`${callback.redirectUri}?state=mine&code=1`);
  const statusOf = async (method: string, path: string, host: string): Promise<number> => {
    const { hostname, port } = url;
    const outgoing = request({
      hostname,
      port,
      method,
      path,
      headers: { host },
      agent: false,
    }).end();
    const [response] = (await once(outgoing, 'response')) as [
      { statusCode: number; resume(): void },
    ];
    response.resume();
    return response.statusCode;
  };
  const path = url.pathname + url.search;
  expect(await statusOf('POST', path, url.host)).toBe(404);
  expect(await statusOf('GET', '/', url.host)).toBe(404);
  expect(await statusOf('GET', path, 'evil.test')).toBe(404);
  expect(await statusOf('GET', path, `localhost:${url.port}`)).toBe(404);
  expect(await statusOf('GET', path, url.host)).toBe(200);
});

test('listenForCallback() gives up after its time, when it is ended, and when somebody guesses', async () => {
  await using late = await listenForCallback({ port: 0, accepts, signal: NEVER, timeoutMs: 10 });
  await expect(late.answer).rejects.toMatchObject({ code: 'AUTH_CALLBACK_TIMEOUT' });
  const stop = new AbortController();
  await using ended = await listenForCallback({ port: 0, accepts, signal: stop.signal });
  stop.abort();
  await expect(ended.answer).rejects.toMatchObject({ code: 'AUTH_CANCELLED' });
  await using guessed = await listenForCallback({ port: 0, accepts, signal: NEVER });
  for (let guess = 0; guess < 101; guess += 1) await fetch(`${guessed.redirectUri}?state=${guess}`);
  await expect(guessed.answer).rejects.toMatchObject({ code: 'AUTH_CALLBACK_INVALID' });
});

test('listenForCallback() names the setting when its port is taken', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  await expect(listenForCallback({ port, accepts, signal: NEVER })).rejects.toThrow(/redirectPort/);
  taken.close();
});
