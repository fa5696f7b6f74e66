import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { CallDeadlines } from '../../src/gateway/call/call-deadlines.ts';
import { Cancellation } from '../../src/gateway/call/cancellation.ts';
import { ForwardedCall } from '../../src/gateway/forward.ts';
import { ParkedCalls } from '../../src/gateway/call/parked-calls.ts';
import type { Reply } from '../../src/gateway/reply/reply.ts';
import { createRequestStates } from '../../src/gateway/call/request-state.ts';
import type { Era } from '../../src/protocol/revision.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import {
  OWN_CALLER,
  type ForwardRequest,
  type RpcAnswer,
  type Upstream,
} from '../../src/upstream/upstream.ts';

/** A call of a client to an upstream, with what both ends see. */
function rig(era: Era, upstreamEra: Era = era) {
  const seen: string[] = [];
  const sent: ForwardRequest[] = [];
  let drain: (() => void) | undefined;
  let takes: ReturnType<Reply['notify']> = 'sent';
  const reply: Reply = {
    notify: (text) => {
      if (takes !== 'dropped') seen.push(`note ${text}`);
      return takes;
    },
    answer: (status, body) => void seen.push(`${status} ${body.toString()}`),
    answerParts: () => undefined,
    open: () => void seen.push('open'),
    chunk: (bytes) => {
      seen.push(`chunk ${bytes.toString()}`);
      return takes === 'sent';
    },
    end: () => void seen.push('end'),
    abort: () => void seen.push('abort'),
    drop: () => void seen.push('drop'),
    keepAlive: () => undefined,
    onDrain: (listener) => {
      drain = listener;
    },
    onGone: () => undefined,
    tick: () => void seen.push('tick'),
    suspend: (retryMs) => void seen.push(`suspend ${retryMs}`),
  };
  const info = { era: upstreamEra, protocolVersion: '', capabilities: {}, serverInfo: undefined };
  const upstream = {
    connectorId: 'c',
    info: { ...info, instructions: undefined },
    forward: (request: ForwardRequest) => {
      sent.push(request);
      return {
        cancel: (reason: string) => void seen.push(`cancel ${reason}`),
        pause: () => void seen.push('pause'),
        resume: () => void seen.push('resume'),
      };
    },
  } as unknown as Upstream;
  const states = createRequestStates();
  const renewed: { headers: Readonly<Record<string, string>> | undefined } = { headers: undefined };
  const request = {
    id: 7,
    method: 'tools/call',
    params: { members: [], meta: [], value: { name: 't' } },
    era,
    connectorId: undefined,
    principal: ANONYMOUS,
    caller: OWN_CALLER,
    paramHeaders: {},
    cancellation: new Cancellation(),
  };
  const call = new ForwardedCall(
    {
      request,
      asked: request,
      receivedAtMs: performance.now(),
      members: [{ key: 'name', text: '"t"' }],
      name: 't',
      paramHeaders: {},
    },
    {
      connectorId: 'c',
      upstreamName: 't',
      target: {
        callTimeouts: { idleTimeoutMs: 60_000, maxCallMs: 600_000 },
        acquire: () => upstream,
        release: () => undefined,
      },
    },
    reply,
    {
      deadlines: new CallDeadlines(),
      signal: {
        headersRefused: async () => await Promise.resolve(),
        callFailed: (_id, code) => void seen.push(`failed ${code}`),
      },
      renewHeaders: async () => await Promise.resolve(renewed.headers),
      parking: new ParkedCalls(states),
      states,
      ended: () => undefined,
      countQuestion: () => undefined,
    },
  );
  call.start();
  return {
    call,
    seen,
    sent,
    renewed,
    drain: () => drain?.(),
    takes: (next: typeof takes) => {
      takes = next;
    },
  };
}

const cut = new UpstreamError('STREAM_CUT', 'it was cut', { connectorId: 'c', phase: 'ready' });

test('a modern answer to a modern client is passed on byte for byte', () => {
  const { call, seen } = rig('modern');
  call.notification('{"method":"notifications/message"}');
  call.whole(Buffer.from('{ "id": 7, "result": {} }'));
  expect(seen).toEqual([
    'note {"method":"notifications/message"}',
    '200 { "id": 7, "result": {} }',
  ]);
});

test('a large answer goes on in pieces, and waits for a client that reads slowly', () => {
  const { call, seen, takes, drain } = rig('modern');
  call.open();
  expect(call.chunk(Buffer.from('a'))).toBe(true);
  takes('slow');
  expect(call.chunk(Buffer.from('b'))).toBe(false);
  drain();
  call.end();
  call.end();
  expect(seen).toEqual(['open', 'chunk a', 'chunk b', 'pause', 'resume', 'end']);
});

test('a failure in the middle of an answer cuts it short, one before it is told', () => {
  const begun = rig('modern');
  begun.call.open();
  begun.call.fail(cut);
  expect(begun.seen).toEqual(['open', 'failed STREAM_CUT', 'abort']);
  const before = rig('modern');
  before.call.fail(cut);
  before.call.fail(cut);
  expect(before.seen).toEqual([
    'failed STREAM_CUT',
    expect.stringContaining('"code":-32010,"message":"c: it was cut"'),
  ]);
});

