import { expect, test, vi } from 'vitest';
import { createConnectorGates } from '../../src/guards/connector-gate.ts';
import {
  DEADLINE_EXCEEDED,
  type ForwardSink,
  type ServerRequest,
} from '../../src/upstream/upstream.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';
import { definitionFor } from '../upstream/http-fixture.ts';
import { callThrough, failure, gateOf, refused, REQUEST, scriptedLine } from './gate-fixture.ts';

useFakeTime();

const QUESTION: ServerRequest = {
  method: 'roots/list',
  paramsText: undefined,
  respond: () => undefined,
  onCancelled: () => undefined,
};
const TINY = { bulkhead: { maxInFlight: 1, maxQueued: 1 } };

const ENDS: readonly ((sink: ForwardSink | undefined) => void)[] = [
  (sink) => sink?.result('{}', 'legacy'),
  (sink) => sink?.error('{"code":-32602}', 'legacy'),
  (sink) => sink?.whole(Buffer.from('{}')),
  (sink) => {
    sink?.open();
    sink?.chunk(Buffer.from('x'));
    sink?.end();
  },
  (sink) => sink?.fail(failure('STREAM_CUT')),
];

test('whichever way a call ends, its place is free and its line knows', () => {
  const { gate } = gateOf();
  const line = scriptedLine();
  for (const [index, end] of ENDS.entries()) {
    const { said } = callThrough(gate, line);
    expect(gate.status).toMatchObject({ inFlight: 1 });
    end(line.sinks.at(-1));
    end(line.sinks.at(-1));
    expect([gate.status.inFlight, line.over]).toEqual([0, index + 1]);
    expect(said.length).toBeGreaterThan(0);
  }
});

test('what comes before the answer is passed on, and what the client does to the call reaches the upstream', () => {
  const { gate } = gateOf();
  const line = scriptedLine();
  const { said, handle } = callThrough(gate, line);
  line.sinks[0]?.notification('{}');
  line.sinks[0]?.suspended?.(25);
  handle.pause();
  handle.resume();
  handle.cancel('gone');
  handle.cancel('again');
  expect(said).toEqual(['notification', 'suspended 25']);
  expect([line.log, line.over]).toEqual([['7 pause', '7 resume', '7 gone'], 1]);
});

test('calls beyond the places wait, those beyond the queue are refused at once (T5)', async () => {
  const { gate, told } = gateOf(TINY);
  const line = scriptedLine();
  callThrough(gate, line);
  const waiting = callThrough(gate, line);
  const startedAtMs = performance.now();
  const full = callThrough(gate, line);
  expect(full.errors).toMatchObject([
    { code: 'BULKHEAD_FULL', connectorId: 'c', phase: 'ready', retryAfterMs: 1_000, unsent: true },
  ]);
  expect(performance.now() - startedAtMs).toBeLessThan(5);
  expect(gate.status).toMatchObject({ breaker: 'closed', inFlight: 1, queued: 1 });
  waiting.handle.pause();
  line.sinks[0]?.result('{}', 'legacy');
  expect([line.sent.length, line.log]).toEqual([2, ['7 pause']]);
  const late = callThrough(gate, line);
  await advance(1_000);
  expect(late.errors).toMatchObject([{ code: 'BULKHEAD_FULL' }]);
  expect([line.over, told]).toEqual([3, ['c refused bulkhead', 'c refused bulkhead']]);
  line.sinks[1]?.result('{}', 'legacy');
});

test('a call that is cancelled while it waits is never sent, and the next one moves up', () => {
  const { gate } = gateOf({ bulkhead: { maxInFlight: 1, maxQueued: 2 } });
  const line = scriptedLine();
  callThrough(gate, line);
  const gone = callThrough(gate, line);
  const next = callThrough(gate, line);
  gone.handle.cancel('gone');
  line.sinks[0]?.result('{}', 'legacy');
  line.sinks[1]?.result('{"n":2}', 'legacy');
  expect([gone.said, next.said]).toEqual([[], ['result {"n":2}']]);
  expect([line.sent.length, line.over, vi.getTimerCount()]).toEqual([2, 3, 0]);
});

