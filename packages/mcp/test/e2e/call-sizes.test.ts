import type { ServerResponse } from 'node:http';
import { createGzip, gunzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, send, sendModern } from '../gateway/raw-client.ts';
import { startGateway, type TestGateway } from './gateway-fixture.ts';
import { answerCall, startPathServer, type AnswerCall } from './path-server.ts';

const MIB = 1_048_576;

async function rig(answer: AnswerCall) {
  const server = await startPathServer(answer);
  const gateway = await startGateway([server.connector('one'), server.connector('two')]);
  await gateway.service.manager.sync();
  return {
    server,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function codeOf(gateway: TestGateway, name = 'one__echo'): Promise<string | undefined> {
  const answer = await sendModern(gateway.url(), 'tools/call', { name, arguments: {} });
  return (answer.json() as { error?: { data: { code: string } } }).error?.data.code;
}

/** A megabyte of one letter, many times. */
function* letters(mebibytes: number): Generator<Buffer> {
  const part = Buffer.alloc(MIB, 'x');
  for (let n = 0; n < mebibytes; n += 1) yield part;
}

test.for([
  ['application/json', 'gzip'],
  ['text/event-stream', 'gzip'],
  ['application/json', 'GZIP'],
  ['application/json', 'gzip, gzip'],
  ['application/json', 'identity, gzip'],
  ['application/json', 'br'],
  ['application/json', 'zstd, deflate'],
] as const)(
  'a %s answer with content-encoding %s is not inflated (S13)',
  async ([type, encoding]) => {
    const bomb = await buffer(Readable.from(letters(200)).pipe(createGzip({ level: 1 })));
    expect(bomb.length, 'small enough for every bound').toBeLessThan(2 * MIB);
    await using it = await rig((_path, _seen, response) => {
      response.writeHead(200, { 'content-type': type, 'content-encoding': encoding });
      response.end(bomb);
    });
    const before = process.memoryUsage().rss;
    for (let n = 0; n < 4; n += 1) expect(await codeOf(it.gateway)).toBe('BAD_RESPONSE');
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * MIB);
  },
);

test('the same bytes do inflate for those who let them', async () => {
  const small = await buffer(Readable.from(letters(4)).pipe(createGzip()));
  expect(gunzipSync(small).length / small.length).toBeGreaterThan(500);
});

test('a compressed body that does not say so is no JSON, and an error page that does is not inflated', async () => {
  const bomb = await buffer(Readable.from(letters(64)).pipe(createGzip({ level: 1 })));
  let status = 200;
  await using it = await rig((_path, _seen, response) => {
    const encoding = status === 200 ? {} : { 'content-encoding': 'gzip' };
    response.writeHead(status, { 'content-type': 'application/json', ...encoding });
    response.end(bomb);
  });
  const before = process.memoryUsage().rss;
  expect(await codeOf(it.gateway)).toBe('BAD_RESPONSE');
  status = 500;
  expect(await codeOf(it.gateway)).toBe('HTTP_STATUS');
  expect(process.memoryUsage().rss - before).toBeLessThan(50 * MIB);
});

/** Sends for as long as anybody listens. */
function pour(response: ServerResponse, head: string): { readonly sent: () => number } {
  let sent = 0;
  const part = Buffer.alloc(65_536, 'x');
  response.write(head);
  const more = (): void => {
    while (!response.destroyed && sent < 400 * MIB) {
      sent += part.length;
      if (!response.write(part)) break;
    }
  };
  response.on('drain', more);
  more();
  return { sent: () => sent };
}

test.for([
  ['a JSON answer', 'application/json', '{"jsonrpc":"2.0","id":1,"result":{"a":"'],
  [
    'an event',
    'text/event-stream',
    'event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{"a":"',
  ],
] as const)(
  '%s without an end is cut at 10 MiB, and its server hears of it (T6)',
  async ([, type, head]) => {
    let sent: (() => number) | undefined;
    let closed = false;
    await using it = await rig((_path, _seen, response) => {
      response.writeHead(200, { 'content-type': type });
      response.on('close', () => {
        closed = true;
      });
      ({ sent } = pour(response, head));
    });
    // One that has begun can only be cut short, one that has not is told.
    const outcome = await codeOf(it.gateway).catch(() => 'cut');
    expect(['TOO_LARGE', 'cut']).toContain(outcome);
    await waitUntil(() => closed, { describe: 'the server sees the end' });
    expect(sent?.()).toBeLessThan(10 * MIB + 8 * MIB);
    expect(await codeOf(it.gateway, 'two__echo').catch(() => 'cut')).toBeDefined();
    const [one] = it.gateway.service.manager.listConnectors();
    expect(one?.calls, 'too large an answer says nothing about the connection').toMatchObject({
      breaker: 'closed',
    });
  },
);

test('a client that does not read holds its server up, and not the gateway with its memory (T6)', async () => {
  let sent: (() => number) | undefined;
  await using it = await rig((path, seen, response) => {
    if (path === '/two') {
      answerCall(seen, response);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    ({ sent } = pour(response, '{"jsonrpc":"2.0","id":1,"result":{"a":"'));
  });
  const { port } = new URL(it.gateway.origin);
  const body = modernBody('tools/call', { name: 'one__echo', arguments: {} });
  const headers = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...modernHeaders('tools/call', 'one__echo'),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write(`POST /mcp HTTP/1.1\r\n${headers.join('')}\r\n${body}`);
  let last = -1;
  const stalled = (): boolean => {
    const now = sent?.() ?? 0;
    const same = now > 0 && now === last;
    last = now;
    return same;
  };
  await expect.poll(stalled, { interval: 200 }).toBe(true);
  // Had the gateway read on, it would have met the bound of 10 MiB and cut the answer.
  expect(it.gateway.service.manager.listConnectors()[0]?.calls?.inFlight).toBe(1);
  expect(sent?.(), 'what sockets hold').toBeLessThan(32 * MIB);
  expect(await codeOf(it.gateway, 'two__echo')).toBeUndefined();
  socket.destroy();
  const idle = (): boolean =>
    it.gateway.service.manager.listConnectors().every(({ calls }) => calls?.inFlight === 0);
  await waitUntil(idle, { describe: 'its hanging up ends the call' });
});

/** Stands before a server; while it is held, it takes nothing of what comes. */
async function startRelay(to: string) {
  const sockets = new Set<Socket>();
  let isHeld = false;
  const relay = createServer({ allowHalfOpen: false }, (socket) => {
    sockets.add(socket);
    const onward = connect(Number(new URL(to).port), '127.0.0.1');
    for (const one of [socket, onward]) one.on('error', () => onward.destroy()); // an end of either is the end of both
    onward.pipe(socket);
    if (!isHeld) socket.pipe(onward);
    socket.once('resumed', () => socket.pipe(onward));
    socket.once('close', () => onward.destroy());
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { pathname } = new URL(to);
  return {
    url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}${pathname}`,
    hold() {
      isHeld = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    release() {
      for (const socket of sockets) socket.emit('resumed');
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}

test('a server that is slow to read a large request holds up that call only (T6)', async () => {
  await using server = await startPathServer((_path, seen, response) => answerCall(seen, response));
  const definition = server.connector('one');
  if (definition.transport?.kind !== 'http') throw new Error('the server speaks HTTP');
  await using relay = await startRelay(definition.transport.url);
  const transport = { ...definition.transport, url: relay.url };
  await using gateway = await startGateway([{ ...definition, transport }, server.connector('two')]);
  await gateway.service.manager.sync();
  relay.hold();
  const large = 'x'.repeat(4 * MIB - 2_000);
  const call = send(gateway.url(), {
    headers: modernHeaders('tools/call', 'one__echo'),
    body: modernBody('tools/call', { name: 'one__echo', arguments: { large } }),
  });
  const inFlight = (): number | undefined =>
    gateway.service.manager.listConnectors()[0]?.calls?.inFlight;
  await expect.poll(inFlight, { timeout: 10_000 }).toBe(1);
  expect((await sendModern(gateway.url(), 'tools/list')).status).toBe(200);
  expect(await codeOf(gateway, 'two__echo')).toBeUndefined();
  relay.release();
  expect((await call).text).toContain('"text":"m"');
});
