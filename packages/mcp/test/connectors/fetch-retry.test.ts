import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import {
  DEFAULT_FETCH_RETRY_POLICY,
  fetchWithRetries,
  isPassing,
  retryWaitMs,
  type FetchRetryOptions,
} from '../../src/connectors/entry/fetch-retry.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/upstream/upstream-error.ts';
import { advance, useFakeTime } from './fake-time.ts';

useFakeTime();

const policy = DEFAULT_FETCH_RETRY_POLICY;

function failure(code: UpstreamErrorCode, more: object = {}): UpstreamError {
  return new UpstreamError(code, code, { connectorId: 'c', phase: 'connect', ...more });
}

const refused = failure('CONNECT_FAILED', {
  cause: Object.assign(new Error('no'), { code: 'ECONNREFUSED' }),
});

const asked = (retryAfterMs: number): UpstreamError =>
  failure('HTTP_STATUS', { httpStatus: 429, retryAfterMs });

/** Runs attempts that fail as listed and then succeed; remembers when each began. */
function rig(failures: readonly Error[], more: Partial<FetchRetryOptions> = {}) {
  const startedAt: number[] = [];
  const abort = new AbortController();
  const beganAtMs = performance.now();
  let retries = 0;
  const run = fetchWithRetries(
    async () => {
      const error = failures[startedAt.length];
      startedAt.push(performance.now() - beganAtMs);
      if (error !== undefined) throw error;
      return await Promise.resolve('manifest');
    },
    {
      policy,
      deadlineMs: 60_000,
      overdue: () => failure('TIMEOUT'),
      random: () => 0.5,
      signals: [abort.signal],
      retrying: () => {
        retries += 1;
      },
      ...more,
    },
  );
  // The end may come before anybody waits for it.
  run.catch(() => undefined);
  return { run, startedAt, abort, retries: () => retries };
}

test('fetchWithRetries() asks again after failures that pass, with full jitter that doubles (M6)', async () => {
  const { run, startedAt, retries } = rig([refused, failure('STREAM_CUT')]);
  await advance(1_000);
  expect(await run).toBe('manifest');
  expect(startedAt).toEqual([0, 100, 300]);
  expect(retries()).toBe(2);
});

test('fetchWithRetries() stops after maxRetries and throws the last failure', async () => {
  const last = failure('HTTP_STATUS', { httpStatus: 503 });
  const { run, startedAt } = rig([refused, refused, last, refused]);
  await advance(10_000);
  await expect(run).rejects.toBe(last);
  expect(startedAt.length).toBe(3);
});

test.each<[string, UpstreamError]>([
  ['a bad configuration', failure('CONFIG_INVALID', { phase: 'config' })],
  ['401', failure('UNAUTHORIZED', { httpStatus: 401 })],
  ['403', failure('UNAUTHORIZED', { httpStatus: 403 })],
  ['404', failure('HTTP_STATUS', { httpStatus: 404 })],
  ['501', failure('HTTP_STATUS', { httpStatus: 501 })],
  ['nonsense', failure('BAD_RESPONSE')],
  ['too much', failure('TOO_LARGE')],
  ['an error of the protocol', failure('RPC_ERROR', { rpcCode: -32_603 })],
  ['a process that ended', failure('PROCESS_EXITED', { phase: 'spawn' })],
  ['our own end', failure('CLOSED')],
  [
    'a name that does not exist',
    failure('CONNECT_FAILED', { cause: Object.assign(new Error('x'), { code: 'ENOTFOUND' }) }),
  ],
  [
    'a private address',
    failure('CONNECT_FAILED', {
      cause: Object.assign(new Error('x'), { code: 'ENDPOINT_PRIVATE' }),
    }),
  ],
  ['a certificate', failure('CONNECT_FAILED')],
])('fetchWithRetries() never repeats %s', async (_name, error) => {
  const { run, startedAt } = rig([error]);
  await expect(run).rejects.toBe(error);
  expect(startedAt.length).toBe(1);
});

