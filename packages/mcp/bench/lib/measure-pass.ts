import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../../src/connectors/connector.ts';
import type { ServiceSettings } from '../../src/service/service.ts';
import { bundledChild } from './bundled-child.ts';
import { startChild, type BenchChild } from './child.ts';
import { cpuMsOf } from './cpu-time.ts';
import {
  startFleetProcess,
  trafficBetween,
  type FleetProcess,
  type Traffic,
} from './fleet-process.ts';
import { machineBusyMs, waitForQuiet } from './machine-load.ts';
import type { PassCommand, PassFigures } from './pass-protocol.ts';

/** The connectors of a fleet, as a file would give them. */
export function connectorsOf(urls: readonly string[]): readonly ConnectorDefinition[] {
  return urls.map((url, index) => ({
    id: `server-${String(index).padStart(3, '0')}`,
    title: `server-${index}`,
    origin: 'local',
    enabled: true,
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    transport: { kind: 'http', url, headers: {} },
  }));
}

/** The path before this work: sequential, unshared, uncached (S4-01, contract.md flags). */
export const OFF_PATH: Partial<ServiceSettings> = {
  parallelSync: false,
  sharedAgent: false,
  manifestCache: false,
  listPrebuilt: false,
};

export interface MeasuredPass extends PassFigures, Traffic {
  /** Processor time that others took meanwhile, in cores: what the figures cannot be blamed for. */
  readonly foreignCores: number;
}

function ownCpuMs(...pids: readonly number[]): number {
  const { user, system } = process.cpuUsage();
  return pids.reduce((sum, pid) => sum + cpuMsOf(pid), (user + system) / 1_000);
}

/** A process with one service, before its first pass. */
export interface PassProcess extends AsyncDisposable {
  /** The first pass; a second call makes another one of the same service. */
  run(): Promise<MeasuredPass>;
}

export interface PassOptions {
  readonly fleet: FleetProcess;
  readonly connectors: readonly ConnectorDefinition[];
  readonly settings?: Partial<ServiceSettings>;
  readonly served?: number;
}

export function startPassProcess(options: PassOptions): PassProcess {
  const child: BenchChild<PassCommand, PassFigures> = startChild(bundledChild('pass-child'));
  const { fleet, connectors, settings = {}, served } = options;
  let command: PassCommand = { kind: 'cold', connectors, settings, served };
  return {
    async run() {
      const before = await fleet.counts();
      const startedAt = performance.now();
      const pid = child.process.pid ?? 0;
      const busy = machineBusyMs() - ownCpuMs(fleet.pid, pid);
      const figures = await child.ask(command);
      const foreignMs = machineBusyMs() - ownCpuMs(fleet.pid, pid) - busy;
      const foreignCores = Math.max(0, foreignMs / (performance.now() - startedAt));
      command = { kind: 'again' };
      return { ...figures, ...trafficBetween(before, await fleet.counts()), foreignCores };
    },
    [Symbol.asyncDispose]: async () => await child[Symbol.asyncDispose](),
  };
}

/** One cold pass in a process of its own. */
export async function coldPass(options: PassOptions): Promise<MeasuredPass> {
  await using pass = startPassProcess(options);
  return await pass.run();
}

/** After so long a process keeps what it compiled: 3 s after it was loaded (src/cli/load-compiled.ts). */
const CODE_KEPT_MS = 4_000;

/**
 * A pass over a few servers of both eras, so that later processes have the compiled code that the first start of the program
 * leaves to all others.
 */
export async function keepCode(): Promise<void> {
  const shape = { count: 4, latencyMs: 0, toolCount: 2, ttlMs: 300_000 };
  await using fleet = await startFleetProcess([
    { kind: 'modern-http', ...shape },
    { kind: 'legacy-http-session', ...shape },
  ]);
  const connectors = connectorsOf(fleet.urls);
  await using pass = startPassProcess({ fleet, connectors, settings: { backgroundRefresh: true } });
  await pass.run();
  await delay(CODE_KEPT_MS);
}

/** More than this and a round says more about others than about us. */
const MAX_FOREIGN_CORES = 0.3;
const QUIET_WAIT_MS = 700;

/** The rounds that count, and how many were thrown out. */
export interface QuietPasses {
  readonly passes: readonly MeasuredPass[];
  readonly thrownOut: number;
}

/**
 * The rounds without foreign load; where fewer than three were left alone, the three that were disturbed least.
 */
export function quietOnly(passes: readonly MeasuredPass[]): QuietPasses {
  const ordered = passes.toSorted((a, b) => a.foreignCores - b.foreignCores);
  const quiet = ordered.filter(({ foreignCores }) => !(foreignCores > MAX_FOREIGN_CORES));
  const kept = quiet.length >= 3 ? quiet : ordered.slice(0, 3);
  return { passes: kept, thrownOut: passes.length - kept.length };
}

/** As `coldPass`, begun when the machine is left alone for a moment. */
export async function quietColdPass(options: PassOptions): Promise<MeasuredPass> {
  await using pass = startPassProcess(options);
  await waitForQuiet(QUIET_WAIT_MS);
  return await pass.run();
}
