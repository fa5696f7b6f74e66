import type { Latency, Series } from './overview.ts';

/** What a sparkline draws, in a box of `width` × `height`. */
export interface Sparkline {
  /** Path of the typical call; empty when nothing was measured. */
  readonly p50: string;
  /** Path of the slow calls. */
  readonly p95: string;
  /** Where a slice had failed calls: x positions. */
  readonly errors: readonly number[];
  /** The milliseconds that the top stands for. */
  readonly topMs: number;
}

export interface Box {
  readonly width: number;
  readonly height: number;
}

/** Where a slice has a value: those without calls are gaps, not zeros. */
function known(series: Series, calls: Series, index: number): number | undefined {
  return (calls[index] ?? 0) > 0 ? series[index] : undefined;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function pathOf(points: readonly (number | undefined)[], box: Box, topMs: number): string {
  const step = box.width / Math.max(1, points.length - 1);
  const drawn: string[] = [];
  let isOpen = false;
  points.forEach((value, index) => {
    if (value === undefined) {
      isOpen = false;
      return;
    }
    const x = round(index * step);
    const y = round(box.height - 1 - (value / topMs) * (box.height - 2));
    drawn.push(`${isOpen ? 'L' : 'M'}${x} ${y}`);
    // A slice alone among gaps is a dot, which round line ends make of a line of no length.
    const isAlone = !isOpen && points[index + 1] === undefined;
    if (isAlone) drawn.push(`L${x} ${y}`);
    isOpen = true;
  });
  return drawn.join('');
}

/** The lines of the latencies, on one scale from zero to the slowest. */
export function sparkline(latency: Latency, box: Box): Sparkline {
  const { calls } = latency;
  const p50 = latency.p50Ms.map((_, index) => known(latency.p50Ms, calls, index));
  const p95 = latency.p95Ms.map((_, index) => known(latency.p95Ms, calls, index));
  const topMs = [...p50, ...p95].reduce<number>((top, one) => Math.max(top, one ?? 0), 0) || 1;
  const step = box.width / Math.max(1, calls.length - 1);
  return {
    p50: pathOf(p50, box, topMs),
    p95: pathOf(p95, box, topMs),
    errors: latency.errors.flatMap((one, index) => ((one ?? 0) > 0 ? [round(index * step)] : [])),
    topMs,
  };
}