test('five calls that fail open it: the next is refused at once, and so are those that wait (T4)', async () => {
  const { gate, told } = gateOf({ bulkhead: { maxInFlight: 5, maxQueued: 9 } }, () => 0);
  const line = scriptedLine();
  const calls = Array.from({ length: 14 }, () => callThrough(gate, line));
  expect(line.sent).toHaveLength(5);
  for (const { handle } of calls.slice(0, 5)) handle.cancel(DEADLINE_EXCEEDED);
  // Those that waited took the places of the first four; then nothing more was sent.
  expect(line.sent).toHaveLength(9);
  expect(calls.slice(9).map(({ said }) => said)).toEqual(
    Array.from({ length: 5 }, () => ['BREAKER_OPEN']),
  );
  const { errors } = callThrough(gate, line);
  expect(errors).toMatchObject([{ code: 'BREAKER_OPEN', phase: 'ready', retryAfterMs: 30_000 }]);
  expect(gate.status).toMatchObject({ breaker: 'open', retryAfterMs: 30_000 });
  expect(told[0]).toBe('c opened 30000 false');
  await advance(30_000);
  expect(gate.status.breaker).toBe('half-open');
  for (const { handle } of calls.slice(5, 9)) handle.cancel('gone');
  callThrough(gate, line);
  line.sinks.at(-1)?.notification('{}');
  expect(gate.status.breaker, 'a server that reports progress is there').toBe('closed');
  line.sinks.at(-1)?.result('{}', 'legacy');
  expect(told.at(-1)).toBe('c closed');
});

test.for([
  ["a tool's own error", (sink?: ForwardSink) => sink?.result('{"isError":true}', 'legacy')],
  ['a JSON-RPC error', (sink?: ForwardSink) => sink?.error('{"code":-32602}', 'legacy')],
  ['a 404', (sink?: ForwardSink) => sink?.fail(failure('HTTP_STATUS', { httpStatus: 404 }))],
  ['a 401', (sink?: ForwardSink) => sink?.fail(failure('UNAUTHORIZED', { httpStatus: 401 }))],
] as const)('%s opens nothing, however often (T4)', ([, end]) => {
  const { gate, told } = gateOf();
  const line = scriptedLine();
  for (let call = 0; call < 60; call += 1) {
    callThrough(gate, line);
    end(line.sinks.at(-1));
  }
  expect([gate.status.breaker, told]).toEqual(['closed', []]);
});

test('clients that cancel, or read nothing until the deadline, open nothing; answers that are no objects do', () => {
  const { gate } = gateOf();
  const line = scriptedLine();
  for (let call = 0; call < 30; call += 1) callThrough(gate, line).handle.cancel('gone');
  for (let call = 0; call < 30; call += 1) {
    const { handle } = callThrough(gate, line);
    handle.pause();
    handle.cancel(DEADLINE_EXCEEDED);
  }
  expect(gate.status.breaker).toBe('closed');
  for (const text of ['[]', '1', 'null']) {
    callThrough(gate, line);
    line.sinks.at(-1)?.result(text, 'legacy');
  }
  for (const text of ['"x"', ' 5']) {
    callThrough(gate, line);
    line.sinks.at(-1)?.error(text, 'legacy');
  }
  expect(gate.status.breaker).toBe('open');
});

test('a call that asks its client something lends its place, and has it back when it was answered (T5)', () => {
  const { gate } = gateOf(TINY);
  const line = scriptedLine();
  const asking = callThrough(gate, line);
  const answered: unknown[] = [];
  let withdrawn: (() => void) | undefined;
  const question = {
    method: 'roots/list',
    paramsText: undefined,
    respond: (answer: unknown) => void answered.push(answer),
    progress: (text: string) => void answered.push(text),
    onCancelled: (listener: () => void) => {
      withdrawn = listener;
    },
  };
  const waiting = callThrough(gate, line);
  line.sinks[0]?.request(question);
  line.sinks[0]?.request(question);
  expect(line.sent, 'the one that waited has its place').toHaveLength(2);
  expect(gate.status).toMatchObject({ inFlight: 2, queued: 0 });
  asking.questions[0]?.progress?.('half');
  asking.questions[0]?.respond({ kind: 'result', text: '{}' });
  asking.questions[0]?.respond({ kind: 'result', text: '{}' });
  asking.questions[1]?.onCancelled(() => undefined);
  withdrawn?.();
  expect(answered).toEqual([
    'half',
    { kind: 'result', text: '{}' },
    { kind: 'result', text: '{}' },
  ]);
  const third = callThrough(gate, line);
  line.sinks[0]?.result('{}', 'legacy');
  expect(third.said, 'one place, and it is taken').toEqual([]);
  waiting.handle.cancel('gone');
  expect(line.sent).toHaveLength(3);
  line.sinks[2]?.request(question);
  third.handle.cancel('gone while its place was lent');
  expect(gate.status).toMatchObject({ inFlight: 0, queued: 0 });
});

