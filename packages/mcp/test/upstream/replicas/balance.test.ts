import { expect, test } from 'vitest';
import { createUnavailableUpstream } from '../../../src/connectors/entry/unavailable-upstream.ts';
import { createBalance, type Candidate } from '../../../src/upstream/replicas/balance.ts';
import { Replica } from '../../../src/upstream/replicas/replica.ts';
import { UpstreamError } from '../../../src/upstream/upstream-error.ts';

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
  latencyAt() {
    return this.latencyMs;
  },
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

/** A replica of which nothing is known but how long its calls took. */
function replicaCalled(name: string): Replica {
  const closed = new UpstreamError('CLOSED', 'closed', { connectorId: 'c', phase: 'ready' });
  return new Replica(createUnavailableUpstream(closed), { key: name, name, weight: 1 }, () => 0);
}

test('S2-17 ewma comes back to a replica that was slow once, and leaves it alone while it still is', () => {
  let nowMs = 1_000_000;
  const choose = createBalance<Replica>('ewma', () => nowMs);
  const [a, b] = [replicaCalled('a'), replicaCalled('b')];
  a.answered(5, nowMs);
  b.answered(2_000, nowMs);
  /** Calls of each in so many seconds, 20 a second; all of them take `bMs` at b. */
  const callsIn = (seconds: number, bMs: number): number => {
    let atB = 0;
    for (let call = 0; call < seconds * 20; call += 1) {
      nowMs += 50;
      const chosen = choose([a, b]);
      if (chosen === b) atB += 1;
      chosen?.answered(chosen === b ? bMs : 5, nowMs);
    }
    return atB;
  };
  expect(callsIn(30, 5), 'what was slow a moment ago is left alone').toBe(0);
  expect(callsIn(60, 2_000), 'and after some time asked once').toBe(1);
  expect(callsIn(60, 5), 'and as it answers quickly again it has its share').toBeGreaterThan(100);
});

test('S2-17 the clock is read for a choice by latency only', () => {
  let read = 0;
  const now = (): number => (read += 1);
  for (const balance of ['round-robin', 'weighted', 'least-in-flight'] as const) {
    expect(createBalance<Named>(balance, now)([named('a')])?.name).toBe('a');
  }
  expect(read).toBe(0);
  createBalance<Named>('ewma', now)([named('a'), named('b')]);
  expect(read).toBe(1);
});
