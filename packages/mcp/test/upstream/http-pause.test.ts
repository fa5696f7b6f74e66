import { getEventListeners } from 'node:events';
import { expect, test, vi } from 'vitest';
import { pauseFor } from '../../src/upstream/streamable-http/http-pause.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';

useFakeTime();

test('pauseFor() waits and leaves no listener', async () => {
  const { signal } = new AbortController();
  let over = false;
  const pause = (async () => {
    await pauseFor(1_000, signal);
    over = true;
  })();
  await advance(999);
  expect(over).toBe(false);
  await advance(1);
  await pause;
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('pauseFor() ends with its signal and leaves no timer', async () => {
  const control = new AbortController();
  const pause = pauseFor(1_000, control.signal);
  control.abort();
  await pause;
  expect(vi.getTimerCount()).toBe(0);
  await pauseFor(1_000, control.signal);
  expect(vi.getTimerCount()).toBe(0);
});
