import type { ComparedRow, LoadTable } from './load-table.ts';
import { readingOf, type BenchTable, type Reading, type Target } from './report.ts';

/** Memory of the processes behind one candidate, after its rounds. */
export interface PoolMemory {
  readonly processes: number;
  readonly megabytes: number;
}

export interface PoolFigures {
  readonly table: BenchTable;
  readonly readings: Readonly<Record<string, Reading>>;
  readonly targets: readonly Target[];
}

/** S1-43: what a pool may hold on top of the one process. */
const MAX_OVERHEAD_MB = 200;
/** S1-43: what it has to gain. */
const WANTED_GAIN = 10;
/** Of what as many processes as there are could gain. */
const EFFICIENCY = 0.9;

export interface PoolRow {
  readonly row: ComparedRow;
  /** By candidate; `one` is what the others are held against. */
  readonly memory: ReadonlyMap<string, PoolMemory>;
}

/** Gain and memory of each pool beside the one process; `one` is that candidate's name, `waiting` the row with targets. */
export function poolFigures(
  { paired }: LoadTable,
  rows: readonly PoolRow[],
  { one, waiting }: { readonly one: string; readonly waiting: string },
): PoolFigures {
  const readings: Record<string, Reading> = {};
  const cells: string[][] = [];
  const targets: Target[] = [];
  for (const { row, memory } of rows) {
    const base = memory.get(one)?.megabytes ?? Number.NaN;
    for (const [who, { processes, megabytes }] of memory) {
      const gain = paired(row.name, 'perSecond', [who, one]);
      const overhead = megabytes - base;
      cells.push([
        row.name,
        who,
        String(processes),
        gain.toFixed(2),
        megabytes.toFixed(0),
        overhead.toFixed(0),
      ]);
      if (who === one) continue;
      readings[`${row.name}.${who}.gain`] = readingOf([gain], '×');
      readings[`${row.name}.${who}.overheadMb`] = readingOf([overhead], 'MB');
      if (row.name === waiting) targets.push(...targetsOf(who, { processes, gain, overhead }));
    }
  }
  return {
    table: {
      title: 'gain and memory of a pool (S1-43)',
      headings: ['load', 'who', 'processes', '× calls/s', 'their memory MB', 'on top of one MB'],
      rows: cells,
    },
    readings,
    targets,
  };
}

interface Pooled {
  readonly processes: number;
  readonly gain: number;
  readonly overhead: number;
}

function targetsOf(who: string, { processes, gain, overhead }: Pooled): readonly Target[] {
  const large = processes > WANTED_GAIN;
  const wanted = large ? WANTED_GAIN : EFFICIENCY * processes;
  const gained: Target = {
    what: `calls a second of a server that waits, ${who} against one${large ? ' (S1-43)' : ''}`,
    wanted: `≥ ${wanted.toFixed(1)} ×`,
    measured: `${gain.toFixed(2)} ×`,
    met: gain >= wanted,
  };
  // A pool for the whole gain holds that many runtimes: its memory is in the table, and depends on the server alone.
  if (large) return [gained];
  return [
    gained,
    {
      what: `memory on top of one process, ${who} (S1-43)`,
      wanted: `< ${MAX_OVERHEAD_MB} MB`,
      measured: `${overhead.toFixed(0)} MB`,
      met: overhead < MAX_OVERHEAD_MB,
    },
  ];
}
