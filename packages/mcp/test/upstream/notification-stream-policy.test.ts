import { expect, test } from 'vitest';
import {
  DEFAULT_STREAM_POLICY,
  createReconnectPace,
  type ReconnectPace,
  type StreamLife,
} from '../../src/upstream/streamable-http/notification-stream-policy.ts';

const highest = (): number => 0.999_999;
const lowest = (): number => 0;

function pace(random: () => number): ReconnectPace {
  return createReconnectPace(random, DEFAULT_STREAM_POLICY);
}

function after(livedMs: number | undefined, more: Partial<StreamLife> = {}): StreamLife {
  return { livedMs, retryMs: undefined, retryAfterMs: undefined, ...more };
}

function delays(one: ReconnectPace, lives: readonly StreamLife[]): number[] {
  return lives.map((life) => Math.round(one.delayMs(life)));
}

test('delayMs() grows with every short life, from the floor to the cap', () => {
  const short = Array.from({ length: 8 }, () => after(5_000));
  expect(delays(pace(highest), short)).toEqual([
    2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
  ]);
  expect(delays(pace(lowest), short)).toEqual(Array(8).fill(1_000));
});

test('delayMs() begins anew after a steady life', () => {
  const lives = [after(5_000), after(5_000), after(30_000), after(5_000)];
  expect(delays(pace(highest), lives)).toEqual([2_000, 4_000, 2_000, 4_000]);
});

test('delayMs() rests five minutes from the fifth quick failure in a row on', () => {
  const lives = Array.from({ length: 7 }, () => after(undefined));
  expect(delays(pace(lowest), lives)).toEqual([
    1_000, 1_000, 1_000, 1_000, 270_000, 270_000, 270_000,
  ]);
  expect(delays(pace(highest), lives).slice(3)).toEqual([16_000, 330_000, 330_000, 330_000]);
});

test('delayMs() counts only quick failures in a row', () => {
  const lives = [undefined, 10, undefined, 999, 1_000, undefined, 10, 10, 10, 10];
  const found = delays(
    pace(lowest),
    lives.map((livedMs) => after(livedMs)),
  );
  expect(found.map((ms) => ms >= 270_000)).toEqual([...Array(9).fill(false), true]);
});

test('delayMs() minds `retry:` between the floor and half the cap, and spreads above it', () => {
  const asked = [1, 3_000, 20_000, 3_600_000];
  const lives = asked.map((retryMs) => after(60_000, { retryMs }));
  expect(delays(pace(lowest), lives)).toEqual([1_000, 3_000, 20_000, 30_000]);
  expect(delays(pace(highest), lives)).toEqual([2_000, 6_000, 40_000, 60_000]);
});

test('delayMs() adds Retry-After, as far as it is believed', () => {
  const lives = [7_000, 86_400_000].map((retryAfterMs) => after(undefined, { retryAfterMs }));
  expect(delays(pace(lowest), lives)).toEqual([8_000, 301_000]);
});
