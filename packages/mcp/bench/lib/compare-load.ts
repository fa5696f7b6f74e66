import { cpuMsOf } from './cpu-time.ts';
import { machineBusyMs, waitForQuiet } from './machine-load.ts';
import type { RawLoad } from './raw-load.ts';
import type { LoadFigures, LoadPlace } from './raw-load-protocol.ts';
import type { Subject } from './subject.ts';

/** One way of answering the same load. */
export interface Candidate {
  readonly name: string;
  readonly subject: Subject;
  readonly place: LoadPlace;
}

/** One candidate, one round. */
export interface LoadRound extends LoadFigures {
  /** Processor time of the subject per call. */
  readonly cpuUs: number;
  /** Of it, pauses of the garbage collector. */
  readonly gcUs: number;
  readonly rssBytes: number;
  /** Cores that others took meanwhile. */
  readonly foreignCores: number;
  /** How much of a core the load itself took; it is one thread. Left out where nobody looked. */
  readonly loadCores?: number;
  /** Cores that load and servers took together; likewise. */
  readonly sharedCores?: number;
}

export interface ComparedLoad {
  readonly load: RawLoad;
  readonly candidates: readonly Candidate[];
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  /** Candidates that a limit is set for: their rounds are more. Default: none. */
  readonly close?: readonly string[];
  /** How long each of those is. Default 200. */
  readonly closeMs?: number | undefined;
  /** Processes whose work is part of the bench beside load and subject: the servers. */
  readonly helpers: readonly number[];
  /** The same for those that the subjects started, which share their core. Default: none. */
  readonly children?: readonly number[];
}

const QUIET_WAIT_MS = 500;
/** Many short ones: what disturbs a machine lasts seconds, and then meets both sides of a pair. */
const CLOSE_ROUNDS = 24;
const CLOSE_MS = 200;

/** One candidate under load, once. */
export async function measureRound(
  options: Pick<ComparedLoad, 'load' | 'durationMs' | 'helpers' | 'children'>,
  { subject, place }: Candidate,
): Promise<LoadRound> {
  const { load, durationMs, helpers, children = [] } = options;
  const sharing = [load.pid, ...helpers];
  // A server that is its own subject counts once.
  const pids = [...new Set([process.pid, subject.pid, ...sharing, ...children])];
  const ownMs = (): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  const sharedMs = (): number => sharing.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  await load.open(place);
  const [busyMs, mineMs, startedAt] = [machineBusyMs(), ownMs(), performance.now()];
  const sharedBefore = sharedMs();
  const before = await subject.usage();
  const figures = await load.run(durationMs);
  const after = await subject.usage();
  const tookMs = performance.now() - startedAt;
  const foreignMs = machineBusyMs() - busyMs - (ownMs() - mineMs);
  const sharedCores = (sharedMs() - sharedBefore) / tookMs;
  await load.close();
  return {
    ...figures,
    cpuUs: (after.cpuUs - before.cpuUs) / Math.max(1, figures.calls),
    gcUs: (after.gcUs - before.gcUs) / Math.max(1, figures.calls),
    rssBytes: after.rssBytes,
    foreignCores: Math.max(0, foreignMs / tookMs),
    loadCores: (figures.loadCpuUs * figures.calls) / (figures.seconds * 1e6),
    sharedCores,
  };
}

/**
 * Puts the same load on all candidates in turn, round after round, each round in another order, so that what the
 * machine does meanwhile meets all of them alike.
 */
export async function compareLoad(
  options: ComparedLoad,
): Promise<ReadonlyMap<string, readonly LoadRound[]>> {
  const { candidates, rounds, warmUpMs, close = [], closeMs = CLOSE_MS } = options;
  const found = new Map<string, LoadRound[]>(candidates.map(({ name }) => [name, []]));
  for (const candidate of candidates) {
    if (warmUpMs > 0) await measureRound({ ...options, durationMs: warmUpMs }, candidate);
  }
  const inTurn = async (some: readonly Candidate[], times: number, ms: number): Promise<void> => {
    for (let round = 0; round < times; round += 1) {
      const first = round % some.length;
      for (const candidate of [...some.slice(first), ...some.slice(0, first)]) {
        await waitForQuiet(QUIET_WAIT_MS);
        const measured = await measureRound({ ...options, durationMs: ms }, candidate);
        found.get(candidate.name)?.push(measured);
      }
    }
  };
  await inTurn(candidates, rounds, options.durationMs);
  const closer = candidates.filter(({ name }) => close.includes(name));
  if (closer.length > 0) await inTurn(closer, CLOSE_ROUNDS, closeMs);
  return found;
}

/** More than this, and a round says more about others than about us. */
const MAX_FOREIGN_CORES = 0.3;
const MIN_ROUNDS = 3;

/**
 * What `combine` makes of one figure of each named candidate, for each round that all of them were measured in. What makes
 * the machine slower for a while is in both sides of a ratio, and does not make it larger.
 */
export function pairedValues(
  rounds: ReadonlyMap<string, readonly LoadRound[]>,
  names: readonly string[],
  combine: (together: readonly LoadRound[]) => number,
): readonly number[] {
  const rows = names.map((name) => rounds.get(name) ?? []);
  const count = Math.min(...rows.map(({ length }) => length));
  const together = Array.from({ length: count }, (_, index) =>
    rows.flatMap((row) => row[index] ?? []),
  );
  const quiet = together.filter((pair) =>
    pair.every(({ foreignCores }) => !(foreignCores > MAX_FOREIGN_CORES)),
  );
  return (quiet.length >= MIN_ROUNDS ? quiet : together).map((pair) => combine(pair));
}

/** The rounds without foreign load; where fewer than three were left alone, the three that were disturbed least. */
export function undisturbed(rounds: readonly LoadRound[]): readonly LoadRound[] {
  const ordered = rounds.toSorted((a, b) => a.foreignCores - b.foreignCores);
  const quiet = ordered.filter(({ foreignCores }) => !(foreignCores > MAX_FOREIGN_CORES));
  return quiet.length >= MIN_ROUNDS ? quiet : ordered.slice(0, MIN_ROUNDS);
}
