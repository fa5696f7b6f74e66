import { cpus } from 'node:os';
import type { ComparedRow } from './load-table.ts';
import { rowReadings } from './load-table.ts';

/** A share of what there is above which it counts as full. */
const FULL = 0.9;

/** Cores that load and servers have together: all but the subject's. */
const OTHER_CORES = Math.max(1, cpus().length - 1);

interface Busy {
  readonly where: string;
  readonly load: number;
  readonly shared: number;
}

function busyOf(rows: readonly ComparedRow[]): readonly Busy[] {
  return rows.flatMap(({ name, rounds }) =>
    [...rounds].map(([who, all]) => {
      const figures = rowReadings(all);
      const of = (figure: 'loadCores' | 'sharedCores'): number =>
        figures.get(figure)?.median ?? Number.NaN;
      return { where: `${name} (${who})`, load: of('loadCores'), shared: of('sharedCores') };
    }),
  );
}

/** How many times as many calls the same load got out of the server alone, in the row where that is least. */
function leastHeadroom(rows: readonly ComparedRow[], who: string): string | undefined {
  const found = rows.flatMap(({ name, rounds }) => {
    const [direct, one] = ['direct', who].map((candidate) => {
      const all = rounds.get(candidate);
      return all === undefined ? Number.NaN : (rowReadings(all).get('perSecond')?.median ?? 0);
    });
    const ratio = (direct ?? Number.NaN) / (one ?? Number.NaN);
    return Number.isNaN(ratio) ? [] : [{ name, ratio }];
  });
  const [least] = found.toSorted((a, b) => a.ratio - b.ratio);
  if (least === undefined) return undefined;
  return (
    `The same load gets ${least.ratio.toFixed(2)} × as many calls a second or more from the servers alone as through ` +
    `\`${who}\` (least in ${least.name}).`
  );
}

/**
 * What the figures say of the load itself: whether it, or the core it shares with the servers, was what held the calls up.
 * `otherCores` is how many cores load and servers have; by default those that are not the subject's.
 */
export function loadNotes(
  rows: readonly ComparedRow[],
  who: string = 'ours',
  otherCores: number = OTHER_CORES,
): readonly string[] {
  const busy = busyOf(rows).filter(({ load }) => !Number.isNaN(load));
  if (busy.length === 0) return [];
  const most = busy.reduce((a, b) => (b.load > a.load ? b : a));
  const bottleneck = busy.filter(({ load }) => load > FULL).map(({ where }) => where);
  const full = busy.filter(({ shared }) => shared > FULL * otherCores).map(({ where }) => where);
  const ownFull = full.filter((where) => where.endsWith(`(${who})`)).length;
  return [
    `Load: one thread, busy for at most ${most.load.toFixed(2)} of a core (${most.where}); ` +
      (bottleneck.length === 0
        ? 'it was the bottleneck in no row.'
        : `above ${FULL} it is the bottleneck: ${bottleneck.join('; ')}.`),
    ...[leastHeadroom(rows, who)].filter((note) => note !== undefined),
    full.length === 0
      ? `Load and servers filled the cores they share (${otherCores}) in no row.`
      : `Load and servers together filled the cores they share (${otherCores}) in ${full.length} of ${busy.length} cases, ` +
        `${ownFull} of them \`${who}\`: calls a second and latencies there are those of a full machine and say little of the ` +
        `subject, whose processor time is its own. ${full.join('; ')}.`,
  ];
}
