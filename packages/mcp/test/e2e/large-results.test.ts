import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession, send, sendModern, type RawAnswer } from '../gateway/raw-client.ts';
import {
  json,
  legacyAnswer,
  modernAnswer,
  startWire,
  type Wire,
} from '../upstream/http-fixture.ts';
import { connector, startGateway, type TestGateway } from './gateway-fixture.ts';

/** How the servers answer a call now; `id` as raw JSON. */
type Answer = (response: ServerResponse, id: string, token: unknown) => void | Promise<void>;
let answer: Answer = (response) => void response.end();

const ENVELOPE = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'public' };
const LIST = { tools: [{ name: 'big', inputSchema: { type: 'object' } }] };
const TEXT = 'é€😀 "\\ {id:7}'.repeat(20_000);
/** As nobody would write it, to be seen again letter for letter. */
const RESULT = `{"content":[{"type":"text","text":${JSON.stringify(TEXT)}}],"n":1.0,\n\t"id":7,"result":{"id":8}}`;
const ON_ONE_LINE = RESULT.replaceAll('\n', ' ');

const LETTERS = fileURLToPath(
  new URL('../upstream/fixtures-stdio/letter-server.ts', import.meta.url),
);

let legacy: Wire;
let modern: Wire;
let gateway: TestGateway;

async function call(seen: Wire['seen'][number], response: ServerResponse, list: object) {
  const { id, method, params } = seen.message;
  if (method === 'tools/list') json(response, { jsonrpc: '2.0', id, result: list });
  else if (method !== 'tools/call') response.writeHead(405).end();
  else {
    const meta: unknown = Reflect.get(Object(params), '_meta');
    await answer(response, JSON.stringify(id), Reflect.get(Object(meta), 'progressToken'));
  }
}

beforeAll(async () => {
  legacy = await startWire(
    legacyAnswer(async (seen, response) => await call(seen, response, LIST)),
  );
  modern = await startWire(
    modernAnswer(async (seen, response) => await call(seen, response, { ...LIST, ...ENVELOPE })),
  );
  gateway = await startGateway([
    connector('old', { kind: 'http', url: legacy.url, headers: {} }),
    connector('new', { kind: 'http', url: modern.url, headers: {} }),
    connector('pipe', {
      kind: 'stdio',
      command: process.execPath,
      args: [LETTERS],
      env: {},
      cwd: undefined,
    }),
  ]);
  await gateway.service.manager.sync();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await modern[Symbol.asyncDispose]();
  await legacy[Symbol.asyncDispose]();
});

const asJson =
  (body: (id: string) => string): Answer =>
  (response, id) => {
    json(response, body(id));
  };

/** An event stream, in pieces of so many bytes. */
const asEvents =
  (stream: (id: string, token: unknown) => string, cut: number): Answer =>
  async (response, id, token) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const bytes = Buffer.from(stream(id, token));
    for (let at = 0; at < bytes.length; at += cut) {
      // Each in a turn of its own, or the socket would put them together again.
      await new Promise((sent) => response.write(bytes.subarray(at, at + cut), sent));
    }
    response.end();
  };

const whole = (id: string): string => `{"jsonrpc":"2.0","id":${id},"result":${RESULT}}`;
const CALL = { name: 'big', arguments: {} };

/** A request as clients of legacy revisions send it. */
async function post(
  message: unknown,
  headers: Readonly<Record<string, string>> = {},
  version = '2025-11-25',
): Promise<{ readonly answered: RawAnswer; readonly session: Readonly<Record<string, string>> }> {
  const { id } = await openSession(gateway.url('old'), version);
  const session = { 'mcp-session-id': id, 'mcp-protocol-version': version };
  const body = JSON.stringify(message);
  const answered = await send(gateway.url('old'), { headers: { ...session, ...headers }, body });
  return { answered, session };
}

const request = (id: unknown, params: object = CALL): object => {
  return { jsonrpc: '2.0', id, method: 'tools/call', params };
};
const STREAM_FIRST = { accept: 'text/event-stream, application/json' };
const dataOf = (text: string): string[] =>
  [...text.matchAll(/^data: (.+)$/gm)].map(([, data = '']) => data);

