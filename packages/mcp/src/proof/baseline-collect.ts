import { setTimeout as delay } from 'node:timers/promises';
import { CommandError } from '../protocol/command-error.ts';
import { baselineMetrics } from './baseline-metrics.ts';
import { budgetRows } from './baseline-budget.ts';
import { type ProbeCall, probeMetrics, runProbe } from './baseline-probe.ts';
import type { BaselineRecord } from './baseline-record.ts';
import type { BaselineSample, MemoryReading } from './baseline-series.ts';
import { cgroupOf } from './host-cgroup.ts';
import type { HostFacts } from './baseline-host.ts';
import { machineOomKills, machineTicks } from './baseline-machine.ts';
import type { HostFiles } from './host-files.ts';
import { allProcessRows, groupsMemory, processMemory } from './host-process.ts';
import type { ServiceReading } from './service-reading.ts';

export interface CollectOptions {
  readonly label: string;
  readonly seconds: number;
  /** Asks the service. */
  readonly read: () => Promise<ServiceReading>;
  readonly files: HostFiles;
  readonly host: (service: ServiceReading) => Promise<HostFacts>;
  /** Calls a tool while the service is watched. */
  readonly probe?:
    | {
        readonly tool: string;
        readonly ratePerSecond: number | undefined;
        readonly call: ProbeCall;
      }
    | undefined;
  /** Figures of the bench `budget`, by name. */
  readonly bench?: ReadonlyMap<string, number> | undefined;
  readonly settings: (service: ServiceReading) => Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** Told of readings that failed: the others count. */
  readonly warn: (message: string) => void;
}

export interface Collected {
  readonly record: BaselineRecord;
  readonly host: HostFacts;
}

const MAX_INTERVALS = 12;
const MIN_INTERVALS = 3;
/** A shorter one would see the scrapes themselves. */
const USUAL_INTERVAL_S = 5;

function intervalsIn(seconds: number): number {
  const usual = Math.floor(seconds / USUAL_INTERVAL_S);
  return Math.min(MAX_INTERVALS, Math.max(MIN_INTERVALS, usual));
}

/** What the system says of the service's processes now; undefined what cannot be read, as on another machine. */
export async function readMemory(
  files: HostFiles,
  service: ServiceReading,
): Promise<MemoryReading> {
  const { pid } = service;
  const [own, rows, group, vmstat, stat] = await Promise.all([
    processMemory(files, pid),
    allProcessRows(files),
    cgroupOf(files, pid),
    files.text('/proc/vmstat'),
    files.text('/proc/stat'),
  ]);
  const running = service.connectors.filter(({ pids }) => pids.length > 0);
  const connectors = await Promise.all(
    running.map(async ({ id, pids }) => [id, await groupsMemory(files, rows, pids)] as const),
  );
  return {
    gatewayRssBytes: own.rssBytes,
    gatewayPssBytes: own.pssBytes,
    connectors: new Map(connectors),
    oomKills: group?.oomKills ?? machineOomKills(vmstat),
    machine: machineTicks(stat),
  };
}

async function watch(options: CollectOptions): Promise<readonly BaselineSample[]> {
  const { seconds, read, files, signal, warn } = options;
  const intervals = intervalsIn(seconds);
  const startedAtMs = performance.now();
  const samples: BaselineSample[] = [];
  for (let index = 0; index <= intervals; index += 1) {
    const dueMs = startedAtMs + (index * seconds * 1_000) / intervals;
    await delay(Math.max(0, dueMs - performance.now()), undefined, { signal });
    try {
      const service = await read();
      samples.push({ service, memory: await readMemory(files, service) });
    } catch (error) {
      // The first one tells whether there is a service at all.
      if (index === 0) throw error;
      warn(error instanceof Error ? error.message : String(error));
    }
  }
  return samples;
}

/**
 * Watches a service for a while.
 * @throws Error when it does not answer at the start or fewer than two times in all; AbortError on `signal`.
 */
export async function collectBaseline(options: CollectOptions): Promise<Collected> {
  const { label, seconds, probe, bench, signal } = options;
  const takenAt = new Date().toISOString();
  const [samples, probed] = await Promise.all([
    watch(options),
    probe && runProbe({ ...probe, durationMs: seconds * 1_000, signal }),
  ]);
  const last = samples.at(-1)?.service;
  if (last === undefined || samples.length < 2) {
    throw new CommandError(
      'BASELINE_TOO_SHORT',
      'the service did not answer twice: there is nothing to compare',
    );
  }
  const metrics = { ...baselineMetrics(samples), ...(probed && probeMetrics(probed)) };
  const host = await options.host(last);
  const { version, node, pid, startedAt, endpoint } = last;
  return {
    host,
    record: {
      format: 1,
      label,
      takenAt,
      seconds,
      scrapes: samples.length,
      restarted: samples.some(({ service }) => service.startedAt !== startedAt),
      service: { version, node, pid, startedAt, ...(endpoint !== undefined && { endpoint }) },
      metrics,
      budget: [...budgetRows(metrics, bench)],
      ...(probe && {
        probe: { tool: probe.tool, ratePerSecond: probe.ratePerSecond ?? ('unpaced' as const) },
      }),
      settings: { ...options.settings(last) },
      host: { ...host.lines },
    },
  };
}