test.each<[string, UpstreamError]>([
  ['a refused connection', refused],
  ['a connection that is not accepted in time', failure('CONNECT_TIMEOUT')],
  ['a reset', failure('STREAM_CUT')],
  ['a lost session', failure('SESSION_LOST')],
  ['a short timeout', failure('TIMEOUT')],
  ['408', failure('HTTP_STATUS', { httpStatus: 408 })],
  ['429', failure('HTTP_STATUS', { httpStatus: 429 })],
  ['500', failure('HTTP_STATUS', { httpStatus: 500 })],
  ['503', failure('HTTP_STATUS', { httpStatus: 503 })],
])('isPassing() knows %s', (_name, error) => {
  expect(isPassing(error)).toBe(true);
});

test('isPassing() is false for what is no failure of a connector', () => {
  expect(isPassing(new TypeError('bug'))).toBe(false);
});

test('retryWaitMs() adds jitter to Retry-After, and leaves a long one to the next refresh', () => {
  const options = { policy, random: () => 0.5 };
  expect(retryWaitMs(asked(1_000), 1, options)).toBe(1_100);
  expect(retryWaitMs(asked(1_001), 1, options)).toBeUndefined();
  expect(retryWaitMs(refused, policy.maxRetries, { policy, random: () => 0 })).toBe(0);
  expect(retryWaitMs(refused, policy.maxRetries + 1, options)).toBeUndefined();
});

test('fetchWithRetries() does not begin a wait that would outlast the deadline', async () => {
  const { run, startedAt } = rig([refused, refused], { deadlineMs: 150 });
  await advance(1_000);
  await expect(run).rejects.toBe(refused);
  expect(startedAt).toEqual([0, 100]);
});

test('fetchWithRetries() ends an attempt that outlasts the deadline', async () => {
  const overdue = failure('TIMEOUT');
  const abort = new AbortController();
  const run = fetchWithRetries(
    async (signal) => {
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => reject(failure('CANCELLED')));
      return await promise;
    },
    {
      policy,
      deadlineMs: 5_000,
      overdue: () => overdue,
      random: () => 0,
      signals: [abort.signal],
      retrying: () => undefined,
    },
  );
  run.catch(() => undefined);
  await advance(5_000);
  await expect(run).rejects.toBe(overdue);
});

test('fetchWithRetries() does not repeat an attempt that hung', async () => {
  let attempts = 0;
  const slow = failure('TIMEOUT');
  const run = fetchWithRetries(
    async () => {
      attempts += 1;
      await advance(policy.maxAttemptMs + 1);
      throw slow;
    },
    {
      policy,
      deadlineMs: 60_000,
      overdue: () => failure('TIMEOUT'),
      random: () => 0,
      signals: [new AbortController().signal],
      retrying: () => undefined,
    },
  );
  await expect(run).rejects.toBe(slow);
  expect(attempts).toBe(1);
});

test('fetchWithRetries() ends at once with its signal, also while it waits', async () => {
  const { run, startedAt, abort } = rig([refused, refused]);
  await advance(10);
  const reason = new Error('removed');
  abort.abort(reason);
  await expect(run).rejects.toBe(reason);
  expect(startedAt.length).toBe(1);
  const early = rig([refused], { signals: [AbortSignal.abort(reason)] });
  await expect(early.run).rejects.toBe(reason);
});

test('fetchWithRetries() ends with any of its signals, and listens to none of them after that', async () => {
  const lasting = new AbortController();
  const closing = new AbortController();
  const { run } = rig([refused, refused], { signals: [lasting.signal, closing.signal] });
  await advance(10);
  const reason = new Error('closed');
  closing.abort(reason);
  await expect(run).rejects.toBe(reason);
  expect(getEventListeners(lasting.signal, 'abort')).toEqual([]);
});
