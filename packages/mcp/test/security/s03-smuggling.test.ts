import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { request } from 'undici';
import { objectMembers } from '../../src/protocol/json-scan.ts';
import { json, modernAnswer, startWire, type Seen, type Wire } from '../upstream/http-fixture.ts';
import { modernHeaders } from '../gateway/raw-client.ts';
import { MAX_STALL_MS, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';
import { PAYLOADS, type Payload } from './smuggling-corpus.ts';
import { requestBytes, sendBytes } from './wire-bytes.ts';

// CVE-2026-27896 and GHSA-q382-vc8q-7jhj (go-sdk), docker/mcp-gateway #414, GHSA-4gph-2hhr-5mwg (envoy ai-gateway).

const TOOLS = ['echo', 'fail'].map((name) => ({ name, inputSchema: { type: 'object' } }));
const ENVELOPE = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'public' };
let wire: Wire;
let gateway: AttackedGateway;

beforeAll(async () => {
  wire = await startWire(
    modernAnswer(({ message: { method, id } }, response) => {
      const result =
        method === 'tools/list' ? { tools: TOOLS } : { content: [{ type: 'text', text: 'done' }] };
      json(response, { jsonrpc: '2.0', id, result: { ...result, ...ENVELOPE } });
    }),
  );
  gateway = await startAttacked({
    config: { mcpServers: servers({ m: wire.url }), auth: { limits: { failuresPerMinute: 0 } } },
    keys: [{ tools: { allow: ['m__echo'] } }],
  });
  // The first call waits until there is something to call.
  const plain = PAYLOADS.find(({ what }) => what === 'text/plain');
  await waitUntil(
    async () => (await sendPayload({ what: '', body: plain?.body ?? '' })).status === 200,
    { timeoutMs: 15_000, describe: 'a call' },
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await wire[Symbol.asyncDispose]();
});

/** What arrived since then, but for what the gateway asks by itself. */
const arrivedSince = (before: number): readonly Seen[] =>
  wire.seen.slice(before).filter(({ body }) => !body.includes('"name":"cortex-mcp"'));

/** The allowed call, as a client writes it. */
const plainCall = (): string => String(PAYLOADS.find(({ what }) => what === 'text/plain')?.body);

async function sendPayload({ body, headers }: Payload): Promise<{ status: number; text: string }> {
  const answer = await request(gateway.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.keys[0]}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...modernHeaders('tools/call', 'm__echo'),
      ...headers,
    },
    body,
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

const fold = (key: string): string =>
  key
    .normalize('NFKC')
    // oxlint-disable-next-line no-control-regex -- what a careless reader ignores
    .replaceAll(/[\u0000-\u0020]/g, '')
    .toLowerCase()
    .replaceAll('\u017f', 's');

/** What is wrong with bytes that reached the server: anything that two readers could read differently. */
function ambiguities(body: string): string[] {
  const wrong: string[] = [];
  const judge = (at: number, allowed: readonly string[], where: string): void => {
    const keys = objectMembers(body, at).map(({ key }) => key);
    wrong.push(...keys.filter((key) => !allowed.includes(key)).map((key) => `${where} ${key}`));
    if (new Set(keys.map(fold)).size !== keys.length) wrong.push(`${where} has a key twice`);
  };
  judge(0, ['jsonrpc', 'id', 'method', 'params'], 'the envelope');
  const params = objectMembers(body).find(({ key }) => key === 'params');
  judge(params?.start ?? 0, ['name', 'arguments', '_meta'], 'params');
  return wrong;
}

test('S3: the corpus is as large as it is meant to be', () => {
  expect(PAYLOADS.length).toBeGreaterThanOrEqual(60);
  expect(new Set(PAYLOADS.map(({ what }) => what)).size).toBe(PAYLOADS.length);
});

const REFUSED = PAYLOADS.filter(({ passes }) => passes !== true);
const PASSING = PAYLOADS.filter(({ passes }) => passes === true);

test.for(REFUSED.map((payload) => [payload.what, payload] as const))(
  'S3: %s is refused, and nothing of it arrives',
  async ([, payload]) => {
    const before = wire.seen.length;
    const { status, text } = await sendPayload(payload);
    expect([status >= 400 && status < 500, text]).toEqual([true, expect.stringMatching(/./)]);
    expect(arrivedSince(before).map(({ body }) => body)).toEqual([]);
  },
);

test.for(PASSING.map((payload) => [payload.what, payload] as const))(
  'S3: %s is written anew',
  async ([, payload]) => {
    const before = wire.seen.length;
    const { status, text } = await sendPayload(payload);
    expect([status, text]).toEqual([200, expect.stringContaining('done')]);
    const arrived = arrivedSince(before);
    expect(arrived).toHaveLength(1);
    expect(arrived.flatMap(({ body }) => ambiguities(body))).toEqual([]);
    // What intermediaries behind us decide by says the same as the body.
    expect(arrived[0]).toMatchObject({
      headers: { 'mcp-name': 'echo', 'mcp-method': 'tools/call' },
      message: { method: 'tools/call', params: { name: 'echo' } },
    });
  },
);

const OUR_HEADERS = (key: string): [string, string][] => [
  ['host', `127.0.0.1:${gateway.port}`],
  ['authorization', `Bearer ${key}`],
  ['content-type', 'application/json'],
  ['accept', 'application/json, text/event-stream'],
  ...Object.entries(modernHeaders('tools/call', 'm__echo')),
];

test('S3: requests that frame themselves in two ways are one request or none', async () => {
  const body = plainCall();
  const length = String(Buffer.byteLength(body));
  const second = `POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\n`;
  const chunked = `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const framings: readonly (readonly [readonly (readonly [string, string])[], string])[] = [
    [
      [
        ['content-length', length],
        ['transfer-encoding', 'chunked'],
      ],
      `${chunked}${second}`,
    ],
    [[['transfer-encoding', 'chunked, identity']], chunked],
    [
      [
        ['transfer-encoding', 'xchunked'],
        ['content-length', length],
      ],
      body,
    ],
    [
      [
        ['content-length', length],
        ['content-length', '5'],
      ],
      body,
    ],
    [[['content-length', `+${length}`]], body],
    [
      [
        ['content-length', length],
        ['transfer-encoding', '\x0bchunked'],
      ],
      body,
    ],
    [[['content-length ', length]], body],
    [
      [
        ['mcp-name', 'm__fail'],
        ['content-length', length],
      ],
      body,
    ],
  ];
  for (const [more, sent] of framings) {
    const before = wire.seen.length;
    const bytes = requestBytes(
      'POST /mcp HTTP/1.1',
      [...OUR_HEADERS(gateway.keys[0] ?? ''), ...more],
      sent,
    );
    const { statuses } = await sendBytes(gateway.port, bytes, 300);
    expect([more, statuses]).toEqual([more, [400]]);
    expect(arrivedSince(before)).toEqual([]);
  }
});

const ask = async (body: string, session?: string): Promise<Response> =>
  await fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.keys[0]}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(session !== undefined && { 'mcp-session-id': session }),
    },
    body,
  });

test('S3: a session of the older revisions is no way around', async () => {
  const opened = await ask(
    '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"x","version":"0"}}}',
  );
  const id = opened.headers.get('mcp-session-id') ?? '';
  const bad = '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"m__fail"}}';
  const twice =
    '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"fail","name":"m__echo"}}';
  const before = wire.seen.length;
  for (const body of [bad, twice, `[${bad}]`, `[${twice}]`, `[${bad},${bad}]`, `[[${bad}]]`]) {
    expect(await (await ask(body, id)).text()).toContain('"error"');
  }
  expect(arrivedSince(before)).toEqual([]);
});

/** Reads as a Go server of before 1.4.1 did: any case, first one wins. */
function carelessName(body: string): unknown {
  const member = (at: number, name: string) =>
    objectMembers(body, at).find(({ key }) => fold(key) === name);
  const params = member(0, 'params');
  const name = params && member(params.start, 'name');
  return name && JSON.parse(body.slice(name.start, name.end));
}

test('S3 control: one that judges what JSON.parse sees and passes the bytes on is deceived', () => {
  const deceived = PAYLOADS.filter(({ body, passes }) => {
    if (typeof body !== 'string' || passes === true) return false;
    try {
      const judged = JSON.parse(body) as { params?: { name?: unknown }; method?: unknown };
      return judged.params?.name === 'm__echo' && carelessName(body) === 'fail';
    } catch {
      return false; // even it refuses what is no JSON
    }
  });
  expect(deceived.length).toBeGreaterThan(4);
});

test('S3: nothing of this held the event loop', async () => {
  await gateway.probe();
  for (const payload of PAYLOADS) await sendPayload(payload);
  const { heldMs } = await gateway.probe();
  expect(heldMs).toBeLessThan(MAX_STALL_MS);
});