const SHAPES: readonly (readonly [string, Answer])[] = [
  ['JSON with the id first', asJson(whole)],
  ['JSON with the id last', asJson((id) => `{"result":${RESULT},"jsonrpc":"2.0","id":${id}}`)],
  ['JSON with much space', asJson((id) => ` {\r\n"id" : ${id} , "result"\n: ${RESULT} }\n`)],
  ['JSON with a byte order mark', asJson((id) => `\uFEFF${whole(id)}`)],
  ['JSON with a member of its own', asJson((id) => `{"x":1,"id":${id},"result":${RESULT}}`)],
  [
    'JSON whose id is written with an escape',
    asJson((id) => `{"i\\u0064":${id},"result":${RESULT}}`),
  ],
];

test.for(SHAPES)('a large result comes letter for letter, from %s', async ([, shape]) => {
  answer = shape;
  for (const id of [5, 'text', 'e"s\\c\né😀', -1, 2 ** 52]) {
    const { answered } = await post(request(id));
    expect(answered.text).toBe(whole(JSON.stringify(id)));
    expect(answered.headers['content-type']).toBe('application/json');
    expect(answered.headers['content-length']).toBe(String(Buffer.byteLength(answered.text)));
  }
});

test.for([
  ['cut anywhere', 4_999, '\n', ''],
  ['with CRLF', 65_537, '\r\n', ''],
  ['with a byte order mark and comments', 30_011, '\n', '\uFEFF: hello\n\nid: 1\ndata:\n\n'],
  ['in one piece', 10_000_000, '\r', ''],
] as const)(
  'a large result comes letter for letter, from events %s',
  async ([, cut, end, before]) => {
    answer = asEvents(
      (id) =>
        `${before}event: message${end}data: ${whole(id).replace('\n', `${end}data: `)}${end}${end}`,
      cut,
    );
    const { answered } = await post(request('s-1'));
    expect(answered.text).toBe(whole('"s-1"'));
  },
);

const progress = (token: unknown): string =>
  `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${JSON.stringify(token)},"progress":1}}`;

test('a large result follows its progress, on one stream', async () => {
  answer = asEvents(
    (id, token) => `data: ${progress(token)}\n\ndata: ${whole(id).replace('\n', ' ')}\n\n`,
    65_536,
  );
  for (const version of ['2025-11-25', '2025-06-18']) {
    const params = { ...CALL, _meta: { progressToken: 'mine' } };
    const { answered } = await post(request(9, params), {}, version);
    expect(answered.headers['content-type']).toBe('text/event-stream');
    expect(dataOf(answered.text)).toEqual([progress('mine'), whole('9').replace('\n', ' ')]);
  }
});

