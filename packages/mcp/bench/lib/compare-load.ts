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
}

export interface ComparedLoad {
  readonly load: RawLoad;
  readonly candidates: readonly Candidate[];
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
  /** Processes whose work is part of the bench beside load and subject. */
  readonly helpers: readonly number[];
}

const QUIET_WAIT_MS = 500;

/** One candidate under load, once. */
export async function measureRound(
  { load, durationMs, helpers }: Pick<ComparedLoad, 'load' | 'durationMs' | 'helpers'>,
  { subject, place }: Candidate,
): Promise<LoadRound> {
  const pids = [process.pid, load.pid, subject.pid, ...helpers];
  const ownMs = (): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);
  await load.open(place);
  const [busyMs, mineMs, startedAt] = [machineBusyMs(), ownMs(), performance.now()];
  const before = await subject.usage();
  const figures = await load.run(durationMs);
  const after = await subject.usage();
  const foreignMs = machineBusyMs() - busyMs - (ownMs() - mineMs);
  await load.close();
  return {
    ...figures,
    cpuUs: (after.cpuUs - before.cpuUs) / Math.max(1, figures.calls),
    gcUs: (after.gcUs - before.gcUs) / Math.max(1, figures.calls),
    rssBytes: after.rssBytes,
    foreignCores: Math.max(0, foreignMs / (performance.now() - startedAt)),
  };
}

/**
 * Puts the same load on all candidates in turn, round after round, each round in another order, so that what the
 * machine does meanwhile meets all of them alike.
 */
export async function compareLoad(
  options: ComparedLoad,
): Promise<ReadonlyMap<string, readonly LoadRound[]>> {
  const { candidates, rounds, warmUpMs } = options;
  const found = new Map<string, LoadRound[]>(candidates.map(({ name }) => [name, []]));
  for (const candidate of candidates) {
    if (warmUpMs > 0) await measureRound({ ...options, durationMs: warmUpMs }, candidate);
  }
  for (let round = 0; round < rounds; round += 1) {
    const first = round % candidates.length;
    for (const candidate of [...candidates.slice(first), ...candidates.slice(0, first)]) {
      await waitForQuiet(QUIET_WAIT_MS);
      found.get(candidate.name)?.push(await measureRound(options, candidate));
    }
  }
  return found;
}

/** More than this, and a round says more about others than about us. */
const MAX_FOREIGN_CORES = 0.3;
const MIN_ROUNDS = 3;

/** The rounds without foreign load; where fewer than three were left alone, the three that were disturbed least. */
export function undisturbed(rounds: readonly LoadRound[]): readonly LoadRound[] {
  const ordered = rounds.toSorted((a, b) => a.foreignCores - b.foreignCores);
  const quiet = ordered.filter(({ foreignCores }) => !(foreignCores > MAX_FOREIGN_CORES));
  return quiet.length >= MIN_ROUNDS ? quiet : ordered.slice(0, MIN_ROUNDS);
}
