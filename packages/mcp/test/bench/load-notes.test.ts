import { expect, test } from 'vitest';
import { callRows, rowName } from '../../bench/lib/call-rows.ts';
import type { LoadRound } from '../../bench/lib/compare-load.ts';
import { flatMemory } from '../../bench/lib/flat-memory.ts';
import { loadNotes } from '../../bench/lib/load-notes.ts';
import { loadTable, type ComparedRow } from '../../bench/lib/load-table.ts';
import { poolFigures } from '../../bench/lib/pool-table.ts';

const MB = 1_048_576;

function round(perSecond: number, more: Partial<LoadRound> = {}): LoadRound {
  return {
    calls: perSecond,
    failed: 0,
    seconds: 1,
    p50Us: 100,
    p95Us: 200,
    p99Us: 300,
    maxUs: 400,
    loadCpuUs: 10,
    cpuUs: 50,
    gcUs: 0,
    rssBytes: 100 * MB,
    foreignCores: 0,
    loadCores: 0.3,
    sharedCores: 0.6,
    ...more,
  };
}

const row = (name: string, ours: LoadRound, direct: LoadRound): ComparedRow => ({
  name,
  rounds: new Map([
    ['ours', [ours, ours, ours]],
    ['direct', [direct, direct, direct]],
  ]),
});

test('loadNotes() says in which rows the load, or the core it shares, was full', () => {
  const calm = row('a', round(10_000), round(30_000));
  const full = row('b', round(10_000), round(20_000, { loadCores: 0.5, sharedCores: 0.97 }));
  const notes = loadNotes([calm, full], 'ours', 1);
  expect(notes[0]).toContain(
    'busy for at most 0.50 of a core (b (direct)); it was the bottleneck in no row',
  );
  expect(notes[1]).toContain('2.00 × as many calls a second or more from the servers alone');
  expect(notes[2]).toContain('in 1 of 4 cases, 0 of them `ours`');
  expect(notes[2]).toContain('b (direct)');
  expect(loadNotes([calm], 'ours', 1)[2]).toContain('in no row');
  const held = row('c', round(10_000, { loadCores: 0.95 }), round(10_000));
  expect(loadNotes([held], 'ours', 1)[0]).toContain('it is the bottleneck: c (ours)');
});

function growing(growMb: number): LoadRound[] {
  return Array.from({ length: 28 }, (_, at) => round(300, { rssBytes: (150 + at * growMb) * MB }));
}

test('flatMemory() misses its target when memory grows with the calls, and has none for a few rounds', () => {
  expect(flatMemory('1 MB', growing(0))).toMatchObject([{ met: true, measured: '150 → 150 MB' }]);
  expect(flatMemory('1 MB', growing(1)), 'within what the collector keeps').toMatchObject([
    { met: true },
  ]);
  expect(flatMemory('1 MB', growing(4))).toMatchObject([{ met: false, measured: '182 → 258 MB' }]);
  expect(flatMemory('1 MB', growing(4).slice(0, 8))).toEqual([]);
  const sawtooth = Array.from({ length: 28 }, (_, at) =>
    round(300, { rssBytes: (100 + (at % 5) * 20) * MB }),
  );
  expect(flatMemory('1 MB', sawtooth)).toMatchObject([{ met: true, measured: '180 → 180 MB' }]);
});

const inAll = (path: string, what: string): string[] =>
  [1, 32, 256].map((inFlight) => `${path}, ${what}, ${inFlight} in flight`);

test('callRows() has every size at 1, 32 and 256 in flight that is asked for, each once (S3-14)', () => {
  const names = callRows(false).map(rowName);
  expect(new Set(names).size).toBe(names.length);
  const sameEra = ['modern→modern', 'legacy→legacy'];
  const others = ['legacy→modern', 'modern→legacy', 'modern→stdio', 'legacy→stdio'];
  const sizes = ['10 KB', '100 KB', '1 MB'];
  for (const path of [...sameEra, ...others]) {
    expect(names).toEqual(expect.arrayContaining(inAll(path, '0.5 KB')));
    for (const size of sizes) {
      expect(names).toEqual(expect.arrayContaining(inAll(path, `${size} result`)));
    }
  }
  for (const path of sameEra) {
    for (const size of sizes) {
      expect(names).toEqual(expect.arrayContaining(inAll(path, `${size} arguments`)));
    }
  }
  for (const path of sameEra) {
    for (const size of ['10 KB', '100 KB', '1 MB']) {
      expect(names).toContain(`${path}, ${size} result, 8 in flight`);
      expect(names).toContain(`${path}, ${size} arguments, 8 in flight`);
    }
  }
});

test('poolFigures() holds gain and memory of a pool against one process (S1-43)', () => {
  const rounds = new Map([
    ['one', [round(50), round(50), round(50)]],
    ['four', [round(190), round(190), round(190)]],
    ['twelve', [round(450), round(450), round(450)]],
  ]);
  const waits: ComparedRow = { name: 'waits', rounds };
  const memory = new Map([
    ['one', { processes: 1, megabytes: 30 }],
    ['four', { processes: 4, megabytes: 250 }],
    ['twelve', { processes: 12, megabytes: 360 }],
  ]);
  const { table, targets, readings } = poolFigures(
    loadTable('pool', [waits], 'one'),
    [{ row: waits, memory }],
    { one: 'one', waiting: 'waits' },
  );
  expect(table.rows).toContainEqual(['waits', 'four', '4', '3.80', '250', '220']);
  expect(readings['waits.four.gain']).toMatchObject({ median: 3.8 });
  expect(targets.map(({ wanted, met }) => [wanted, met])).toEqual([
    ['≥ 3.6 ×', true],
    ['< 200 MB', false],
    ['≥ 10.0 ×', false],
  ]);
});
