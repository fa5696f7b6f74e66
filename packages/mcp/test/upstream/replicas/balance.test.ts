import { expect, test } from 'vitest';
import { createBalance, type Candidate } from '../../../src/upstream/replicas/balance.ts';

interface Named extends Candidate {
  readonly name: string;
  inFlight: number;
  latencyMs: number;
}

const named = (name: string, changes: Partial<Named> = {}): Named => ({
  name,
  weight: 1,
  inFlight: 0,
  latencyMs: 0,
  ...changes,
});

test('S2-17 round-robin takes them in turn, and a newcomer at once', () => {
  const choose = createBalance<Named>('round-robin');
  const [a, b, c] = [named('a'), named('b'), named('c')];
  const taken = [a, a, a, a].map(() => choose([a, b])?.name);
  expect(taken).toEqual(['a', 'b', 'a', 'b']);
  expect(choose([a, b, c])?.name).toBe('c');
  expect(choose([])).toBeUndefined();
});

test('S2-17 weighted keeps to the weights and spreads them smoothly', () => {
  const choose = createBalance<Named>('weighted');
  const all = [named('a', { weight: 5 }), named('b'), named('c')];
  const taken = Array.from({ length: 14 }, () => choose(all)?.name).join('');
  expect(taken).toBe('aabacaaaabacaa');
});

test('S2-17 least-in-flight counts calls for each unit of weight', () => {
  const choose = createBalance<Named>('least-in-flight');
  const busy = named('busy', { inFlight: 2 });
  const big = named('big', { inFlight: 3, weight: 4 });
  expect(choose([busy, big])?.name).toBe('big');
  big.inFlight = 9;
  expect(choose([busy, big])?.name).toBe('busy');
});

test('S2-17 ewma prefers the one that answers soonest for the calls it has, and tries the unknown first', () => {
  const choose = createBalance<Named>('ewma');
  const quick = named('quick', { latencyMs: 10 });
  const slow = named('slow', { latencyMs: 100 });
  expect(choose([slow, quick])?.name).toBe('quick');
  quick.inFlight = 10;
  expect(choose([slow, quick])?.name).toBe('slow');
  expect(choose([slow, quick, named('new')])?.name).toBe('new');
});