test('a call over its quota fails with QUOTA_EXCEEDED, is never sent, and leaves its place', () => {
  const { gate, told } = gateOf({ ...TINY, quotas: { perMinute: 1 } });
  const line = scriptedLine();
  callThrough(gate, line).handle.cancel('gone');
  const { errors, handle } = callThrough(gate, line);
  handle.cancel('late');
  handle.pause();
  handle.resume();
  expect(errors).toMatchObject([{ code: 'QUOTA_EXCEEDED', unsent: true }]);
  expect(errors[0]?.retryAfterMs).toBeGreaterThanOrEqual(60_000);
  expect([line.sent.length, line.over, gate.status.inFlight]).toEqual([1, 2, 0]);
  expect(told).toEqual(['c refused quota']);
});

test('what waits for a connection that is closed fails; what waits for another one goes on', async () => {
  const { gate } = gateOf({ bulkhead: { maxInFlight: 1, maxQueued: 3 } });
  const [line, other] = [scriptedLine(), scriptedLine()];
  other.failing = refused;
  const again = callThrough(gate, other);
  const queued = callThrough(gate, line);
  const elsewhere = callThrough(gate, other);
  gate.closing(line);
  expect(queued.errors).toMatchObject([{ code: 'CLOSED', unsent: true }]);
  gate.closing(other);
  expect(again.said, 'with why it failed the first time').toEqual(['CONNECT_FAILED']);
  expect(elsewhere.said).toHaveLength(1);
  await advance(1_000);
  expect([line.over, other.over, gate.status.inFlight]).toEqual([1, 2, 0]);
});

test('connections of one definition share a gate, another definition has another', () => {
  const gates = createConnectorGates({ random: () => 0 });
  const one = definitionFor('http://127.0.0.1:1');
  expect(gates(one)).toBe(gates(one));
  expect(gates({ ...one })).not.toBe(gates(one));
});

test('a call that gets its place when its caller has given up is not sent (T1)', async () => {
  await advance(1);
  const { gate, told } = gateOf(TINY);
  const line = scriptedLine();
  callThrough(gate, line);
  const late = callThrough(gate, line, { ...REQUEST, dueAtMs: performance.now() + 100 });
  await advance(100);
  line.sinks[0]?.result('{}', 'legacy');
  expect(late.errors).toMatchObject([{ code: 'TIMEOUT', unsent: true }]);
  expect([line.sent.length, line.over, gate.status.inFlight]).toEqual([1, 2, 0]);
  expect(told).toEqual(['c refused bulkhead']);
});

test('a probe that its quota keeps from being sent refuses none of those that wait (T4, T5)', async () => {
  const { gate, told } = gateOf(
    {
      bulkhead: { maxInFlight: 1, maxQueued: 9, queueTimeoutMs: 60_000 },
      quotas: { perMinute: 6 },
    },
    () => 0,
  );
  const line = scriptedLine();
  const asking = callThrough(gate, line);
  line.sinks[0]?.request(QUESTION);
  for (let n = 0; n < 5; n += 1) callThrough(gate, line).handle.cancel(DEADLINE_EXCEEDED);
  asking.questions[0]?.respond({ kind: 'result', text: '{}' });
  await advance(30_000);
  const waiting = [1, 2, 3].map(() => callThrough(gate, line));
  expect(gate.status).toMatchObject({ breaker: 'half-open', inFlight: 1, queued: 3 });
  asking.handle.cancel('gone');
  // The quota is used up: each is told so, and none that another is asking.
  expect(waiting.map(({ said }) => said)).toEqual(waiting.map(() => ['QUOTA_EXCEEDED']));
  expect(told).toEqual(['c opened 30000 false', ...Array<string>(3).fill('c refused quota')]);
  expect(gate.status).toMatchObject({ breaker: 'half-open', inFlight: 0, queued: 0 });
});
