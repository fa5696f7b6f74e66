import { expect, test } from 'vitest';
import { advance, useFakeTime } from '../connectors/fake-time.ts';
import {
  callThrough,
  failure,
  gateOf,
  READ_ONLY,
  refused,
  REQUEST,
  scriptedLine,
} from './gate-fixture.ts';

useFakeTime();

const TRUSTED = { trusted: true };

test('what was provably not sent is sent once more, as it was, after full jitter (T2)', async () => {
  const { gate, told } = gateOf();
  const line = scriptedLine();
  line.failing = refused;
  const { said, handle } = callThrough(gate, line);
  handle.pause();
  expect([line.sent.length, said, gate.status.inFlight]).toEqual([1, [], 1]);
  line.failing = undefined;
  await advance(99);
  expect(line.sent).toHaveLength(1);
  await advance(1);
  expect(line.sent).toEqual([REQUEST, REQUEST]);
  expect(line.log, 'the client still reads slowly').toEqual(['7 pause']);
  line.sinks[1]?.whole(Buffer.from('{}'));
  expect([said, told, line.over]).toEqual([['whole {}'], ['c retried'], 1]);
});

test('the second failure is the last', async () => {
  const { gate } = gateOf();
  const line = scriptedLine();
  line.failing = refused;
  const { said } = callThrough(gate, line);
  await advance(200);
  expect([said, line.sent.length, line.over]).toEqual([['CONNECT_FAILED'], 2, 1]);
});

test.for([
  ['a read-only tool of a connector that is not trusted', {}, READ_ONLY],
  ['a tool of a trusted connector that says nothing', TRUSTED, REQUEST],
] as const)('after it was sent, %s is not called again (T2)', async ([, more, request]) => {
  const { gate } = gateOf(more);
  const line = scriptedLine();
  const { said } = callThrough(gate, line, request);
  line.sinks[0]?.fail(failure('STREAM_CUT'));
  await advance(200);
  expect([said, line.sent.length]).toEqual([['STREAM_CUT'], 1]);
});

test('a read-only tool of a trusted connector is, under another id (T2)', async () => {
  const { gate } = gateOf(TRUSTED);
  const line = scriptedLine();
  const { said } = callThrough(gate, line, READ_ONLY);
  line.sinks[0]?.fail(failure('STREAM_CUT'));
  await advance(200);
  expect(line.sent[1]).toEqual({ ...READ_ONLY, id: '7/again', repeated: true });
  line.sinks[1]?.result('{}', 'modern');
  expect([said, line.sent.length]).toEqual([['result {}'], 2]);
});

test('a call whose answer has begun is never sent again', async () => {
  const { gate } = gateOf(TRUSTED);
  const line = scriptedLine();
  const { said } = callThrough(gate, line, READ_ONLY);
  line.sinks[0]?.notification('{}');
  line.sinks[0]?.fail(failure('STREAM_CUT'));
  callThrough(gate, line, READ_ONLY);
  line.sinks[1]?.open();
  line.sinks[1]?.fail(failure('STREAM_CUT'));
  await advance(200);
  expect([said, line.sent.length]).toEqual([['notification', 'STREAM_CUT'], 2]);
});

test('a wait that Retry-After asks for is kept, and ends with the call', async () => {
  const { gate } = gateOf(TRUSTED);
  const line = scriptedLine();
  const busy = failure('HTTP_STATUS', { httpStatus: 429, retryAfterMs: 2_000 });
  const kept = callThrough(gate, line, READ_ONLY);
  line.sinks[0]?.fail(busy);
  await advance(2_000);
  expect(line.sent).toHaveLength(1);
  await advance(100);
  expect(line.sent).toHaveLength(2);
  kept.handle.cancel('gone');
  const gone = callThrough(gate, line, READ_ONLY);
  line.sinks[2]?.fail(busy);
  gone.handle.cancel('gone');
  await advance(10_000);
  expect([line.sent.length, line.over, gate.status.inFlight]).toEqual([3, 2, 0]);
});

test('retries are a fifth of the calls and three: what hits the server is counted (T2)', async () => {
  const { gate } = gateOf({ ...TRUSTED, bulkhead: { maxInFlight: 100 } });
  const line = scriptedLine();
  const calls = Array.from({ length: 30 }, () => callThrough(gate, line, READ_ONLY));
  for (let n = 0; n < 30; n += 1) line.sinks[n]?.fail(failure('STREAM_CUT'));
  await advance(200);
  // Six were paid for by thirty calls, three are there without any.
  expect(line.sent).toHaveLength(30 + 6 + 3);
  for (const sink of line.sinks.slice(30)) sink.fail(failure('STREAM_CUT'));
  expect(calls.every(({ said }) => said.join() === 'STREAM_CUT')).toBe(true);
});

test('a breaker that opens meanwhile ends the wait with why the call failed, and probes are not repeated', async () => {
  const { gate, told } = gateOf({}, () => 0.5);
  const line = scriptedLine();
  line.failing = refused;
  const waiting = callThrough(gate, line);
  line.failing = () => failure('STREAM_CUT');
  for (let call = 0; call < 5; call += 1) callThrough(gate, line);
  expect(gate.status.breaker).toBe('open');
  await advance(100);
  expect([waiting.said, line.sent.length]).toEqual([['CONNECT_FAILED'], 6]);
  await advance(31_500);
  line.failing = refused;
  const probe = callThrough(gate, line);
  expect([probe.said, line.sent.length]).toEqual([['CONNECT_FAILED'], 7]);
  expect(told.filter((what) => what.includes('opened'))).toHaveLength(2);
});

test('a second try counts against the quota of the producer', async () => {
  const { gate } = gateOf({ quotas: { perMinute: 1 } });
  const line = scriptedLine();
  line.failing = refused;
  const { said } = callThrough(gate, line);
  await advance(200);
  expect([said, line.sent.length, line.over]).toEqual([['QUOTA_EXCEEDED'], 1, 1]);
});

test('the lists of a server that was out of reach and is back close the breaker', async () => {
  const { gate, told } = gateOf({}, () => 0);
  const line = scriptedLine();
  line.failing = refused;
  for (let call = 0; call < 8; call += 1) callThrough(gate, line);
  await advance(200);
  expect(gate.status.breaker).toBe('open');
  expect(told).toContain('c opened 30000 true');
  gate.reached();
  expect(gate.status.breaker).toBe('closed');
});

test('a retry that would come after its caller has given up is not waited for: the cause is told at once (T1, T2)', async () => {
  const { gate, told } = gateOf({}, () => 1);
  const line = scriptedLine();
  line.failing = refused;
  const dueAtMs = performance.now() + 200;
  const late = callThrough(gate, line, { ...REQUEST, dueAtMs });
  expect(late.errors).toMatchObject([{ code: 'CONNECT_FAILED' }]);
  const early = callThrough(gate, line, { ...REQUEST, dueAtMs: dueAtMs + 1 });
  expect(early.said, 'it waits for its second try').toEqual([]);
  line.failing = undefined;
  await advance(200);
  expect([line.sent.length, told]).toEqual([3, ['c retried']]);
  line.sinks.at(-1)?.result('{}', 'legacy');
});
