import { array, assert, asyncProperty, integer } from 'fast-check';
import { expect, test } from 'vitest';
import { createQuotaGate, createQuotaGates } from '../../src/guards/quota.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';

useFakeTime();

test('admit() lets a quota be used up, then says when the first place is free again', async () => {
  const gate = createQuotaGate({ perMinute: 2 });
  const startedAtMs = performance.now();
  expect(gate.admit()).toBeUndefined();
  await advance(20_000);
  expect(gate.admit()).toBeUndefined();
  const refusal = gate.admit();
  expect(refusal?.message).toBe('the quota of 2 calls a minute is used up');
  const retryAfterMs = refusal?.retryAfterMs ?? 0;
  expect(retryAfterMs).toBeGreaterThan(40_000);
  expect(retryAfterMs).toBeLessThanOrEqual(41_000);
  await advance(retryAfterMs - 1);
  expect(gate.admit()).toBeDefined();
  await advance(1);
  expect(gate.admit()).toBeUndefined();
  // The second call was 20 s after the first: its place is not free yet.
  expect(performance.now() - startedAtMs).toBeLessThan(62_000);
  expect(gate.admit()).toBeDefined();
});

test('admit() names what is used up for longest, and does not count what it refuses', async () => {
  const gate = createQuotaGate({ perMinute: 1, perHour: 2, perDay: 10 });
  gate.admit();
  const first = gate.admit()?.retryAfterMs ?? 0;
  expect(first).toBeGreaterThan(60_000 - 1);
  expect(first).toBeLessThanOrEqual(61_000);
  await advance(first);
  expect(gate.admit()).toBeUndefined();
  const second = gate.admit();
  expect(second?.message).toBe('the quota of 2 calls an hour is used up');
  await advance(second?.retryAfterMs ?? 0);
  expect(gate.admit()).toBeUndefined();
});

test('admit() gives no second quota at the edge of a window (B7.12)', async () => {
  const gate = createQuotaGate({ perMinute: 100 });
  const burst = (): number =>
    Array.from({ length: 100 }, () => gate.admit()).filter((refusal) => refusal === undefined)
      .length;
  await advance(59_999);
  expect(burst()).toBe(100);
  // A window that is counted from the start of the minute, or from the first call, would begin anew here.
  await advance(2);
  expect(burst()).toBe(0);
  await advance(59_000);
  expect(burst()).toBe(0);
  await advance(1_999);
  expect(burst()).toBe(100);
});

test('whatever the pattern of calls, no stretch of a minute holds more than the quota, and none is refused for long', async () => {
  const gaps = array(integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 });
  await assert(
    asyncProperty(gaps, integer({ min: 1, max: 12 }), async (pattern, perMinute) => {
      const gate = createQuotaGate({ perMinute });
      const admittedAt: number[] = [];
      for (const gapMs of pattern) {
        await advance(gapMs);
        const now = performance.now();
        const inLastMinute = admittedAt.filter((at) => at > now - 60_000).length;
        const inLast61s = admittedAt.filter((at) => at > now - 61_000).length;
        const refused = gate.admit() !== undefined;
        if (!refused) admittedAt.push(now);
        expect(refused || inLastMinute < perMinute).toBe(true);
        expect(refused && inLast61s < perMinute).toBe(false);
      }
    }),
    { numRuns: 50 },
  );
});

test('a limit that is lowered counts what was admitted before, and says when it can be kept', async () => {
  const gate = createQuotaGate({ perMinute: 10 });
  for (let call = 0; call < 4; call += 1) {
    gate.admit();
    await advance(10_000);
  }
  gate.setLimits({ perMinute: 2 });
  const waitMs = gate.admit()?.retryAfterMs ?? 0;
  // Three of the four must be out of the window, the third was 20 s ago.
  expect(waitMs).toBeGreaterThanOrEqual(40_000);
  expect(waitMs).toBeLessThanOrEqual(41_000);
  await advance(waitMs);
  expect(gate.admit()).toBeUndefined();
});

test('counts are forgotten after a window without calls, however long', async () => {
  const gate = createQuotaGate({ perMinute: 1 });
  gate.admit();
  await advance(30 * 86_400_000);
  expect(gate.admit()).toBeUndefined();
  expect(gate.admit()).toBeDefined();
});

test('admit() bounds calls at a time until one is released', () => {
  const gate = createQuotaGate({ concurrent: 1 });
  expect(gate.admit()).toBeUndefined();
  expect(gate.admit()).toMatchObject({ retryAfterMs: 1_000 });
  gate.release();
  gate.release();
  expect(gate.admit()).toBeUndefined();
  expect(gate.admit()).toBeDefined();
});

test('a quota of 0 is never available', () => {
  expect(createQuotaGate({ perDay: 0 }).admit()).toMatchObject({ retryAfterMs: undefined });
  expect(createQuotaGate({ concurrent: 0 }).admit()).toMatchObject({ retryAfterMs: undefined });
});

test('createQuotaGates() keeps what a connector has used when its limits change', () => {
  const gateOf = createQuotaGates();
  gateOf('one', { perDay: 1 })?.admit();
  expect(gateOf('one', { perDay: 1, perHour: 5 })?.admit()).toBeDefined();
  expect(gateOf('two', { perDay: 1 })?.admit()).toBeUndefined();
  expect(gateOf('one', undefined)).toBeUndefined();
  expect(gateOf('one', { perDay: 2 })?.admit()).toBeUndefined();
});

test('createQuotaGates() keeps the counts of 10,000 connectors, the one added first goes', () => {
  const gateOf = createQuotaGates();
  const limits = { perDay: 1 };
  for (const id of ['one', 'two']) gateOf(id, limits)?.admit();
  for (let count = 0; count < 9_999; count += 1) gateOf(`c${count}`, limits);
  expect(gateOf('two', limits)?.admit()).toBeDefined();
  expect(gateOf('one', limits)?.admit()).toBeUndefined();
  expect(gateOf('two', limits)?.limits).toEqual(limits);
});
