import { expect, test } from 'vitest';
import { tracedPass, tracedSync } from '../../src/connectors/entry/traced-sync.ts';
import { createTraced, UNTRACED } from '../../src/observability/traced-work.ts';
import { notedTracing } from './noted-tracing.ts';

const failure = (value: number) => (value > 1 ? 'E_LARGE' : undefined);
const failing = async () => await Promise.reject(new TypeError('no'));

test('createTraced() ends its span with the work: well, by what it gave, or by what it threw', async () => {
  const { tracing, spans } = notedTracing();
  const traced = createTraced(tracing);
  expect(await traced('a', async () => await Promise.resolve(1))).toBe(1);
  await traced('b', async () => await Promise.resolve(2), { failure, attributes: { x: 1 } });
  await expect(traced('c', failing)).rejects.toThrow('no');
  expect(spans.map(({ name, ended }) => [name, ended])).toEqual([
    ['a', 'ok'],
    ['b', 'E_LARGE'],
    ['c', 'TypeError'],
  ]);
  expect(spans[1]?.attributes).toEqual({ x: 1 });
});

test('without tracing work is just done', async () => {
  expect(await UNTRACED('a', async () => await Promise.resolve(1))).toBe(1);
  const outcome = { kind: 'disabled', id: 'c' } as const;
  expect(await tracedSync('c')(async () => await Promise.resolve(outcome))).toBe(outcome);
  const report = { durationMs: 1, outcomes: [] };
  expect(await tracedPass(undefined, async () => await Promise.resolve(report))).toBe(report);
});