test('a large result can be had again by Last-Event-ID (SEP-1699)', async () => {
  answer = asJson(whole);
  const { answered, session } = await post(request(3), STREAM_FIRST);
  expect(answered.text).toMatch(
    /^id: 1-0\nretry: 1000\ndata: \n\nid: 1-1\nevent: message\ndata: \{/,
  );
  const expected = `{"jsonrpc":"2.0","id":3,"result":${ON_ONE_LINE}}`;
  expect(dataOf(answered.text)).toEqual([expected]);
  for (let times = 0; times < 2; times += 1) {
    const again = await send(gateway.url('old'), {
      method: 'GET',
      headers: { ...session, accept: 'text/event-stream', 'last-event-id': '1-0' },
    });
    expect(dataOf(again.text)).toEqual([expected]);
  }
});

test('a large result is an event without an id for a client of an earlier revision', async () => {
  answer = asJson(whole);
  const { answered } = await post(request(4), STREAM_FIRST, '2025-06-18');
  expect(answered.text).toBe(
    `event: message\ndata: {"jsonrpc":"2.0","id":4,"result":${ON_ONE_LINE}}\n\n`,
  );
});

test('large results stand in the answer to a batch (2025-03-26)', async () => {
  answer = asJson(whole);
  const { answered } = await post([request(1), request('b')], {}, '2025-03-26');
  expect(JSON.parse(answered.text)).toEqual(
    expect.arrayContaining([JSON.parse(whole('1')), JSON.parse(whole('"b"'))]),
  );
});

test('a modern client gets a large result of a legacy server with its resultType', async () => {
  answer = asJson(whole);
  const { text } = await sendModern(gateway.url('old'), 'tools/call', CALL);
  const added = RESULT.replace('{', '{"resultType":"complete",');
  expect(text).toBe(`{"jsonrpc":"2.0","id":1,"result":${added}}`);
  // One that has it keeps it, and one that has it elsewhere gets it.
  const padding = 'x'.repeat(100_000);
  const kept = `{"content":[],"padding":"${padding}","resultType":"complete"}`;
  const inside = `{"content":[{"resultType":"a"}],"padding":"${padding}"}`;
  for (const [result, expected] of [
    [kept, kept],
    [inside, inside.replace('{', '{"resultType":"complete",')],
  ] as const) {
    answer = asJson((id) => `{"jsonrpc":"2.0","id":${id},"result":${result}}`);
    const answered = await sendModern(gateway.url('old'), 'tools/call', CALL);
    expect(answered.text).toBe(`{"jsonrpc":"2.0","id":1,"result":${expected}}`);
  }
});

test.for([
  [100_000, 'whole'],
  [600_000, 'as it comes, as its server does not say how long it is'],
] as const)(
  'between modern peers a result of %i bytes passes letter for letter, %s',
  async ([bytes, how]) => {
    const text = `{\n "result":{"n":1.0,"text":"${'é'.repeat(bytes / 2)}","resultType":"complete"}`;
    answer = asJson((id) => `${text},"jsonrpc":"2.0","id":${id} }`);
    const answered = await sendModern(gateway.url('new'), 'tools/call', CALL);
    expect(answered.text).toBe(`${text},"jsonrpc":"2.0","id":1 }`);
    const length = how === 'whole' ? String(Buffer.byteLength(answered.text)) : undefined;
    expect(answered.headers['content-length']).toBe(length);
  },
);

test('a legacy client gets a large result of a modern server without what its revision lacks', async () => {
  answer = asJson((id) => whole(id).replace('"n":1.0', '"resultType":"complete","n":1.0'));
  const session = await openSession(gateway.url('new'));
  const { text } = await session.send('tools/call', CALL, 'x');
  expect(text).toBe(`{"jsonrpc":"2.0","id":"x","result":${RESULT.replace(',\n\t', ',')}}`);
});

/** Bodies are written by hand, as `JSON.stringify` would tidy them up. */
const bigCall = (given: string): string =>
  `{"jsonrpc":"2.0","id":"p","method":"tools/call","params":{"name":"big","arguments":${given}}}`;

test.for([
  ['on one line', ON_ONE_LINE],
  ['on several lines', RESULT],
  ['small', '{"n":1.0,"id" :7}'],
])('what goes to a server on pipes and comes back is the same, %s', async ([, given = '']) => {
  const { id: session } = await openSession(gateway.url('pipe'));
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  const { text } = await send(gateway.url('pipe'), { headers, body: bigCall(given) });
  const onOneLine = given.replaceAll('\n', ' ');
  expect(text).toBe(
    `{"jsonrpc":"2.0","id":"p","result":{"content":[],"structuredContent":${onOneLine}}}`,
  );
});

test('a large error is passed on, with the id of its request', async () => {
  const error = `{"code":-32000,"message":"m","data":${JSON.stringify(TEXT)}}`;
  answer = asJson((id) => `{"jsonrpc":"2.0","id":${id},"error":${error}}`);
  const { answered } = await post(request('e'));
  expect(answered.text).toBe(`{"jsonrpc":"2.0","id":"e","error":${error}}`);
});

test.for([
  ['that is no JSON', (id: string) => whole(id).replace(/.$/, ']'), 'BAD_RESPONSE'],
  [
    'with a bracket of another kind',
    (id: string) => whole(id).replace('"n":1.0', '"n":[1}'),
    'BAD_RESPONSE',
  ],
  ['with two ids', (id: string) => whole(id).replace('{', '{"id":999,'), 'BAD_RESPONSE'],
  [
    'whose result is no object',
    (id: string) => `{"id":${id},"result":[${RESULT}]}`,
    'BAD_RESPONSE',
  ],
  ['of another request', () => whole('999'), 'STREAM_CUT'],
] as const)('a large answer %s is refused with a reason', async ([, body, code]) => {
  answer = asJson(body);
  const { answered } = await post(request(6));
  expect(answered.json()).toMatchObject({ id: 6, error: { data: { code } } });
});
