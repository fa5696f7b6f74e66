import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { GuardableUpstream } from '../../../src/upstream/guarded-upstream.ts';
import { createReplicaSet } from '../../../src/upstream/replicas/replica-set.ts';
import {
  taskTopic,
  type ForwardRequest,
  type ForwardSink,
  type Interest,
  type UpstreamEvents,
  type UpstreamInfo,
} from '../../../src/upstream/upstream.ts';
import type { UpstreamError } from '../../../src/upstream/upstream-error.ts';
import { failure, REQUEST } from '../../guards/gate-fixture.ts';

// Replicas that do what the test says, on a clock that it moves.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const INFO: UpstreamInfo = {
  era: 'modern',
  protocolVersion: '2026-07-28',
  capabilities: { tools: {} },
  serverInfo: undefined,
  instructions: undefined,
};

interface Server {
  /** What it fails with; undefined: it answers. */
  error: UpstreamError | undefined;
  /** Its answer to a call, as raw JSON. */
  answer: string;
  readonly asked: string[];
  readonly wishes: Interest[];
  events: UpstreamEvents | undefined;
}

function upstreamOf(server: Server): GuardableUpstream {
  const attempt = async (what: string): Promise<string> => {
    server.asked.push(what);
    if (server.error !== undefined) throw server.error;
    return await Promise.resolve('{}');
  };
  const upstream = {
    connectorId: 'c',
    info: INFO,
    phase: 'ready',
    connect: async () => {
      await attempt('connect');
      return INFO;
    },
    request: async (method: string) => await attempt(method),
    forward(request: ForwardRequest, sink: ForwardSink) {
      server.asked.push(request.method);
      if (server.error === undefined) sink.result(server.answer, 'modern');
      else sink.fail(server.error);
      return { cancel: () => undefined, pause: () => undefined, resume: () => undefined };
    },
    setInterest: async (interest: Interest) => {
      server.wishes.push(interest);
      await attempt('interest');
    },
    close: async () => await Promise.resolve(),
  };
  return upstream as unknown as GuardableUpstream;
}

function startSet(count: number) {
  const servers = Array.from({ length: count }, (): Server => ({
    error: undefined,
    answer: '{}',
    asked: [],
    wishes: [],
    events: undefined,
  }));
  const told: string[] = [];
  const set = createReplicaSet({
    connectorId: 'c',
    places: servers.map((server, index) => ({
      key: String(index),
      name: String(index),
      weight: 1,
      create: (events) => {
        server.events = events;
        return upstreamOf(server);
      },
    })),
    balance: 'round-robin',
    affinity: 'session',
    startsOnDemand: false,
    events: {
      notification: (method, text) => void told.push(`${method} ${text}`),
      closed: () => undefined,
    },
    random: () => 0,
  });
  const call = (request: Partial<ForwardRequest> = {}): string[] => {
    const said: string[] = [];
    const sink = {
      result: (text: string) => void said.push(text),
      fail: (error: UpstreamError) => void said.push(error.code),
    };
    set.forward({ ...REQUEST, ...request }, sink as unknown as ForwardSink);
    return said;
  };
  return { set, servers, told, call };
}

const [URI, GONE] = ['test://one', failure('CONNECT_FAILED', { phase: 'connect', unsent: true })];
const wishesOf = ({ wishes }: Server): string[] => [...(wishes.at(-1)?.resources ?? [])];
const askedIn = ({ asked }: Server, method: string): number =>
  asked.filter((one) => one === method).length;

