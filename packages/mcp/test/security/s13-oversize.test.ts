import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGzip, gzipSync } from 'node:zlib';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernBody, modernHeaders, send, sendModern } from '../gateway/raw-client.ts';
import {
  expectNoStall,
  leastStall,
  MAX_STALL_MS,
  servers,
  startAttacked,
  type AttackedGateway,
} from './attacked-gateway.ts';
import { rawTool, startHostile, type HostileServer } from './hostile-server.ts';
import { requestBytes, sendBytes } from './wire-bytes.ts';

// undici's maxResponseSize counts bytes on the wire: 292 KB of gzip were 300 MB behind it. More encodings and shapes of
// answers to calls: e2e/call-sizes.test.ts.

const MIB = 1_048_576;
const MAX_RSS_GROWTH = 50 * MIB;
/** What is read before it is refused becomes garbage; the engine collects it when it likes, not at once. */
const MAX_FLOOD_GROWTH = 96 * MIB;
let bomb: Buffer;
let server: HostileServer;
let gateway: AttackedGateway;
let sent = 0;

function* letters(mebibytes: number): Generator<Buffer> {
  const part = Buffer.alloc(MIB, 'x');
  for (let n = 0; n < mebibytes; n += 1) yield part;
}

/** Sends until nobody listens, or a gigabyte. */
function pour(response: ServerResponse, head: string, unit: string = 'x'): void {
  const part = Buffer.from(unit.repeat(Math.floor(65_536 / unit.length)));
  response.write(head);
  const more = (): void => {
    while (!response.destroyed && sent < 1_024 * MIB) {
      sent += part.length;
      if (!response.write(part)) break;
    }
  };
  response.on('drain', more);
  more();
}

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

type Attack = (response: ServerResponse, id: string) => void;

const json = { 'content-type': 'application/json' };
const sse = { 'content-type': 'text/event-stream' };
const head = (id: string): string =>
  `{"jsonrpc":"2.0","id":${id},"result":{"content":[{"type":"text","text":"`;

