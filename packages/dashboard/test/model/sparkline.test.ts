import { expect, test } from 'vitest';
import { sparkline } from '../../src/model/sparkline.ts';

const box = { width: 30, height: 22 };

function latency(
  p50Ms: readonly number[],
  calls: readonly number[],
  errors: readonly number[] = [],
) {
  return { p50Ms, p95Ms: p50Ms.map((one) => one * 2), calls, errors, bucketMs: 5000 };
}

test('sparkline() draws both lines on the scale of the slowest', () => {
  const drawn = sparkline(latency([5, 10, 0, 10], [1, 1, 1, 1]), box);
  expect(drawn.topMs).toBe(20);
  expect(drawn.p50).toBe('M0 16L10 11L20 21L30 11');
  expect(drawn.p95).toBe('M0 11L10 1L20 21L30 1');
});

test('sparkline() leaves a gap where nothing was called, and draws a slice alone as a dot', () => {
  const drawn = sparkline(latency([5, 5, 5, 5], [1, 0, 1, 0]), box);
  expect(drawn.p50).toBe('M0 11L0 11M20 11L20 11');
});

test('sparkline() marks slices with errors', () => {
  expect(sparkline(latency([1, 1, 1, 1], [1, 1, 1, 1], [0, 2, 0, 1]), box).errors).toEqual([
    10, 30,
  ]);
});

test('sparkline() of nothing is empty', () => {
  const drawn = sparkline(latency([0, 0, 0], [0, 0, 0]), box);
  expect(drawn).toMatchObject({ p50: '', p95: '', errors: [] });
  expect(sparkline(latency([], []), box).p50).toBe('');
});