test('S2-17 what is followed moves from a replica that is gone to another soon, though nobody calls', async () => {
  const { set, servers, told } = startSet(2);
  const [one, two] = servers as [Server, Server];
  await set.setInterest({ resources: new Set([URI]), logLevel: undefined });
  expect([wishesOf(one), wishesOf(two)]).toEqual([[URI], []]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([askedIn(one, 'server/discover'), askedIn(two, 'server/discover')]).toEqual([2, 0]);
  one.error = GONE;
  await vi.advanceTimersByTimeAsync(4_000);
  expect(wishesOf(two)).toEqual([URI]);
  expect(told, 'it may have changed meanwhile').toHaveLength(1);
  // Nobody is left: whoever is back first has it.
  two.error = GONE;
  await vi.advanceTimersByTimeAsync(8_000);
  one.error = undefined;
  await vi.advanceTimersByTimeAsync(8_000);
  expect(wishesOf(one)).toEqual([URI]);
  await set.setInterest({ resources: new Set(), logLevel: undefined });
  const asked = askedIn(one, 'server/discover');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(askedIn(one, 'server/discover'), 'nobody wants to hear of anything').toBe(asked);
  await set.close();
  expect(vi.getTimerCount()).toBe(0);
});

test('S2-17 a replica whose connection is lost is asked at once whether it is there', async () => {
  const { set, servers } = startSet(2);
  const [one, two] = servers as [Server, Server];
  await set.setInterest({ resources: new Set([URI]), logLevel: undefined });
  one.error = GONE;
  one.events?.closed(GONE);
  await vi.advanceTimersByTimeAsync(1);
  expect(wishesOf(two)).toEqual([URI]);
  await set.close();
});

test.each([
  ['wants other credentials', failure('UNAUTHORIZED', { httpStatus: 401 }), 'in'],
  ['answers with an error', failure('RPC_ERROR', { rpcCode: -32_601 }), 'in'],
  ['is not there', GONE, 'out'],
] as const)(
  'S2-17 a replica that %s when it is asked whether it is well again',
  async (_what, error, state) => {
    const { set, servers, call } = startSet(2);
    const [one] = servers as [Server];
    one.error = GONE;
    for (let n = 0; n < 10; n += 1) call();
    expect(set.replicas?.map((each) => each.state)).toEqual(['out', 'in']);
    await vi.advanceTimersByTimeAsync(30_001);
    one.error = error;
    call();
    await vi.advanceTimersByTimeAsync(1);
    expect(set.replicas?.[0]?.state).toBe(state);
    await set.close();
  },
);

const TASKS = { 'io.modelcontextprotocol/tasks': {} };
const ALLOWS: Partial<ForwardRequest> = {
  meta: [
    {
      key: 'io.modelcontextprotocol/clientCapabilities',
      text: JSON.stringify({ extensions: TASKS }),
    },
  ],
};
const about = (taskId: string, method: string = 'tasks/get'): Partial<ForwardRequest> => ({
  method,
  members: [{ key: 'taskId', text: JSON.stringify(taskId) }],
  name: taskId,
});

test('S2-17 what is asked of a task goes to the replica that made it, and what is told of it comes from there', async () => {
  const { set, servers, call } = startSet(3);
  for (const [index, server] of servers.entries()) {
    server.answer = `{"resultType":"task","taskId":"t${index}"}`;
  }
  for (let n = 0; n < 3; n += 1) call(ALLOWS);
  for (const id of ['t2', 't0', 't1', 't2']) {
    const before = servers.map((server) => askedIn(server, 'tasks/get'));
    call(about(id));
    const asked = servers.map(
      (server, index) => askedIn(server, 'tasks/get') - (before[index] ?? 0),
    );
    expect(asked).toEqual([0, 1, 2].map((index) => (id === `t${index}` ? 1 : 0)));
  }
  await set.setInterest({ resources: new Set([URI, taskTopic('t1')]), logLevel: undefined });
  expect(servers.map(wishesOf)).toEqual([[URI], [taskTopic('t1')], []]);
  const [, maker] = servers as [Server, Server];
  maker.error = GONE;
  expect(call(about('t1', 'tasks/cancel')), 'no other knows it').toEqual(['CONNECT_FAILED']);
  await set.close();
});

test('S2-17 tasks of legacy replicas are known as well; what is no task, or no JSON, is not', async () => {
  const { set, servers, call } = startSet(2);
  const [one, two] = servers as [Server, Server];
  const legacy = { clientEra: 'legacy', members: [{ key: 'task', text: '{}' }] } as const;
  one.answer = '{"task":{"taskId":"t0"}}';
  two.answer = '{"taskId":';
  for (let n = 0; n < 2; n += 1) call(legacy);
  for (let n = 0; n < 4; n += 1) call(about('t0', 'tasks/result'));
  expect([askedIn(one, 'tasks/result'), askedIn(two, 'tasks/result')]).toEqual([4, 0]);
  for (let n = 0; n < 4; n += 1) call(about('unknown'));
  expect([askedIn(one, 'tasks/get'), askedIn(two, 'tasks/get')]).toEqual([2, 2]);
  await set.close();
});