/** By the message of a call: what the server does. */
const ATTACKS: Readonly<Record<string, Attack>> = {
  'a gzip bomb of 300 MB': (response) =>
    void response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(bomb),
  'a gzip bomb as an event stream': (response) =>
    void response.writeHead(200, { ...sse, 'content-encoding': 'gzip' }).end(bomb),
  'a bomb inside a bomb': (response) =>
    void response.writeHead(200, { ...json, 'content-encoding': 'gzip, gzip' }).end(gzipSync(bomb)),
  'a gigabyte of JSON': (response, id) => {
    response.writeHead(200, json);
    pour(response, head(id));
  },
  'a gigabyte of one event': (response, id) => {
    response.writeHead(200, sse);
    pour(response, `data: ${head(id)}`);
  },
  'a gigabyte of one line without a field': (response) => {
    response.writeHead(200, sse);
    pour(response, '');
  },
  'a gigabyte of comments': (response) => {
    response.writeHead(200, sse);
    pour(response, ':');
  },
  '20,000 levels': (response, id) => {
    response.writeHead(200, json);
    response.end(`{"jsonrpc":"2.0","id":${id},"result":{"x":${deep(20_000)}}}`);
  },
  '20,000 levels in an event': (response, id) => {
    response.writeHead(200, sse);
    response.end(`data: {"jsonrpc":"2.0","id":${id},"result":{"x":${deep(20_000)}}}\n\n`);
  },
  'a gigabyte of line ends': (response) => {
    response.writeHead(200, sse);
    pour(response, '', '\n');
  },
  'a gigabyte of empty data': (response) => {
    response.writeHead(200, sse);
    pour(response, '', 'data:\n');
  },
  'a gigabyte of other events': (response) => {
    response.writeHead(200, sse);
    pour(response, '', 'event: x\ndata: y\n\n');
  },
  'a refusal without end': (response) => {
    response.writeHead(500, json);
    pour(response, '');
  },
  'a megabyte of header': (response) => {
    response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(MIB)}\r\n\r\n`);
  },
};

beforeAll(async () => {
  bomb = await buffer(Readable.from(letters(300)).pipe(createGzip({ level: 9 })));
  server = await startHostile({ tools: [rawTool('t')] });
  server.intercept = ({ method, body }, id, response) => {
    if (method !== 'tools/call') return false;
    const attack = Object.entries(ATTACKS).find(([what]) => body.includes(`"${what}"`));
    attack?.[1](response, JSON.stringify(id));
    return attack !== undefined;
  };
  gateway = await startAttacked({
    // One that fails often is not asked for a while, which is not what is looked at here.
    config: { mcpServers: servers({ s: server.url, other: server.url }) },
  });
  // What the first calls of each kind load is no attack.
  for (let n = 0; n < 50; n += 1) await call('warm');
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function call(what: string): Promise<string> {
  const params = { name: 's__t', arguments: { what } };
  return await sendModern(gateway.url, 'tools/call', params).then(
    ({ text }) => text,
    () => 'cut', // what has begun can only be cut short
  );
}

test('S13: the bomb is small enough for every bound on the wire', () => {
  expect(bomb.length).toBeLessThan(400_000);
});

test.for(Object.keys(ATTACKS))('S13: %s costs neither memory nor time', async (what) => {
  const before = await gateway.probe();
  const held = await leastStall(gateway, async () => {
    sent = 0;
    // Depth is the client's affair as long as nobody here parses it; what we pass on we have bounded.
    expect(await call(what)).toMatch(what.includes('levels') ? /./ : /"error"|cut/);
    expect(sent).toBeLessThan(96 * MIB);
  });
  expect(held, 'ms of one turn of the event loop').toBeLessThan(MAX_STALL_MS);
  const after = await gateway.probe();
  const limit = what.startsWith('a gigabyte') ? MAX_FLOOD_GROWTH : MAX_RSS_GROWTH;
  expect(after.rssBytes - before.rssBytes).toBeLessThan(limit);
});

test('S13: lists are no way around: bombs and depth there cost that connector its list, and nobody else', async () => {
  const lists: Readonly<Record<string, Attack>> = {
    bomb: ATTACKS['a gzip bomb of 300 MB'] ?? (() => undefined),
    endless: ATTACKS['a gigabyte of JSON'] ?? (() => undefined),
    deep: (response, id) => {
      const item = `{"name":"x","inputSchema":${deep(20_000)}}`;
      response.writeHead(200, json);
      response.end(
        `{"jsonrpc":"2.0","id":${id},"result":{"tools":[${item}],"resultType":"complete"}}`,
      );
    },
  };
  const evil = await Promise.all(
    Object.values(lists).map(async (attack) => {
      const one = await startHostile();
      one.intercept = ({ method }, id, response) => {
        if (method !== 'tools/list') return false;
        attack(response, JSON.stringify(id));
        return true;
      };
      return one;
    }),
  );
  sent = 0;
  const urls = Object.keys(lists).map((id, at) => [id, evil[at]?.url ?? ''] as const);
  const before = await gateway.probe();
  await using crowd = await startAttacked({
    config: { mcpServers: servers({ s: server.url, ...Object.fromEntries(urls) }) },
  });
  const listed = async (): Promise<string> => (await sendModern(crowd.url, 'tools/list')).text;
  await waitUntil(async () => (await listed()).includes('"s__t"'), {
    timeoutMs: 15_000,
    describe: 'the tools of the good one',
  });
  expect(await listed()).not.toContain('deep__x');
  expect(sent).toBeLessThan(64 * MIB);
  const { rssBytes } = await crowd.probe();
  expect(rssBytes - before.rssBytes).toBeLessThan(2 * MAX_RSS_GROWTH);
  await Promise.all(evil.map(async (one) => await one[Symbol.asyncDispose]()));
});

test('S13: requests of clients are bounded before they are read: size, encoding, chunks, headers, depth', async () => {
  await gateway.probe();
  const before = await gateway.probe();
  const headers = modernHeaders('tools/call', 's__t');
  const encoded = { ...headers, 'content-encoding': 'gzip' };
  expect((await send(gateway.url, { headers: encoded, body: 'x' })).status).toBe(415);
  const nested = modernBody('tools/call', { name: 's__t', arguments: '@' });
  const levels = nested.replace('"@"', `{"x":${deep(20_000)}}`);
  expect((await send(gateway.url, { headers, body: levels })).status).toBe(400);
  const lines: readonly (readonly [string, string])[] = [
    ['host', '127.0.0.1'],
    ['content-type', 'application/json'],
    ...Object.entries(headers),
  ];
  const line = 'POST /mcp HTTP/1.1';
  // Nothing of the body has to come for that.
  const announced = requestBytes(line, [...lines, ['content-length', String(5 * MIB)]]);
  expect((await sendBytes(gateway.port, announced)).statuses).toEqual([413]);
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(100);
  const endless = await sendBytes(
    gateway.port,
    requestBytes(line, [...lines, ['transfer-encoding', 'chunked']], chunk),
  );
  expect(endless.statuses).toEqual([413]);
  const wide = requestBytes('GET /livez HTTP/1.1', [['x', 'x'.repeat(100_000)]]);
  expect((await sendBytes(gateway.port, wide)).statuses).toEqual([431]);
  const after = await expectNoStall(gateway);
  expect(after.rssBytes - before.rssBytes).toBeLessThan(MAX_RSS_GROWTH);
});

/** Arguments of about as many bytes as a request may have, in many small values. */
const LARGE: Readonly<Record<string, string>> = {
  numbers: `[${'0,'.repeat(1_900_000)}0]`,
  objects: `[${'{},'.repeat(1_200_000)}{}]`,
  levels: `[${`${deep(60)},`.repeat(30_000)}0]`,
  keys: `{${Array.from({ length: 250_000 }, (_, n) => `"k${n}":0`).join()}}`,
};

test.for(Object.entries(LARGE))(
  'S13: a request of 4 MB of %s is not built, only read',
  async ([, text]) => {
    const body = modernBody('tools/call', { name: 's__t', arguments: '@' });
    const headers = modernHeaders('tools/call', 's__t');
    const held = await leastStall(gateway, async () => {
      const whole = body.replace('"@"', `{"x":${text}}`);
      expect((await send(gateway.url, { headers, body: whole })).status).toBe(200);
    });
    // JSON.parse alone takes such text 200 ms.
    expect(held).toBeLessThan(MAX_STALL_MS);
  },
);

test('S13 control: a client that inflates what it is sent, within a bound on the wire, holds 300 MB', async () => {
  const reader = new Blob([new Uint8Array(bomb)])
    .stream()
    .pipeThrough(new DecompressionStream('gzip'));
  let inflated = 0;
  for await (const part of reader) inflated += (part as Uint8Array).length;
  expect(inflated).toBe(300 * MIB);
  // And one that walks what JSON.parse takes overflows its stack.
  expect(() => structuredClone(JSON.parse(deep(20_000)))).toThrow(RangeError);
});
