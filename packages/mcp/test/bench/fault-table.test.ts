import { expect, test } from 'vitest';
import type { ProbeFault, ProbeFound } from '../../bench/lib/fault-probe.ts';
import {
  faultTable,
  probeReadings,
  probeTargets,
  summaryOf,
  type ProbeLimits,
  type ProbeRow,
} from '../../bench/lib/fault-table.ts';
import type { Outcome } from '../../bench/lib/outcome.ts';

const NOTHING: ProbeFound = {
  firstList: [],
  whole: [],
  healthy: [],
  list: [],
  broken: [],
  back: [],
};
const LIMITS: ProbeLimits = { servers: 3, firstListMs: 100, hungMs: 50, deadMs: 20, backMs: 30 };
const answered = (ms: number, servers: number = 0): Outcome => ({ kind: 'answered', ms, servers });
const silent: Outcome = { kind: 'silent', ms: 5_000 };
const failed = (ms: number, code?: string): Outcome => ({ kind: 'error', ms, what: 'gone', code });

function rowOf(fault: ProbeFault, found: Partial<ProbeFound>, name: string = 'ours'): ProbeRow {
  return { fault, name, found: { ...NOTHING, ...found } };
}

/** Whether ours meets each of its targets, by what is asked. */
function metBy(...rows: readonly ProbeRow[]): Readonly<Record<string, boolean>> {
  return Object.fromEntries(probeTargets(rows, LIMITS).map(({ what, met }) => [what, met]));
}

const ended = (...broken: readonly Outcome[]): boolean | undefined =>
  metBy(rowOf('hung', { broken }))['a call of one that is hung'];
const back = (one: Outcome): boolean | undefined =>
  metBy(rowOf('restarted', { back: [one] }))['a server that was restarted'];

test('faultTable() shows what each request got, and of how many servers lists are', () => {
  const { rows } = faultTable(
    '',
    [
      rowOf('hung', {
        healthy: [answered(2)],
        list: [answered(3, 3), answered(3, 2)],
        broken: [silent],
      }),
      rowOf('hung from the start', { notStarted: 'does not serve within 5 s' }, 'other'),
      rowOf(
        'restarted',
        { healthy: [answered(2)], list: [failed(4)], back: [failed(5_001)] },
        'other',
      ),
      rowOf('restarted', { healthy: [answered(2)], list: [answered(1, 3)], back: [answered(20)] }),
      rowOf('dead from the start', { firstList: [answered(5, 0)], whole: [answered(900, 2)] }),
      rowOf('dead from the start', { firstList: [answered(5, 1)], whole: [answered(5_000, 1)] }),
    ],
    3,
  );
  expect(rows).toEqual([
    ['hung', 'ours', '-', '2.0 ms', '3.0 ms (2 of 2), of 2 to 3 servers', 'no answer in 5 s', '-'],
    ['hung from the start', 'other', 'does not serve within 5 s', '', '', '', ''],
    ['restarted', 'other', '-', '2.0 ms', 'error after 4.0 ms: gone', '-', 'not within 5 s: gone'],
    ['restarted', 'ours', '-', '2.0 ms', '1.0 ms, of 3 servers', '-', '20 ms'],
    ['dead from the start', 'ours', '5.0 ms, of 0 servers, whole after 900 ms', '-', '-', '-', '-'],
    [
      'dead from the start',
      'ours',
      '5.0 ms, of 1 servers, not whole within 5 s',
      '-',
      '-',
      '-',
      '-',
    ],
  ]);
});

test('summaryOf() says where a gateway stalls, and also where it does not', () => {
  const rows = [
    rowOf('hung', { healthy: [answered(1)], list: [silent] }, 'other'),
    rowOf('dead', { healthy: [answered(1)], list: [failed(1)] }, 'other'),
    rowOf(
      'restarted',
      { healthy: [answered(1)], list: [answered(1, 3)], back: [failed(1)] },
      'other',
    ),
    rowOf('hung from the start', { notStarted: 'does not serve within 5 s' }, 'other'),
    rowOf('restarted', { healthy: [answered(1)], list: [answered(1, 3)], back: [answered(1)] }),
  ];
  expect(summaryOf('other', rows, 3)).toBe(
    'other: calls of others go on beside every fault; lists fail beside one dead; lists are not answered beside one hung; ' +
      'with one hung from the start it does not serve within 5 s; a server that was restarted is not called again within 5 s.',
  );
  expect(summaryOf('ours', rows, 3)).toBe(
    'ours: calls of others go on beside every fault; lists go on beside every fault; a restarted server is called again.',
  );
  const empty = rowOf('hung from the start', { healthy: [failed(1)], list: [answered(1, 0)] });
  expect(summaryOf('ours', [empty], 3)).toBe(
    'ours: calls of others fail beside one hung from the start; lists lack other servers beside one hung from the start.',
  );
  expect(summaryOf('nobody', rows, 3)).toBe('');
});

test('probeTargets() holds a first list to its wait and to all other servers', () => {
  const what = 'first list after start, one of 3 hung from the start';
  const broken = [failed(1, 'PENDING')];
  const met = (...firstList: readonly Outcome[]): boolean | undefined =>
    metBy(rowOf('hung from the start', { firstList, broken }))[what];
  expect(met(answered(100, 2))).toBe(true);
  expect(met(answered(101, 2))).toBe(false);
  expect(met(answered(1, 1))).toBe(false);
  expect(met()).toBe(false);
});

test('probeTargets() wants errors with a stable code in time, and restarted servers to work again', () => {
  expect(ended(failed(50, 'TIMEOUT'))).toBe(true);
  expect(ended(failed(51, 'TIMEOUT'))).toBe(false);
  expect(ended(failed(1))).toBe(false);
  expect(ended(failed(1, 'TIMEOUT'), silent)).toBe(false);
  expect(back(answered(30))).toBe(true);
  expect(back(answered(31))).toBe(false);
  expect(back(failed(5))).toBe(false);
});

test('probeTargets() wants every other call and list answered, and nothing where ours was not asked', () => {
  const what = 'calls of others and lists, beside all faults';
  expect(metBy(rowOf('dead', { healthy: [answered(1)], list: [answered(1, 2)] }))[what]).toBe(true);
  expect(metBy(rowOf('dead', { list: [answered(1, 1)] }))[what]).toBe(false);
  expect(metBy(rowOf('dead', { healthy: [answered(1)], list: [failed(1)] }))[what]).toBe(false);
  expect(metBy(rowOf('dead', { notStarted: 'no' }))[what]).toBe(false);
  expect(probeTargets([], LIMITS)).toEqual([]);
});

test('probeReadings() keeps the times of results apart from those of errors', () => {
  const readings = probeReadings([
    rowOf('dead', { healthy: [answered(2), answered(4)], list: [failed(9)], broken: [failed(7)] }),
  ]);
  expect(Object.keys(readings)).toEqual(['dead.ours.othersMs', 'dead.ours.errorMs']);
  expect(readings['dead.ours.othersMs']).toMatchObject({ median: 3, samples: 2, unit: 'ms' });
  expect(readings['dead.ours.errorMs']).toMatchObject({ median: 7 });
});
