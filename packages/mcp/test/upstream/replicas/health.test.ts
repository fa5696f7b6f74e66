import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { isUnwell, ReplicaHealth } from '../../../src/upstream/replicas/health.ts';
import { Replica } from '../../../src/upstream/replicas/replica.ts';
import { createUnavailableUpstream } from '../../../src/connectors/entry/unavailable-upstream.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../../src/upstream/upstream-error.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }));
afterEach(() => void vi.useRealTimers());

const error = (code: UpstreamErrorCode, httpStatus?: number): UpstreamError =>
  new UpstreamError(code, code, {
    connectorId: 'one',
    phase: 'ready',
    ...(httpStatus !== undefined && { httpStatus }),
  });

function fail(health: ReplicaHealth, times: number): void {
  for (let done = 0; done < times; done += 1) health.failed();
}

test('ReplicaHealth ejects after 5 failures in a row, and an answer in between starts the count anew', () => {
  const health = new ReplicaHealth(() => 0);
  fail(health, 4);
  health.succeeded();
  fail(health, 4);
  expect(health.state).toBe('in');
  health.failed();
  expect(health.state).toBe('out');
  expect(health.waitMs).toBe(30_000);
});

test('ReplicaHealth: an ejection lasts 30 s, each further one longer, at most 300 s, with jitter', () => {
  const health = new ReplicaHealth(() => 1);
  fail(health, 5);
  vi.advanceTimersByTime(32_999);
  expect(health.state).toBe('out');
  vi.advanceTimersByTime(1);
  expect(health.state).toBe('due');
  health.failed();
  expect(health.waitMs).toBe(66_000);
  for (let times = 0; times < 20; times += 1) {
    vi.advanceTimersByTime(330_000);
    health.failed();
  }
  expect(health.waitMs).toBe(330_000);
  vi.advanceTimersByTime(330_000);
  health.succeeded();
  expect(health.state).toBe('in');
});

test('ReplicaHealth forgets earlier ejections once it has been well for as long as the last one lasted', () => {
  const health = new ReplicaHealth(() => 0);
  fail(health, 5);
  vi.advanceTimersByTime(30_000);
  health.succeeded();
  fail(health, 5);
  expect(health.waitMs).toBe(60_000);
  vi.advanceTimersByTime(60_000);
  health.succeeded();
  vi.advanceTimersByTime(60_001);
  health.succeeded();
  fail(health, 5);
  expect(health.waitMs).toBe(30_000);
});

test.each([
  ['CONNECT_FAILED', undefined, true],
  ['TIMEOUT', undefined, true],
  ['STREAM_CUT', undefined, true],
  ['HTTP_STATUS', 503, true],
  ['HTTP_STATUS', 404, false],
  ['UNAUTHORIZED', 401, false],
  ['RPC_ERROR', undefined, false],
  ['QUOTA_EXCEEDED', undefined, false],
  ['CANCELLED', undefined, false],
] as const)('isUnwell(%s %s) is %s', (code, status, expected) => {
  expect(isUnwell(error(code, status))).toBe(expected);
});

test('isUnwell() of something that is no UpstreamError is false', () => {
  expect(isUnwell(new Error('a defect'))).toBe(false);
});

test('Replica.latencyAt() rises at once and falls with time, calls or none', () => {
  const upstream = createUnavailableUpstream(error('CLOSED'));
  const replica = new Replica(upstream, { key: 'a', name: 'a', weight: 1 }, () => 0);
  replica.answered(10, 1_000);
  replica.answered(400, 1_000);
  expect(replica.latencyAt(1_000)).toBe(400);
  replica.answered(10, 1_000);
  expect(replica.latencyAt(1_000)).toBe(400);
  expect(replica.latencyAt(11_000)).toBeCloseTo(400 / Math.E);
  replica.answered(10, 11_000);
  expect(replica.latencyAt(11_000)).toBeCloseTo(400 / Math.E);
  replica.answered(200, 11_000);
  expect(replica.latencyAt(11_000)).toBe(200);
  expect(replica.latencyAt(61_000)).toBeLessThan(2);
});
