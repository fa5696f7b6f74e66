import { expect, test } from 'vitest';
import { CallHistory, NO_CALLS } from '../../src/observability/call-history.ts';
import { createInstruments, type Instruments } from '../../src/observability/instruments.ts';
import {
  createWatchedInstruments,
  type CreateConnectorInstruments,
} from '../../src/observability/watched-instruments.ts';

const SLICE_MS = 5_000;

function clock(): { now: () => number; pass(ms: number): void } {
  let at = 1_000_000;
  return {
    now: () => at,
    pass: (ms) => {
      at += ms;
    },
  };
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test('CallHistory has 60 slices of five seconds, the one under way last', () => {
  const time = clock();
  const history = new CallHistory(time.now);
  history.add(false, 10);
  history.add(true, 10);
  time.pass(SLICE_MS);
  history.add(false, 100);
  const series = history.series();
  expect(series.bucketMs).toBe(SLICE_MS);
  expect(series.calls).toHaveLength(60);
  expect(series.calls.slice(-3)).toEqual([0, 2, 1]);
  expect(series.errors.slice(-3)).toEqual([0, 1, 0]);
  expect(series.p50Ms.slice(-3)).toEqual([null, expect.any(Number), expect.any(Number)]);
  expect(series.p50Ms.slice(0, 58)).toEqual(Array.from({ length: 58 }, () => null));
});

test('CallHistory moves on while nobody calls, and forgets after five minutes', () => {
  const time = clock();
  const history = new CallHistory(time.now);
  history.add(true, 10);
  time.pass(3 * SLICE_MS);
  expect(history.series().calls.slice(-5)).toEqual([0, 1, 0, 0, 0]);
  expect(history.series().p95Ms.slice(-5)).toEqual([null, expect.any(Number), null, null, null]);
  time.pass(56 * SLICE_MS);
  expect(history.series().calls.indexOf(1)).toBe(0);
  time.pass(SLICE_MS);
  expect(history.series()).toMatchObject({ calls: NO_CALLS.calls.concat(Array(60).fill(0)) });
  history.add(false, 1);
  time.pass(1_000 * SLICE_MS);
  const { calls, errors, p50Ms } = history.series();
  expect([...calls, ...errors].every((one) => one === 0)).toBe(true);
  expect(p50Ms.every((one) => one === null)).toBe(true);
});

test('pulse() is over the slice under way and the one before', () => {
  const time = clock();
  const history = new CallHistory(time.now);
  expect(history.pulse()).toEqual({
    callsPerSecond: 0,
    errorsPerSecond: 0,
    p50Ms: null,
    p95Ms: null,
  });
  for (let call = 0; call < 10; call += 1) history.add(call < 5, 20);
  expect(history.pulse()).toMatchObject({ callsPerSecond: 2, errorsPerSecond: 1 });
  time.pass(SLICE_MS);
  expect(history.pulse()).toMatchObject({ callsPerSecond: 2, errorsPerSecond: 1 });
  expect(history.pulse().p50Ms).not.toBeNull();
  time.pass(SLICE_MS - 1);
  expect(history.pulse().callsPerSecond).toBe(1);
  time.pass(1);
  expect(history.pulse()).toMatchObject({ callsPerSecond: 0, p50Ms: null });
});

test.each([0.05, 0.5, 7, 90, 1_500, 65_000])(
  'quantiles around %d ms are known to a quarter',
  (middleMs) => {
    const random = seeded(7);
    const time = clock();
    const history = new CallHistory(time.now);
    const all = Array.from({ length: 5_000 }, () => middleMs * (0.5 + random()));
    for (const ms of all) history.add(false, ms);
    const sorted = all.toSorted((a, b) => a - b);
    const { p50Ms, p95Ms } = history.pulse();
    for (const [q, seen] of [
      [0.5, p50Ms],
      [0.95, p95Ms],
    ] as const) {
      const exact = sorted[Math.floor(q * sorted.length)] ?? Number.NaN;
      // Below 0.064 ms there is one cell; two decimals are told.
      expect(Math.abs((seen ?? Number.NaN) - exact)).toBeLessThanOrEqual(exact * 0.25 + 0.064);
    }
  },
);

test('CallHistory takes durations that no call can have', () => {
  const history = new CallHistory(clock().now);
  for (const ms of [0, -5, 1e12, Number.NaN, Infinity]) history.add(false, ms);
  expect(history.series().calls.at(-1)).toBe(5);
  expect(history.pulse().p95Ms).toBeGreaterThan(1_000_000);
});

function instruments(create?: CreateConnectorInstruments): Instruments {
  return createInstruments(
    {
      connectors: () => [],
      catalogLists: () => ({}),
      callsInFlight: () => 0,
      sessions: () => 0,
      draining: () => false,
      pools: () => [],
    },
    create,
  );
}

test('createWatchedInstruments() counts what the server did badly as errors, and calls in the metrics all the same', async () => {
  const watched = instruments(createWatchedInstruments(clock().now));
  const one = watched.connector('one');
  expect(one.history).toBeUndefined();
  for (const result of ['ok', 'cancelled', 'error', 'timeout', 'failed', 'unavailable'] as const) {
    one.toolCallEnded(result, 5);
  }
  const series = watched.find('one')?.history?.series();
  expect([series?.calls.at(-1), series?.errors.at(-1)]).toEqual([6, 4]);
  const text = await watched.registry.getSingleMetricAsString('mcp_tool_call_duration_seconds');
  expect(text).toContain('mcp_tool_call_duration_seconds_count{connector="one",outcome="ok"} 1');
  expect(watched.find('two')).toBeUndefined();
});

test('createWatchedInstruments() remembers nothing of a connector that is gone, nor without a page', () => {
  const watched = instruments(createWatchedInstruments());
  const one = watched.connector('one');
  one.toolCallEnded('ok', 5);
  watched.prune();
  expect(watched.find('one')).toBeUndefined();
  one.toolCallEnded('ok', 5);
  expect(one.history).toBeUndefined();
  const plain = instruments().connector('one');
  plain.toolCallEnded('ok', 5);
  expect(plain.history).toBeUndefined();
});

test('createWatchedInstruments() remembers 10,000 connectors, and another when one has gone', () => {
  const metrics = instruments();
  const create = createWatchedInstruments(clock().now);
  // Bound to one series: it is the histories that are counted.
  const all = Array.from({ length: 10_001 }, () => create('same', metrics));
  for (const one of all) one.toolCallEnded('ok', 1);
  expect(all.filter(({ history }) => history !== undefined)).toHaveLength(10_000);
  all[0]?.retire();
  all[10_000]?.toolCallEnded('ok', 1);
  expect(all[10_000]?.history).toBeDefined();
});
