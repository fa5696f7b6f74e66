import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { histogramOf, type Sample, samplesOf, type Scrape, sumOf } from './exposition.ts';
import type { ReadConnector, ServiceReading } from './service-reading.ts';

const CALLS = 'mcp_tool_call_duration_seconds';
const SYNCS = 'mcp_connector_sync_duration_seconds_count';
/** Counters of the service itself that are kept. */
const TOTALS = [
  'process_cpu_seconds_total',
  'mcp_gc_pause_seconds_sum',
  'mcp_event_loop_stalled_seconds_total',
];
/** Connectors that are kept; those of a service with more begin anew each time. */
const MAX_CONNECTORS = 10_000;
const MAX_BYTES = 16 * 1_048_576;

type Counts = Readonly<Record<string, number>>;

/** A connector as it is kept. */
interface Kept {
  readonly pids: readonly number[];
  readonly losses?: number | undefined;
  readonly asleep: boolean;
  /** Calls by outcome; calls that took at most so many seconds; syncs by outcome. */
  readonly calls: Counts;
  readonly within: Counts;
  readonly syncs: Counts;
}

/** What one reading has to leave behind for the next process that looks, and no more. */
export interface MonitorMark {
  readonly format: 1;
  /** Which service was asked. */
  readonly of: string;
  /** By the wall clock. */
  readonly atMs: number;
  readonly pid: number;
  readonly startedAt: string;
  readonly totals: Counts;
  readonly connectors: Readonly<Record<string, Kept>>;
}

const counts = z.record(z.string(), z.number());
const markSchema: z.ZodType<MonitorMark> = z.object({
  format: z.literal(1),
  of: z.string(),
  atMs: z.number(),
  pid: z.number(),
  startedAt: z.string(),
  totals: counts,
  connectors: z.record(
    z.string(),
    z.object({
      pids: z.array(z.number()),
      losses: z.number().optional(),
      asleep: z.boolean(),
      calls: counts,
      within: counts,
      syncs: counts,
    }),
  ),
});

function byLabel(
  metrics: Scrape,
  name: string,
  label: string,
  connector: string,
): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { labels, value } of samplesOf(metrics, name, { connector })) {
    const key = labels[label] ?? '';
    found[key] = (found[key] ?? 0) + value;
  }
  return found;
}

function keptOf(metrics: Scrape, { id, pids, asleep, losses }: ReadConnector): Kept {
  const { bounds = [], counts: within = [] } = histogramOf(metrics, CALLS, { connector: id }) ?? {};
  return {
    pids,
    asleep,
    ...(losses !== undefined && { losses }),
    calls: byLabel(metrics, `${CALLS}_count`, 'outcome', id),
    within: Object.fromEntries(bounds.map((bound, index) => [String(bound), within[index] ?? 0])),
    syncs: byLabel(metrics, SYNCS, 'outcome', id),
  };
}

/** @param of which service it is. @param nowMs by the wall clock. */
export function monitorMark(of: string, reading: ServiceReading, nowMs: number): MonitorMark {
  const { metrics, pid, startedAt, connectors } = reading;
  return {
    format: 1,
    of,
    atMs: nowMs,
    pid,
    startedAt,
    totals: Object.fromEntries(
      TOTALS.flatMap((name) => {
        const value = sumOf(metrics, name);
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    connectors: Object.fromEntries(
      connectors.slice(0, MAX_CONNECTORS).map((one) => [one.id, keptOf(metrics, one)]),
    ),
  };
}

/** Samples by the name of their series, as they are put together. */
class Series {
  readonly all = new Map<string, Sample[]>();

  add(name: string, value: number, labels: Readonly<Record<string, string>> = {}): void {
    const samples = this.all.get(name);
    if (samples === undefined) this.all.set(name, [{ labels, value }]);
    else samples.push({ labels, value });
  }
}

function seriesOf({ totals, connectors }: MonitorMark): Series {
  const series = new Series();
  for (const [name, value] of Object.entries(totals)) series.add(name, value);
  for (const [connector, kept] of Object.entries(connectors)) {
    for (const [outcome, value] of Object.entries(kept.calls)) {
      series.add(`${CALLS}_count`, value, { connector, outcome });
    }
    for (const [le, value] of Object.entries(kept.within)) {
      const bound = le === 'Infinity' ? '+Inf' : le;
      series.add(`${CALLS}_bucket`, value, { connector, le: bound });
    }
    for (const [outcome, value] of Object.entries(kept.syncs)) {
      series.add(SYNCS, value, { connector, outcome });
    }
  }
  return series;
}

/**
 * The reading a mark was made of, as far as it was kept, on the clock of a later one. Undefined for a mark of another
 * service, or of a time that has not come yet.
 * @param nowMs when `later` was read, by the wall clock.
 */
export function readingOfMark(
  mark: MonitorMark,
  of: string,
  later: { readonly reading: ServiceReading; readonly nowMs: number },
): ServiceReading | undefined {
  const { reading, nowMs } = later;
  if (mark.of !== of || mark.atMs >= nowMs) return undefined;
  const atMs = reading.atMs - (nowMs - mark.atMs);
  return {
    ...reading,
    atMs,
    pid: mark.pid,
    startedAt: mark.startedAt,
    metrics: { atMs, series: seriesOf(mark).all },
    connectors: Object.entries(mark.connectors).map(([id, { pids, losses, asleep }]) => ({
      id,
      pids,
      losses,
      asleep,
      state: '',
      phase: '',
      busyMs: undefined,
      transport: undefined,
      breaker: undefined,
      inFlight: undefined,
      queued: undefined,
      failure: undefined,
      replicas: 0,
    })),
  };
}

/** Undefined when there is none, or none that can be read: then the watching begins anew. */
export async function readMonitorMark(path: string): Promise<MonitorMark | undefined> {
  try {
    if ((await stat(path)).size > MAX_BYTES) return undefined;
    return markSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data;
  } catch {
    // Not there, or not JSON: the same as none.
    return undefined;
  }
}

/** Replaces the mark as a whole: another process sees the old one or the new one. @throws what the disk says. */
export async function writeMonitorMark(path: string, mark: MonitorMark): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${randomUUID()}`;
  try {
    const file = await open(next, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(mark));
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}
