import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { Cancellation } from '../../src/gateway/call/cancellation.ts';
import type { ClientQuestion } from '../../src/gateway/call/client-questions.ts';
import type { ClientRequest } from '../../src/gateway/client-request.ts';
import { createInProcessReply } from '../../src/gateway/reply/in-process-reply.ts';
import {
  DEFAULT_PARKING_LIMITS,
  ParkedCalls,
  type ParkableCall,
  type ParkingLimits,
} from '../../src/gateway/call/parked-calls.ts';
import { createRequestStates } from '../../src/gateway/call/request-state.ts';
import { OWN_CALLER, type RpcAnswer } from '../../src/upstream/upstream.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface TestCall extends ParkableCall {
  current: ClientRequest;
  done: boolean;
  readonly parkedWith: string[];
  readonly cancelled: string[];
}

function requestOf(name: string, more: Readonly<Record<string, unknown>> = {}): ClientRequest {
  const value = { name, arguments: {}, ...more };
  const members = Object.entries(value).map(([key, item]) => ({ key, text: JSON.stringify(item) }));
  return {
    id: 1,
    method: 'tools/call',
    params: { members, meta: [], value },
    era: 'modern',
    connectorId: 'c',
    principal: ANONYMOUS,
    caller: OWN_CALLER,
    paramHeaders: {},
    cancellation: new Cancellation(),
  };
}

function callOf(name: string, connectorId = 'c'): TestCall {
  const call: TestCall = {
    connectorId,
    done: false,
    current: requestOf(name),
    parkedWith: [],
    cancelled: [],
    park: (result) => void call.parkedWith.push(result),
    rejoin: (request) => {
      call.current = request;
    },
    cancel: (reason) => {
      call.done = true;
      call.cancelled.push(reason);
    },
  };
  return call;
}

interface TestQuestion extends ClientQuestion {
  readonly answers: RpcAnswer[];
  withdraw(): void;
}

function questionOf(message: string): TestQuestion {
  const answers: RpcAnswer[] = [];
  let withdrawn: ((reason: string) => void) | undefined;
  return {
    method: 'elicitation/create',
    paramsText: JSON.stringify({ message }),
    answers,
    answer: (answer) => void answers.push(answer),
    onWithdrawn: (listener) => {
      withdrawn = listener;
    },
    withdraw: () => withdrawn?.('test'),
  };
}

const lotOf = (limits: Partial<ParkingLimits> = {}): ParkedCalls<TestCall> =>
  new ParkedCalls(createRequestStates(), { ...DEFAULT_PARKING_LIMITS, ...limits });

/** Parks a call with one question and gives the state its client gets. */
function park(lot: ParkedCalls<TestCall>, call: TestCall): string {
  lot.forCall(call).ask(questionOf('?'));
  vi.advanceTimersByTime(50);
  const result = JSON.parse(call.parkedWith.at(-1) ?? '{}') as { requestState: string };
  return result.requestState;
}

const resume = (lot: ParkedCalls<TestCall>, name: string, requestState: string) =>
  lot.resume(requestOf(name, { requestState }), createInProcessReply());

test('a call whose client does not return in time is cancelled, and its state has expired', () => {
  const lot = lotOf({ ttlMs: 60_000 });
  const [early, late] = [callOf('early'), callOf('late')];
  const state = park(lot, early);
  vi.advanceTimersByTime(30_000);
  const lateState = park(lot, late);
  vi.advanceTimersByTime(30_000);
  expect(early.cancelled).toEqual(['the client did not come back with what the server asked']);
  expect(late.cancelled).toEqual([]);
  expect(() => resume(lot, 'early', state)).toThrow(/expired/);
  expect(resume(lot, 'late', lateState)).toBe(late);
  expect(lot.size).toBe(0);
});

test('the longest waiting call of a connector gives way before those of others', () => {
  const lot = lotOf({ maxPerConnector: 2 });
  const other = callOf('other', 'd');
  park(lot, other);
  const calls = ['one', 'two', 'three'].map((name) => callOf(name));
  for (const call of calls) park(lot, call);
  expect(calls.map(({ cancelled }) => cancelled.length)).toEqual([1, 0, 0]);
  expect(other.cancelled).toEqual([]);
});

test('all together are bounded too', () => {
  const lot = lotOf({ maxCalls: 2 });
  const calls = ['a', 'b', 'c'].map((id) => callOf(id, id));
  for (const call of calls) park(lot, call);
  expect(calls.map(({ cancelled }) => cancelled.length)).toEqual([1, 0, 0]);
});

test('a question that the server takes back before the client is asked is not asked', () => {
  const lot = lotOf();
  const call = callOf('c');
  const question = questionOf('?');
  lot.forCall(call).ask(question);
  question.withdraw();
  vi.advanceTimersByTime(50);
  expect(call.parkedWith).toEqual([]);
});

test('a question that comes while the client is away waits for its return', () => {
  const lot = lotOf();
  const call = callOf('c');
  const parking = lot.forCall(call);
  parking.ask(questionOf('first'));
  vi.advanceTimersByTime(50);
  parking.ask(questionOf('second'));
  vi.advanceTimersByTime(50);
  expect(call.parkedWith).toHaveLength(1);
  const { requestState } = JSON.parse(call.parkedWith[0] ?? '') as { requestState: string };
  const inputResponses = { 'question-1': { action: 'cancel' } };
  lot.resume(requestOf('c', { requestState, inputResponses }), createInProcessReply());
  vi.advanceTimersByTime(50);
  expect(call.parkedWith[1]).toContain('second');
  expect(call.parkedWith[1]).not.toContain('first');
});

test('a call that is over is not parked, and no timer is left', () => {
  const lot = lotOf();
  const call = callOf('c');
  const parking = lot.forCall(call);
  parking.ask(questionOf('?'));
  call.done = true;
  parking.close();
  expect(vi.getTimerCount()).toBe(0);
  park(lot, callOf('d'));
  lot.close();
  expect([lot.size, vi.getTimerCount()]).toEqual([0, 0]);
});

test('a state of another process, owner or request opens nothing', () => {
  const states = createRequestStates();
  const binding = { method: 'tools/call', name: 'a', connectorId: undefined, owner: 'ann' };
  const state = states.seal('call-1', binding);
  expect(states.open(state, binding)).toBe('call-1');
  for (const other of [
    { ...binding, owner: 'bob' },
    { ...binding, name: 'b' },
    { ...binding, method: 'prompts/get' },
    { ...binding, connectorId: 'c' },
  ]) {
    expect(states.open(state, other)).toBeUndefined();
  }
  expect(createRequestStates().open(state, binding)).toBeUndefined();
  expect(states.open(state.replace('call-1', 'call-2'), binding)).toBeUndefined();
  expect(states.open('', binding)).toBeUndefined();
});
