import { expect, test } from 'vitest';
import { diffBaselines } from '../../src/proof/baseline-diff.ts';
import type { BaselineRecord } from '../../src/proof/baseline-record.ts';
import {
  type Gate,
  gatesOf,
  type ReportInput,
  writeReport,
} from '../../src/proof/baseline-report.ts';
import { record } from './proof-records.ts';

const input = (before: BaselineRecord, after: BaselineRecord): ReportInput => ({
  before,
  after,
  diff: diffBaselines(before, after, 0.1),
});

const side = (pss: number, perSecond: number, p95Ms: number, kills = 0) =>
  record({
    'total.pssBytes': { value: pss, unit: 'bytes' },
    'probe.unpacedPerSecond': { value: perSecond, unit: 'perSecond' },
    'calls.p95Ms': { value: p95Ms },
    'calls.variation': { value: 0.05, unit: 'ratio' },
    'oom.kills': { value: kills, unit: 'count' },
  });

const verdicts = (gates: readonly Gate[]): readonly string[] => gates.map(({ verdict }) => verdict);

test('gatesOf() passes less memory, steady latency, more throughput, no OOM and no regression (S1-37)', () => {
  const gates = gatesOf(input(side(1e9, 1_000, 20), side(8e8, 1_200, 18)));
  expect(verdicts(gates)).toEqual(['pass', 'pass', 'pass', 'pass', 'pass']);
  expect(gates[0]?.figures).toContain('954 MiB → 763 MiB (−20 %)');
});

test('gatesOf() fails what got worse and leaves unknown what was not measured (S1-37)', () => {
  const failing = gatesOf(input(side(1e9, 1_000, 20), side(9.5e8, 1_050, 30, 1)));
  expect(verdicts(failing)).toEqual(['fail', 'pass', 'fail', 'fail', 'fail']);
  const nothing = gatesOf(input(record({}), record({})));
  expect(verdicts(nothing)).toEqual(['unknown', 'unknown', 'unknown', 'unknown', 'unknown']);
});

test('writeReport() has the sections of S1-36, what is wrong, and what to do', () => {
  const before = side(1e9, 1_000, 20);
  const after: BaselineRecord = {
    ...side(1e9, 1_000, 40),
    host: { thp: '[always] madvise never', units: 'unknown: there is no systemctl --user' },
    budget: [
      { what: 'simple tool call', percentile: 'p95', limitMs: 12, measuredMs: 40, source: 'probe' },
    ],
  };
  const text = writeReport(input(before, after));
  expect(text.match(/^## .*$/gm)).toEqual([
    '## Memory reduction',
    '## Latency',
    '## Throughput',
    '## Issues',
    '## Recommendations',
    '## Gates',
  ]);
  expect(text).toContain('- worse: `calls.p95Ms` 20 ms → 40 ms (+100 %)');
  expect(text).toContain('- over budget (S3-17): simple tool call, p95 40 ms, limit 12 ms');
  expect(text).toContain('- units: unknown: there is no systemctl --user');
  expect(text).toContain('Roll back, or explain each figure that got worse');
  expect(text).toContain('madvise is wanted');
  const fine = writeReport(input(side(1e9, 1_000, 20), side(8e8, 1_200, 18)));
  expect(fine).toContain('All gates pass');
  expect(fine).toContain('None found.');
});