test('a cancelled call tells the upstream first, and is not answered any more', () => {
  const begun = rig('modern');
  begun.call.open();
  begun.call.cancel('gone');
  expect(begun.seen).toEqual(['open', 'cancel gone', 'abort']);
  const { call, seen } = rig('legacy');
  call.cancel('why');
  call.cancel('again');
  call.notification('{}');
  call.result('{}', 'legacy');
  call.shutDown();
  call.expire(1, true);
  expect(seen).toEqual(['cancel why', 'drop']);
});

test('a notification pauses the upstream of a slow client, and is no progress when nobody gets it', () => {
  const { call, seen, takes } = rig('legacy');
  call.lastProgressAtMs = 0;
  takes('dropped');
  call.notification('{"method":"notifications/progress"}');
  expect(call.lastProgressAtMs).toBe(0);
  takes('slow');
  call.notification('{"method":"notifications/progress"}');
  expect(call.lastProgressAtMs).toBeGreaterThan(0);
  expect(seen).toEqual(['note {"method":"notifications/progress"}', 'pause']);
});

test.each(['null', '"boom"', '[1]'])('an error that is no object (%s) is a failure', (text) => {
  const { call, seen } = rig('legacy');
  call.error(text, 'legacy');
  expect(seen).toEqual(['failed BAD_RESPONSE', expect.stringContaining('"code":"BAD_RESPONSE"')]);
});

test('a result that is no object is a failure', () => {
  const { call, seen } = rig('legacy');
  call.result('[1]', 'legacy');
  expect(seen).toEqual(['failed BAD_RESPONSE', expect.stringContaining('"code":"BAD_RESPONSE"')]);
});

test('the end of elicitations is told to legacy clients only', () => {
  const text = '{"method":"notifications/elicitation/complete"}';
  const legacy = rig('legacy');
  legacy.call.notification(text);
  const modern = rig('modern', 'legacy');
  modern.call.notification(text);
  expect([legacy.seen, modern.seen]).toEqual([[`note ${text}`], []]);
});

test('what concerns the stream of the answer reaches it', () => {
  const { call, seen } = rig('legacy');
  call.tick(1);
  call.suspended(25);
  expect(seen).toEqual(['tick', 'suspend 25']);
});

test('a question that comes after the answer is answered at once', () => {
  const { call } = rig('legacy');
  call.result('{}', 'legacy');
  const answers: RpcAnswer[] = [];
  call.request({
    method: 'roots/list',
    paramsText: undefined,
    respond: (answer) => void answers.push(answer),
    onCancelled: () => undefined,
  });
  expect(answers).toMatchObject([{ kind: 'error' }]);
});

test('a state of a modern server is sent back with another id, and a legacy client sees only the end', async () => {
  const { call, seen, sent } = rig('legacy', 'modern');
  call.result('{"resultType":"input_required","requestState":"s"}', 'modern');
  expect(seen).toEqual([]);
  await expect.poll(() => sent.length).toBe(2);
  expect(sent[1]).toMatchObject({
    id: '7/1',
    members: [
      { key: 'name', text: '"t"' },
      { key: 'requestState', text: '"s"' },
    ],
  });
  call.result('{"resultType":"complete","content":[]}', 'modern');
  const said = seen.filter((what) => what !== 'tick');
  expect(said).toEqual(['200 {"jsonrpc":"2.0","id":7,"result":{"content":[]}}']);
});

const HEADERS_REFUSED = '{"code":-32020,"message":"other headers"}';

test('a call whose headers a server refuses is sent once more with those of its list now (T2)', async () => {
  const { call, seen, sent, renewed } = rig('legacy', 'modern');
  renewed.headers = { 'mcp-param-a': '1' };
  call.error(HEADERS_REFUSED, 'modern');
  await expect.poll(() => sent.length).toBe(2);
  expect(sent.map(({ id, paramHeaders }) => [id, paramHeaders])).toEqual([
    [7, {}],
    [7, renewed.headers],
  ]);
  expect(seen).toEqual([]);
  call.error(HEADERS_REFUSED, 'modern');
  expect(seen).toEqual([`200 {"jsonrpc":"2.0","id":7,"error":${HEADERS_REFUSED}}`]);
  await Promise.resolve();
  expect(sent).toHaveLength(2);
});

test('a refusal that no list explains is the answer', async () => {
  const { seen, sent, call } = rig('modern');
  call.error(HEADERS_REFUSED, 'modern');
  await expect.poll(() => seen.length).toBe(1);
  expect(seen).toEqual([`400 {"jsonrpc":"2.0","id":7,"error":${HEADERS_REFUSED}}`]);
  expect(sent).toHaveLength(1);
});

test('a call that is cancelled meanwhile is not sent again', async () => {
  const { call, seen, sent, renewed } = rig('legacy', 'modern');
  renewed.headers = { 'mcp-param-a': '1' };
  call.error(HEADERS_REFUSED, 'modern');
  call.cancel('changed my mind');
  await Promise.resolve();
  await Promise.resolve();
  expect(sent).toHaveLength(1);
  expect(seen).toEqual(['drop']);
});

test('an older server that uses the number for something else gets no second call', () => {
  const { call, seen, sent, renewed } = rig('legacy', 'legacy');
  renewed.headers = { 'mcp-param-a': '1' };
  call.error(HEADERS_REFUSED, 'legacy');
  expect([seen.length, sent.length]).toEqual([1, 1]);
});
