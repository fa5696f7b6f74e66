import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { ask, bearer } from '../auth/guarded-gateway.ts';
import { send } from '../gateway/raw-client.ts';
import {
  expectNoStall,
  leastStall,
  MAX_STALL_MS,
  servers,
  startAttacked,
  type AttackedGateway,
} from './attacked-gateway.ts';
import { openSlow } from './wire-bytes.ts';

// Limits one by one, and that slow connections are closed in time: auth/limits.test.ts.

const COUNT = 500;
let upstream: HttpUpstream;
let gateway: AttackedGateway;
let key: string;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
  gateway = await startAttacked({
    config: {
      mcpServers: servers({ m: upstream.url }),
      auth: { limits: { failuresPerMinute: 30, principalConcurrent: 50, addressPerMinute: 0 } },
    },
    keys: [{}, {}],
  });
  [key = ''] = gateway.keys;
  for (let n = 0; n < 50; n += 1) await echo('warm');
  await fail('warm');
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream.close();
});

const echo = async (message: string): Promise<string> =>
  (await ask(gateway.url, key, 'tools/call', { name: 'm__echo', arguments: { message } })).text;
const fail = async (wrong: string): Promise<number> =>
  (await send(gateway.url, { headers: bearer(wrong), body: '{}' })).status;

const drop = (sockets: readonly Socket[]): void => {
  for (const socket of sockets) socket.destroy();
};

const SLOW: Readonly<Record<string, string>> = {
  'never finish their headers': 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX-Slow: ',
  'never send their body':
    'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{',
  'say nothing at all': '',
};

test.for(Object.entries(SLOW))('S17: 500 connections that %s hold nobody up', async ([, head]) => {
  const held = await leastStall(gateway, async () => {
    const sockets = await openSlow(gateway.port, COUNT, head);
    const startedAt = performance.now();
    const many = Array.from({ length: 20 }, async (_, n) => await echo(`n${n}`));
    const answers = await Promise.all(many);
    drop(sockets);
    expect(answers.filter((text) => !/n\d+/.test(text))).toEqual([]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });
  expect(held).toBeLessThan(MAX_STALL_MS);
});

test('S17: 3,000 wrong keys are turned away at little cost, and good ones get in meanwhile', async () => {
  await gateway.probe();
  const statuses: number[] = [];
  const flood = (async () => {
    for (let round = 0; round < 30; round += 1) {
      const some = Array.from({ length: 100 }, async (_, n) => await fail(`guess-${round}-${n}`));
      statuses.push(...(await Promise.all(some)));
    }
  })();
  const served: boolean[] = [];
  for (let n = 0; n < 10; n += 1) served.push((await echo(`good ${n}`)).includes(`good ${n}`));
  await flood;
  expect(served).toEqual(Array(10).fill(true));
  const limited = statuses.filter((status) => status === 429).length;
  // Those of the minute are told that they are wrong, all others only that they are too many.
  expect([statuses.filter((status) => status === 401).length <= 30, limited >= 2_970]).toEqual([
    true,
    true,
  ]);
  await expectNoStall(gateway);
});

test('S17: one key cannot take all places: its calls beyond its share are refused, others are served', async () => {
  const hung = { name: 'm__slow', arguments: { ms: 4_000, steps: 1 } };
  const many = Array.from(
    { length: 80 },
    async () => (await ask(gateway.url, key, 'tools/call', hung)).status,
  );
  const [, other = ''] = gateway.keys;
  await waitUntil(async () => (await ask(gateway.url, key, 'ping')).status === 429, {
    describe: 'its share is used up',
  });
  expect((await ask(gateway.url, other, 'tools/list')).status).toBe(200);
  const statuses = await Promise.all(many);
  expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20);
});

test('S17 control: a server that waits for ever keeps every slow connection, and serves nobody once its places are gone', async () => {
  const naive = createServer({ headersTimeout: 0, requestTimeout: 0 }, (_request, response) =>
    response.end('served'),
  );
  naive.maxConnections = COUNT;
  await new Promise<void>((resolve) => naive.listen(0, '127.0.0.1', resolve));
  const { port } = naive.address() as AddressInfo;
  const sockets = await openSlow(port, COUNT, SLOW['never finish their headers'] ?? '');
  onTestFinished(() => {
    drop(sockets);
    naive.closeAllConnections();
    naive.close();
  });
  await delay(300);
  expect(sockets.filter(({ destroyed }) => destroyed)).toEqual([]);
  const late = connect(port, '127.0.0.1');
  late.on('error', () => undefined); // it is turned away
  let answer = '';
  late.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  late.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => late.on('close', resolve));
  expect(answer).toBe('');
});
