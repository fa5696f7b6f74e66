import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { startUpstream, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRateLimits, DEFAULT_LIMITS } from '../../src/auth/rate-limits.ts';
import { createListener } from '../../src/http/listener.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { ask, get, startGuarded, statusOf } from './guarded-gateway.ts';

let upstream: HttpUpstream;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
});
afterAll(async () => await upstream.close());

test('S17: wrong keys of one address are answered with 429 after a while; good ones still get in', async () => {
  const { gateway, keys } = await startGuarded([connectorFor(upstream, 'm')], {
    keys: [{}],
    auth: { limits: { failuresPerMinute: 10 } },
  });
  await using _ = gateway;
  const statuses: number[] = [];
  for (let index = 0; index < 15; index += 1) statuses.push(await statusOf(gateway.url(), 'guess'));
  expect(statuses).toEqual([...Array<number>(10).fill(401), ...Array<number>(5).fill(429)]);
  const refused = await get(gateway.url(), 'guess');
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await ask(gateway.url(), keys[0], 'tools/list')).status).toBe(200);
  const { text } = await get(`${gateway.origin}/livez`);
  expect(text).toContain('live');
});

test('S17: a flood of one address is stopped before anything else is looked at', async () => {
  const { gateway, keys } = await startGuarded([connectorFor(upstream, 'm')], {
    keys: [{}],
    auth: { limits: { addressPerMinute: 20 } },
  });
  await using _ = gateway;
  const statuses: number[] = [];
  for (let index = 0; index < 25; index += 1) {
    statuses.push(await statusOf(`${gateway.origin}/readyz`, keys[0]));
  }
  expect(statuses.filter((status) => status === 429).length).toBe(5);
});

test('S17: requests of everybody together can be limited, without keys too', async () => {
  const { gateway } = await startGuarded([connectorFor(upstream, 'm')], {
    auth: { limits: { requestsPerMinute: 5, addressPerMinute: 0 } },
  });
  await using _ = gateway;
  const statuses: number[] = [];
  for (let index = 0; index < 7; index += 1) {
    statuses.push((await ask(gateway.url(), undefined, 'tools/list')).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
});

test('S17: a key has its own rate, and the settings have one for all others', async () => {
  const { gateway, keys } = await startGuarded([connectorFor(upstream, 'm')], {
    keys: [{ rate: { perMinute: 3 } }, {}, {}],
    auth: { limits: { principalPerMinute: 5 } },
  });
  await using _ = gateway;
  const count = async (key: string | undefined): Promise<number> => {
    let passed = 0;
    for (let index = 0; index < 8; index += 1) {
      if ((await ask(gateway.url(), key, 'tools/list')).status === 200) passed += 1;
    }
    return passed;
  };
  const passed = [await count(keys[0]), await count(keys[1]), await count(keys[2])];
  expect(passed).toEqual([3, 5, 5]);
});

test('S17: one key has so many requests open at the same time, streams included', async () => {
  const { gateway, keys } = await startGuarded([connectorFor(upstream, 'm')], {
    keys: [{ rate: { concurrent: 2 } }, {}],
    settings: { sse: true },
  });
  await using _ = gateway;
  const aborts = [new AbortController(), new AbortController()];
  for (const { signal } of aborts) {
    const headers = { authorization: `Bearer ${keys[0]}` };
    expect((await fetch(`${gateway.origin}/sse`, { headers, signal })).status).toBe(200);
  }
  expect((await ask(gateway.url(), keys[0], 'tools/list')).status).toBe(429);
  expect((await ask(gateway.url(), keys[1], 'tools/list')).status).toBe(200);
  aborts[0]?.abort();
  await waitUntil(async () => (await ask(gateway.url(), keys[0], 'tools/list')).status === 200, {
    describe: 'a place is free again',
  });
  aborts[1]?.abort();
});

test('without keys on loopback nothing is limited, and no limiter is made', async () => {
  await using gateway = await startGateway([connectorFor(upstream, 'm')]);
  const answers = await Promise.all(
    Array.from(
      { length: 300 },
      async () => (await send(`${gateway.origin}/livez`, { method: 'GET' })).status,
    ),
  );
  expect(new Set(answers)).toEqual(new Set([200]));
  expect(gateway.service.status()['auth']).toMatchObject({ required: false });
});

test('addresses share places, so that memory is bounded; one IPv6 network is one address', async () => {
  const limits = createRateLimits({ ...DEFAULT_LIMITS, addressPerMinute: 2 }, () => 0.25);
  const take = async (address: string) => (await limits.take('address', address)) === undefined;
  expect([
    await take('2001:db8::1'),
    await take('2001:db8:0:0:5::9'),
    await take('2001:db8::2'),
  ]).toEqual([true, true, false]);
  expect(await take('2001:db9::1')).toBe(true);
  expect([await take('::ffff:10.0.0.1'), await take('10.0.0.1'), await take('10.0.0.1')]).toEqual([
    true,
    true,
    false,
  ]);
});

/** Connects and sends `head`. Its end is watched from the start: on a slow machine it may come before the others are there. */
function slowClient(port: number, head: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined); // our own death is what is tested
  socket.resume().write(head);
  return socket;
}

async function allClosed(sockets: readonly Socket[]): Promise<void> {
  await waitUntil(() => sockets.every(({ closed }) => closed), { describe: 'all are closed' });
}

test('S17: 500 connections that never finish their headers are closed, and others are served meanwhile', async () => {
  const listener = createListener({
    routes: new Map([
      ['/livez', { auth: 'open', handle: (_req, res) => void res.end('live') }],
      [
        '/body',
        { auth: 'open', handle: (req, res) => void req.resume().on('end', () => res.end()) },
      ],
    ]),
    limits: { headersTimeoutMs: 400, requestTimeoutMs: 800, checkEveryMs: 100 },
    onError: (error) => expect.fail(String(error)),
  });
  const { port } = await listener.listen(0, '127.0.0.1');
  const sockets = Array.from({ length: 500 }, () =>
    slowClient(port, 'GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: '),
  );
  await Promise.all(sockets.map(async (socket) => await once(socket, 'connect')));
  const { text } = await send(`http://127.0.0.1:${port}/livez`, { method: 'GET' });
  expect(text).toBe('live');
  await allClosed(sockets);
  await allClosed([
    slowClient(port, 'POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx'),
  ]);
  await listener.close(0);
});
