import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRestartGate } from '../../src/upstream/stdio/stdio-restart.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

test('the first start is never held back', () => {
  expect(createRestartGate(() => 1).remainingMs()).toBe(0);
});

test('the bound of the wait doubles from 250 ms to 30 s', () => {
  const gate = createRestartGate(() => 1);
  const waits = Array.from({ length: 10 }, () => {
    gate.failed(0);
    return gate.remainingMs();
  });
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('jitter is full: from nothing up to the bound', () => {
  const draws = [0, 0.5];
  const gate = createRestartGate(() => draws.shift() ?? 0);
  gate.failed(0);
  expect(gate.remainingMs()).toBe(0);
  gate.failed(0);
  expect(gate.remainingMs()).toBe(250);
});

test('the wait passes with time', () => {
  const gate = createRestartGate(() => 1);
  gate.failed(0);
  vi.advanceTimersByTime(200);
  expect(gate.remainingMs()).toBe(50);
  vi.advanceTimersByTime(100);
  expect(gate.remainingMs()).toBe(0);
});

test('60 s of life earn a clean slate', () => {
  const gate = createRestartGate(() => 1);
  for (let n = 0; n < 5; n += 1) gate.failed(0);
  gate.failed(59_999);
  expect(gate.remainingMs()).toBe(8000);
  gate.failed(60_000);
  expect(gate.remainingMs()).toBe(250);
});
