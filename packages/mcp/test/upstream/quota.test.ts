import { expect, test } from 'vitest';
import { createQuotaGate, createQuotaGates } from '../../src/upstream/quota.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';

useFakeTime();

test('admit() lets a window be used up, then says when the next one begins', async () => {
  const gate = createQuotaGate({ perMinute: 2 });
  expect(gate.admit()).toBeUndefined();
  await advance(20_000);
  expect(gate.admit()).toBeUndefined();
  expect(gate.admit()).toEqual({
    message: 'the quota of 2 calls a minute is used up',
    retryAfterMs: 40_000,
  });
  await advance(40_000);
  expect(gate.admit()).toBeUndefined();
});

test('admit() names the longest window that is used up, and does not count what it refuses', async () => {
  const gate = createQuotaGate({ perMinute: 1, perHour: 2, perDay: 10 });
  gate.admit();
  expect(gate.admit()?.retryAfterMs).toBe(60_000);
  await advance(60_000);
  expect(gate.admit()).toBeUndefined();
  expect(gate.admit()).toMatchObject({ retryAfterMs: 3_540_000 });
  await advance(3_540_000);
  expect(gate.admit()).toBeUndefined();
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
