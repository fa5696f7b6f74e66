import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { listUrl } from '../../src/sources/registry-page.ts';
import { registryPlace } from '../lib/registry-place.ts';
import { sendJson, startHttp } from '../lib/upstream-registry.ts';

test('a registry that goes round in circles, or on for ever, is left', async () => {
  let count = 0;
  const circle = await startHttp((_request, response) => {
    count += 1;
    sendJson(response, {
      servers: [],
      metadata: { nextCursor: count % 3 === 0 ? 'a' : `b${count % 3}` },
    });
  });
  const { run } = await registryPlace();
  await expect(run(circle)).rejects.toMatchObject({
    code: 'EFETCH',
    message: expect.stringMatching(/again/) as string,
  });
  expect(count).toBeLessThan(8);
  let pages = 0;
  const endless = await startHttp((_request, response) => {
    pages += 1;
    sendJson(response, { servers: [], metadata: { nextCursor: String(pages) } });
  });
  await expect(run(endless)).rejects.toMatchObject({ code: 'ETOOLARGE' });
  expect(pages).toBe(1_000);
});

test('answers that are not a page of the API fail with a code and a reason', async () => {
  const { run } = await registryPlace();
  const answers: [string, (response: ServerResponse) => void, RegExp][] = [
    [
      'EFETCH',
      (response) => response.writeHead(301, { location: 'http://10.0.0.1/' }).end(),
      /301; redirects/,
    ],
    ['EFETCH', (response) => response.writeHead(500).end('no'), /500/],
    ['EFETCH', (response) => response.end('<html>'), /not JSON/],
    ['EFETCH', (response) => sendJson(response, { servers: 3 }), /without a list/],
    ['EFETCH', (response) => sendJson(response, [], { 'content-encoding': 'gzip' }), /encoding/],
    [
      'ETOOLARGE',
      (response) => sendJson(response, { servers: Array.from({ length: 1_001 }, () => 0) }),
      /1000 entries/,
    ],
    ['ETOOLARGE', (response) => response.end(Buffer.alloc(11 * 1024 * 1024)), /bytes/],
  ];
  for (const [code, answer, message] of answers) {
    const url = await startHttp((_request, response) => answer(response));
    await expect(run(url)).rejects.toMatchObject({ code, message });
  }
});

test('a registry that is silent, or a caller that gives up, ends the import', async () => {
  const silent = await startHttp(() => undefined);
  const { run } = await registryPlace();
  await expect(run(silent, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'EFETCH',
    message: expect.stringMatching(/50 ms/) as string,
  });
  const stop = new AbortController();
  const endless = await startHttp((_request, response) => {
    sendJson(response, { servers: [], metadata: { nextCursor: String(performance.now()) } });
    stop.abort(new Error('enough'));
  });
  await expect(run(endless, { signal: stop.signal })).rejects.toThrow('enough');
});

test('listUrl() takes https, http only where allowed, and no user', () => {
  expect(listUrl('https://r.test/sub/v0.1/servers/?a#b', 'never').href).toBe(
    'https://r.test/sub/v0.1/servers',
  );
  expect(listUrl('https://r.test/v0', 'never').href).toBe('https://r.test/v0.1/servers');
  expect(listUrl('http://[::1]:8/', 'loopback').href).toBe('http://[::1]:8/v0.1/servers');
  expect(listUrl('http://r.test', 'always').protocol).toBe('http:');
  for (const [text, plain] of [
    ['http://127.0.0.1', 'never'],
    ['http://r.test', 'loopback'],
    ['http://127.0.0.1.r.test', 'loopback'],
    ['ftp://r.test', 'always'],
    ['https://u:p@r.test', 'never'],
    ['nonsense', 'always'],
  ] as const)
    expect(() => listUrl(text, plain)).toThrow(expect.objectContaining({ code: 'EREFUSED' }));
});
