import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { BoundHistogram } from '../../src/observability/bound-histogram.ts';

const DECLARED = {
  name: 'a_seconds',
  help: 'What it takes.',
  labelNames: ['connector', 'outcome'],
  buckets: [0.01, 0.1, 1],
} as const;

test('a BoundHistogram is scraped as one of prom-client with the same observations (S4-35)', async () => {
  const [ours, theirs] = [new Registry(), new Registry()];
  const bound = new BoundHistogram({ ...DECLARED, registers: [ours] });
  const plain = new Histogram({
    ...DECLARED,
    labelNames: [...DECLARED.labelNames],
    buckets: [...DECLARED.buckets],
    registers: [theirs],
  });
  const same = async (): Promise<void> => {
    expect(await ours.metrics()).toBe(await theirs.metrics());
  };
  await same();
  const ok = bound.bind('a"b', 'ok');
  const failed = bound.bind('a"b', 'failed');
  for (const seconds of [0, 0.01, 0.0100001, 0.5, 1, 2, 600]) {
    ok.observe(seconds);
    plain.observe({ connector: 'a"b', outcome: 'ok' }, seconds);
  }
  await same();
  failed.observe(5);
  plain.observe({ connector: 'a"b', outcome: 'failed' }, 5);
  await same();
  ok.remove();
  plain.remove('a"b', 'ok');
  await same();
  ok.observe(0.05);
  plain.observe({ connector: 'a"b', outcome: 'ok' }, 0.05);
  await same();
  ours.resetMetrics();
  theirs.resetMetrics();
  await same();
});

test('a series of a BoundHistogram is not shown before it was observed', async () => {
  const registry = new Registry();
  const bound = new BoundHistogram({ ...DECLARED, registers: [registry] });
  bound.bind('a', 'ok');
  expect(await registry.metrics()).not.toContain('connector');
  expect(() => new BoundHistogram({ ...DECLARED, registers: [registry] })).toThrow('already been');
});
