import { expect, test } from 'vitest';
import { diffBaselines, diffCells, directionOf, isEmpty } from '../../src/proof/baseline-diff.ts';
import { record } from './proof-records.ts';

function verdictOf(before: object, after: object, name = 'calls.p95Ms'): string | undefined {
  const [a, b] = [before, after].map((metric) => record({ [name]: { value: 0, ...metric } }));
  if (a === undefined || b === undefined) return undefined;
  return diffBaselines(a, b, 0.1).rows[0]?.verdict;
}

test.each([
  ['worse above threshold', { value: 100 }, { value: 115 }, 'worse'],
  ['same within threshold', { value: 100 }, { value: 109 }, 'same'],
  ['same within noise', { value: 100, noise: 0.1 }, { value: 120, noise: 0.1 }, 'same'],
  ['worse beyond noise', { value: 100, noise: 0.1 }, { value: 130, noise: 0.1 }, 'worse'],
  ['better below', { value: 100 }, { value: 80 }, 'better'],
  ['too small to be measured', { value: 0.1 }, { value: 0.14 }, 'same'],
  ['worse, however fast it was', { value: 0.34 }, { value: 0.83 }, 'worse'],
  ['worse, whatever the noise', { value: 10, noise: 0.7 }, { value: 20, noise: 0.8 }, 'worse'],
  ['same within the most that noise counts', { value: 10, noise: 0.7 }, { value: 13.4 }, 'same'],
  ['gone, which is not passed', { value: 10 }, { value: 'unknown' }, 'gone'],
  ['unknown, never zero', { value: 'unknown' }, { value: 5 }, 'unknown'],
  ['from zero', { value: 0 }, { value: 5 }, 'worse'],
])('diffBaselines() says %s (S3-16, S1-28)', (_what, before, after, expected) => {
  expect(verdictOf(before, after)).toBe(expected);
});

test('diffBaselines() knows which way is good, and that pauses below 5 ms are allowed', () => {
  expect(verdictOf({ value: 100 }, { value: 50 }, 'probe.unpacedPerSecond')).toBe('worse');
  expect(verdictOf({ value: 100 }, { value: 50 }, 'calls.perSecond')).toBe('shown');
  expect(verdictOf({ value: 90 }, { value: 50 }, 'cache.hitRatio')).toBe('worse');
  expect(verdictOf({ value: 0.2 }, { value: 4 }, 'loop.p99Ms')).toBe('same');
  expect(verdictOf({ value: 0.2 }, { value: 40 }, 'loop.p99Ms')).toBe('worse');
  expect(directionOf('connector.perSecond.pssBytes')).toBe('lower');
  expect(directionOf('something.new')).toBe('none');
});

const megabytes = (value: number | 'unknown') => ({
  value: value === 'unknown' ? value : value * 1e6,
  unit: 'bytes' as const,
});

const verdicts = (pss: number | 'unknown') =>
  diffBaselines(
    record({ 'gateway.rssBytes': megabytes(100), 'gateway.pssBytes': megabytes(pss) }),
    record({ 'gateway.rssBytes': megabytes(900), 'gateway.pssBytes': megabytes(pss) }),
    0.1,
  ).rows.map(({ verdict }) => verdict);

test('diffBaselines() judges what the gateway adds, and resident memory where the exact figure is not known', () => {
  expect(verdictOf({ value: 0.1 }, { value: 10 }, 'calls.overheadMs')).toBe('worse');
  expect(verdictOf({ value: 0.1 }, { value: 10 }, 'connector.x.overheadMs')).toBe('worse');
  expect(verdicts('unknown')).toEqual(['worse', 'unknown']);
  expect(verdicts(80)).toEqual(['shown', 'same']);
});

test('diffBaselines() fails on a figure that is no longer measured, but not on what may be missing by chance', () => {
  const judged = (before: Metrics, after: Metrics) => {
    const { failed, rows } = diffBaselines(record(before), record(after), 0.1);
    return [failed, rows.find(({ verdict }) => verdict === 'gone')?.name];
  };
  type Metrics = Parameters<typeof record>[0];
  const rest = { 'connector.x.perSecond': { value: 1 } };
  const p99 = { 'calls.p99Ms': { value: 1 } };
  expect(judged({ ...p99, ...rest }, rest)).toEqual([true, 'calls.p99Ms']);
  const own = { 'connector.x.p99Ms': { value: 1 } };
  expect(judged({ ...own, ...rest }, rest)).toEqual([true, 'connector.x.p99Ms']);
  // Nobody called it; it is no longer configured; nothing was synced meanwhile.
  expect(judged({ ...own, ...rest }, { 'connector.x.perSecond': { value: 0 } })[0]).toBe(false);
  expect(judged(own, p99)[0]).toBe(false);
  const chance = { 'syncs.p95Ms': { value: 9 }, 'connector.x.sync.p95Ms': { value: 9 } };
  expect(judged({ ...chance, ...rest }, rest)[0]).toBe(false);
});

const busy = (value: number) => ({ 'machine.busyShare': { value, unit: 'ratio' as const } });

test('diffBaselines() fails on a figure that is worse and on a broken budget, and says what differs (S3-17)', () => {
  const before = record({ 'calls.p95Ms': { value: 10 }, gone: { value: 1 } });
  const row = { what: 'resource read', percentile: 'p95', limitMs: 3, source: 'bench' } as const;
  const over = diffBaselines(
    before,
    record({ 'calls.p95Ms': { value: 10 } }, { budget: [{ ...row, measuredMs: 4 }] }),
    0.1,
  );
  expect(over).toMatchObject({ failed: true, onlyBefore: ['gone'], budget: [{ verdict: 'fail' }] });
  const unknown = diffBaselines(
    before,
    record({ 'calls.p95Ms': { value: 10 } }, { budget: [{ ...row, measuredMs: 'unknown' }] }),
    0.1,
  );
  expect(unknown).toMatchObject({ failed: false, budget: [{ verdict: 'unknown' }] });
  const other = record(busy(0.9), {
    restarted: true,
    probe: { tool: 'x', ratePerSecond: 5 },
    service: { ...before.service, node: 'v22.0.0' },
  });
  expect(diffBaselines(record(busy(0.1)), other, 0.1).warnings).toEqual([
    'the service was restarted while the second was taken: its figures are of less time',
    'the probes differ: figures of calls are of different calls',
    "the machine was 10 % busy, then 90 %: differences may be others' doing",
    'Node was v26.0.0 and is v22.0.0',
  ]);
});

const mebibytes = (value: number) => ({ value: value * 1_048_576, unit: 'bytes' as const });

test('diffCells() writes figures with units; isEmpty() finds what says nothing', () => {
  const { rows } = diffBaselines(
    record({ 'total.pssBytes': mebibytes(100), none: { value: 0 }, new: { value: 'unknown' } }),
    record({ 'total.pssBytes': mebibytes(85), none: { value: 0 }, new: { value: 'unknown' } }),
    0.1,
  );
  expect(rows.map(isEmpty)).toEqual([false, true, true]);
  const [first] = rows;
  expect(first && diffCells(first)).toEqual([
    'total.pssBytes',
    '100 MiB',
    '85 MiB',
    '−15 %',
    '±10 %',
    'better',
  ]);
});
