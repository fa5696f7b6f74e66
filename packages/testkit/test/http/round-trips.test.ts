import { expect, test } from 'vitest';
import { createUpstreamCounter } from '../../src/upstream-counter.ts';

test('roundTrips counts requests that waited for one another, not those that came together', () => {
  const { exchange, snapshot } = createUpstreamCounter();
  const together = [exchange(), exchange()];
  expect(snapshot().roundTrips).toBe(1);
  for (const answered of together) answered();
  const next = exchange();
  expect(snapshot().roundTrips).toBe(2);
  exchange();
  expect(snapshot().roundTrips).toBe(2);
  next();
  exchange();
  expect(snapshot().roundTrips).toBe(3);
});
