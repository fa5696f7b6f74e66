import { pairedValues, undisturbed, type LoadRound } from './compare-load.ts';
import {
  readingOf,
  shown,
  spreadOf,
  type BenchTable,
  type Reading,
  type Target,
} from './report.ts';

/** What all candidates did with one load. */
export interface ComparedRow {
  readonly name: string;
  readonly rounds: ReadonlyMap<string, readonly LoadRound[]>;
}

const FIGURES = [
  ['perSecond', '1/s'],
  ['cpuUs', 'µs'],
  ['gcUs', 'µs'],
  ['p50Us', 'µs'],
  ['p95Us', 'µs'],
  ['p99Us', 'µs'],
  ['loadCpuUs', 'µs'],
  ['loadCores', ''],
  ['sharedCores', ''],
  ['failed', ''],
  ['rssMb', 'MB'],
] as const;
type Figure = (typeof FIGURES)[number][0];

function valueOf(round: LoadRound, figure: Figure): number {
  if (figure === 'perSecond') return round.calls / round.seconds;
  if (figure === 'rssMb') return round.rssBytes / 1_048_576;
  return round[figure] ?? Number.NaN;
}

/** One candidate's figures in one row, by name. */
export type RowReadings = ReadonlyMap<Figure, Reading>;

export function rowReadings(rounds: readonly LoadRound[]): RowReadings {
  const kept = undisturbed(rounds);
  return new Map(
    FIGURES.flatMap(([figure, unit]) => {
      const values = kept.map((round) => valueOf(round, figure));
      const known = values.length > 0 && !values.some((value) => Number.isNaN(value));
      return known ? [[figure, readingOf(values, unit)] as const] : [];
    }),
  );
}

/** Medians and ranges of many rows, and what can be read off them. */
export interface LoadTable {
  readonly table: BenchTable;
  readonly readings: Readonly<Record<string, Reading>>;
  /** The median of a figure; not a number where that candidate was not in that row. */
  readonly median: (row: string, candidate: string, figure: Figure) => number;
  /** The median of what `combine` makes of that figure of those candidates, round by round; not a number likewise. */
  readonly paired: (
    row: string,
    figure: Figure,
    candidates: readonly string[],
    combine?: (values: readonly number[]) => number,
  ) => number;
}

/** The first to the second. */
const quotient = ([one = Number.NaN, other = Number.NaN]: readonly number[]): number => one / other;

const HEADINGS = [
  'load',
  'who',
  'calls/s',
  'cpu µs/call',
  '× proxy',
  'gc µs/call',
  'p50 µs',
  'p95 µs',
  'p99 µs',
  'load µs/call',
  'load cores',
  '+ servers',
  'rss MB',
  'failed',
  'rounds',
];

function cellsOf(
  [row, candidate]: readonly [string, string],
  rounds: readonly LoadRound[],
  baseCpuUs: number,
): string[] {
  const figures = rowReadings(rounds);
  const text = (figure: Figure, digits: number = 0): string => {
    const reading = figures.get(figure);
    return reading === undefined ? '-' : shown(reading, digits);
  };
  const { median = Number.NaN, samples = 0 } = figures.get('cpuUs') ?? {};
  const ratio = median / baseCpuUs;
  return [
    row,
    candidate,
    text('perSecond'),
    text('cpuUs', 1),
    Number.isNaN(ratio) ? '-' : ratio.toFixed(2),
    text('gcUs', 1),
    text('p50Us'),
    text('p95Us'),
    text('p99Us'),
    text('loadCpuUs', 1),
    figures.get('loadCores')?.median.toFixed(2) ?? '-',
    figures.get('sharedCores')?.median.toFixed(2) ?? '-',
    text('rssMb'),
    text('failed'),
    `${samples} of ${rounds.length}`,
  ];
}

/** Figures that a comparison of two records takes as shares of the reference's. */
const COMPARED: ReadonlySet<Figure> = new Set(['cpuUs', 'p50Us', 'perSecond']);

/** Who else is one where the table's reference was not measured in a row. */
const OTHER_REFERENCES = ['relay', 'proxy', 'direct'] as const;

/** The readings of one row by their full names, with their ratios to the reference of the row. */
function namedReadings({ name, rounds }: ComparedRow, reference: string): [string, Reading][] {
  const to = [reference, ...OTHER_REFERENCES].find((one) => rounds.has(one));
  return [...rounds].flatMap(([candidate, all]) =>
    [...rowReadings(all)].map(([figure, reading]): [string, Reading] => {
      const full = `${name}.${candidate}.${figure}`;
      if (to === undefined || to === candidate || !COMPARED.has(figure)) return [full, reading];
      const ratios = pairedValues(rounds, [candidate, to], (pair) =>
        quotient(pair.map((round) => valueOf(round, figure))),
      ).filter((value) => Number.isFinite(value));
      return [
        full,
        ratios.length === 0 ? reading : { ...reading, ratio: { to, ...spreadOf(ratios) } },
      ];
    }),
  );
}

/** `reference` is the candidate whose processor time is 1 in the column of ratios. */
export function loadTable(
  title: string,
  rows: readonly ComparedRow[],
  reference: string = 'proxy',
): LoadTable {
  const readings: Record<string, Reading> = {};
  const cells: string[][] = [];
  for (const row of rows) {
    const { name, rounds } = row;
    for (const [full, reading] of namedReadings(row, reference)) readings[full] = reading;
    const base = readings[`${name}.${reference}.cpuUs`]?.median ?? Number.NaN;
    for (const [candidate, all] of rounds) cells.push(cellsOf([name, candidate], all, base));
  }
  const headings = HEADINGS.map((heading) => heading.replace('proxy', reference));
  return {
    table: { title, headings, rows: cells },
    readings,
    median: (row, candidate, figure) =>
      readings[`${row}.${candidate}.${figure}`]?.median ?? Number.NaN,
    paired(row, figure, candidates, combine = quotient) {
      const found = rows.find(({ name }) => name === row)?.rounds ?? new Map();
      const values = pairedValues(found, candidates, (pair) =>
        combine(pair.map((round) => valueOf(round, figure))),
      );
      return values.length === 0 ? Number.NaN : spreadOf(values).median;
    },
  };
}

/** A limit on a ratio; a ratio that was not measured gives no target. */
export function ratioTarget(
  what: string,
  ratio: number,
  bound: { readonly atMost: number } | { readonly atLeast: number },
): readonly Target[] {
  if (Number.isNaN(ratio)) return [];
  const measured = `${ratio.toFixed(2)} ×`;
  return 'atMost' in bound
    ? [{ what, wanted: `≤ ${bound.atMost} ×`, measured, met: ratio <= bound.atMost }]
    : [{ what, wanted: `≥ ${bound.atLeast} ×`, measured, met: ratio >= bound.atLeast }];
}
