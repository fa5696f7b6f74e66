import { expect, test, vi } from 'vitest';
import {
  createNotificationStream,
  type NotificationStream,
  type StreamListener,
} from '../../src/upstream/streamable-http/notification-stream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';
import { AT_ONCE } from './at-once.ts';

useFakeTime();

interface Kept {
  readonly stream: NotificationStream;
  readonly listener: () => StreamListener;
  readonly attempts: () => number;
  readonly settledAtMs: () => number | undefined;
}

/** A stream that was asked for, and when somebody who waits for it was let go. */
function asked(firstDelayMs = 0): Kept {
  const listeners: StreamListener[] = [];
  const stream = createNotificationStream({
    createAttempt: (listener) => ({
      start: () => void listeners.push(listener),
      close: () => undefined,
    }),
    reopened: () => undefined,
    lost: () => undefined,
    random: () => 0.5,
    policy: { ...AT_ONCE, firstDelayMs },
  });
  const startedAtMs = performance.now();
  let settledAtMs: number | undefined;
  if (firstDelayMs > 0) stream.open();
  stream.openNow();
  const wait = async (): Promise<void> => {
    await stream.settled();
    settledAtMs = performance.now() - startedAtMs;
  };
  void wait();
  return {
    stream,
    listener: () => listeners.at(-1) as StreamListener,
    attempts: () => listeners.length,
    settledAtMs: () => settledAtMs,
  };
}

test('a stream is settled 100 ms after its request left, should nothing come of it', async () => {
  const { stream, listener, settledAtMs } = asked();
  await advance(300);
  expect(stream.isSettled).toBe(false);
  listener().sent?.();
  await advance(99);
  expect(stream.isSettled).toBe(false);
  await advance(1);
  expect(stream.isSettled).toBe(true);
  expect(stream.isOpen).toBe(false);
  expect(settledAtMs()).toBe(400);
});

test('a stream whose request does not leave is settled after a second', async () => {
  const { stream, settledAtMs } = asked();
  await advance(999);
  expect(stream.isSettled).toBe(false);
  await advance(1);
  expect(settledAtMs()).toBe(1_000);
});

test.for([
  ['opened', (kept: Kept) => kept.listener().opened()],
  ['declined', (kept: Kept) => kept.listener().ended({ kind: 'declined' })],
  ['closed', (kept: Kept) => kept.stream.close()],
] as const)(
  'a stream that is %s is settled at once, and leaves no timer to that end',
  async ([, end]) => {
    const kept = asked();
    kept.listener().sent?.();
    await advance(5);
    end(kept);
    await advance(0);
    expect(kept.settledAtMs()).toBe(5);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('isSettled is as true without anybody who waits', async () => {
  let sent: (() => void) | undefined;
  const stream = createNotificationStream({
    createAttempt: (listener) => ({
      start: () => {
        sent = () => listener.sent?.();
      },
      close: () => undefined,
    }),
    reopened: () => undefined,
    lost: () => undefined,
    random: () => 0.5,
    policy: AT_ONCE,
  });
  expect(stream.isSettled).toBe(false);
  stream.open();
  sent?.();
  expect(vi.getTimerCount()).toBe(0);
  await advance(99);
  expect(stream.isSettled).toBe(false);
  await advance(1);
  expect(stream.isSettled).toBe(true);
  stream.close();
});

test('openNow() does not wait for the first delay, and a stream once settled stays so', async () => {
  const kept = asked(1_000);
  expect(kept.attempts()).toBe(1);
  const error = new UpstreamError('STREAM_CUT', 'gone', { connectorId: 'a', phase: 'ready' });
  kept.listener().ended({ kind: 'ended', error });
  await advance(60_000);
  expect(kept.attempts()).toBe(2);
  kept.listener().sent?.();
  kept.stream.openNow();
  expect(kept.attempts()).toBe(2);
  expect(kept.stream.isSettled).toBe(true);
  await kept.stream.settled();
  kept.stream.close();
});
