import { expect, test, vi } from 'vitest';
import {
  createNotificationStream,
  type NotificationStream,
  type StreamAttempt,
  type StreamListener,
} from '../../src/upstream/streamable-http/notification-stream.ts';
import {
  DEFAULT_STREAM_POLICY,
  type StreamPolicy,
} from '../../src/upstream/streamable-http/notification-stream-policy.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';
import { AT_ONCE } from './at-once.ts';

useFakeTime();

const LOST = new UpstreamError('HTTP_STATUS', 'gone', { connectorId: 'a', phase: 'ready' });

interface Attempt extends StreamAttempt {
  readonly listener: StreamListener;
  readonly startedAtMs: number;
  closed: boolean;
}

interface Kept {
  readonly stream: NotificationStream;
  readonly attempts: Attempt[];
  readonly events: string[];
  readonly last: () => Attempt;
}

function keep(
  onStart: (attempt: Attempt) => void = () => undefined,
  policy: StreamPolicy = AT_ONCE,
): Kept {
  const attempts: Attempt[] = [];
  const events: string[] = [];
  const stream = createNotificationStream({
    createAttempt: (listener) => {
      const attempt: Attempt = {
        listener,
        startedAtMs: performance.now(),
        closed: false,
        start: () => onStart(attempt),
        close: () => {
          attempt.closed = true;
        },
      };
      attempts.push(attempt);
      return attempt;
    },
    reopened: () => events.push('reopened'),
    lost: () => events.push('lost'),
    random: () => 0.5,
    policy,
  });
  return {
    stream,
    attempts,
    events,
    last: () => {
      const attempt = attempts.at(-1);
      if (attempt === undefined) throw new Error('nothing was tried');
      return attempt;
    },
  };
}

test('open() tries once, however often it is called', () => {
  const { stream, attempts, last } = keep();
  stream.open();
  stream.open();
  expect(stream.isOpen).toBe(false);
  last().listener.opened();
  stream.open();
  expect(attempts).toHaveLength(1);
  expect(stream.isOpen).toBe(true);
  stream.close();
  expect(last().closed).toBe(true);
  expect(stream.isOpen).toBe(false);
});

test('open() waits for firstDelayMs and jitter, so that no first pass pays for streams', async () => {
  const { stream, attempts, last } = keep(undefined, DEFAULT_STREAM_POLICY);
  stream.open();
  stream.open();
  expect(vi.getTimerCount()).toBe(1);
  await advance(1_499);
  expect(attempts).toHaveLength(0);
  await advance(1);
  expect(attempts).toHaveLength(1);
  last().listener.opened();
  expect(stream.isOpen).toBe(true);
  stream.close();
});

test('close() before firstDelayMs is over leaves no timer and opens nothing', async () => {
  const { stream, attempts } = keep(undefined, DEFAULT_STREAM_POLICY);
  stream.open();
  stream.close();
  expect(vi.getTimerCount()).toBe(0);
  stream.open();
  await advance(10_000);
  expect(attempts).toHaveLength(0);
});

test('a stream that ends is opened again, and only then is a change supposed', async () => {
  const { stream, attempts, events, last } = keep();
  stream.open();
  last().listener.opened();
  expect(events).toEqual([]);
  last().listener.ended({ kind: 'ended' });
  expect(stream.isOpen).toBe(false);
  await advance(999);
  expect(attempts).toHaveLength(1);
  await advance(1_001);
  expect(attempts).toHaveLength(2);
  last().listener.opened();
  last().listener.opened();
  expect(events).toEqual(['reopened']);
  stream.close();
});

test('a stream that could not be had at first supposes a change when it is up', async () => {
  const { stream, events, last } = keep();
  stream.open();
  last().listener.ended({ kind: 'ended', retryAfterMs: 2_000 });
  await advance(2_500);
  expect(events).toEqual([]);
  await advance(2_500);
  last().listener.opened();
  expect(events).toEqual(['reopened']);
  stream.close();
});

test.for(['declined', 'lost'] as const)(
  'a server that never had the stream is not asked again: %s',
  (kind) => {
    const { stream, attempts, events, last } = keep();
    stream.open();
    last().listener.ended({ kind, error: LOST });
    expect(vi.getTimerCount()).toBe(0);
    stream.open();
    expect(attempts).toHaveLength(1);
    expect(events).toEqual([]);
  },
);

test('a server that had the stream is asked again after it declined', async () => {
  const { stream, attempts, last } = keep();
  stream.open();
  last().listener.opened();
  last().listener.ended({ kind: 'ended' });
  await advance(2_000);
  last().listener.ended({ kind: 'declined' });
  await advance(5_000);
  expect(attempts).toHaveLength(3);
  stream.close();
});

test('a session that is lost after the stream was up is reported, and the stream is over', async () => {
  const { stream, attempts, events, last } = keep();
  stream.open();
  last().listener.opened();
  last().listener.ended({ kind: 'ended' });
  await advance(2_000);
  last().listener.ended({ kind: 'lost', error: LOST });
  expect(events).toEqual(['lost']);
  expect(vi.getTimerCount()).toBe(0);
  expect(attempts).toHaveLength(2);
});

test('close() while it waits ends the wait, and late reports change nothing', async () => {
  const { stream, attempts, events, last } = keep();
  stream.open();
  const first = last();
  first.listener.opened();
  first.listener.ended({ kind: 'ended' });
  expect(vi.getTimerCount()).toBe(1);
  stream.close();
  stream.close();
  expect(vi.getTimerCount()).toBe(0);
  first.listener.opened();
  first.listener.ended({ kind: 'ended' });
  await advance(600_000);
  expect(attempts).toHaveLength(1);
  expect(events).toEqual([]);
});

test('a graceful close with `retry: 1` makes no storm: five attempts, then one in five minutes', async () => {
  const { stream, attempts } = keep(({ listener }) => {
    listener.opened();
    listener.retry(1);
    listener.ended({ kind: 'ended' });
  });
  stream.open();
  await advance(60_000);
  expect(attempts).toHaveLength(5);
  const gaps = attempts.slice(1).map((one, i) => one.startedAtMs - (attempts[i]?.startedAtMs ?? 0));
  for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(1_000);
  await advance(3_600_000);
  expect(attempts.length).toBeGreaterThanOrEqual(16);
  expect(attempts.length).toBeLessThanOrEqual(18);
  stream.close();
});

test('fifty reconnects hold one timer at a time, one attempt at a time, and nothing at the end', async () => {
  const { stream, attempts, events, last } = keep();
  stream.open();
  for (let turn = 0; turn < 50; turn += 1) {
    expect(vi.getTimerCount()).toBe(0);
    last().listener.opened();
    await advance(31_000);
    last().listener.ended({ kind: 'ended' });
    expect(vi.getTimerCount()).toBe(1);
    await advance(2_000);
    expect(attempts).toHaveLength(turn + 2);
  }
  expect(events).toHaveLength(49);
  stream.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(last().closed).toBe(true);
});
