/**
 * How the next replica is chosen among those in health (S2-17): in turn; in turn by weight, smoothly interleaved; the one
 * with the fewest calls under way for its weight; the one expected to answer soonest by its recent latencies.
 */
export type Balance = 'round-robin' | 'weighted' | 'least-in-flight' | 'ewma';

/** What a choice is made by. */
export interface Candidate {
  /** Above 0. */
  readonly weight: number;
  /** Calls under way. */
  readonly inFlight: number;
  /** Recent latency in milliseconds, as it counts at `nowMs`; 0 while nothing is known. */
  latencyAt(nowMs: number): number;
}

/** Chooses one of at least one candidate. */
export type Choose<T extends Candidate> = (candidates: readonly T[]) => T | undefined;

/** Whoever was chosen longest ago goes first among equals. */
function createTurns<T extends Candidate>(): {
  readonly before: (a: T, b: T) => boolean;
  readonly took: (one: T) => T;
} {
  const turns = new WeakMap<T, number>();
  let turn = 0;
  return {
    before: (a, b) => (turns.get(a) ?? 0) < (turns.get(b) ?? 0),
    took(one) {
      turn += 1;
      turns.set(one, turn);
      return one;
    },
  };
}

/** The candidate with the lowest cost; the one chosen longest ago among equals. */
function createCheapest<T extends Candidate>(
  cost: (candidate: T, nowMs: number) => number,
  now: () => number,
): Choose<T> {
  const { before, took } = createTurns<T>();
  return (candidates) => {
    let [best] = candidates;
    if (best === undefined) return undefined;
    const nowMs = now();
    let lowest = cost(best, nowMs);
    for (const candidate of candidates) {
      const own = cost(candidate, nowMs);
      if (own < lowest || (own === lowest && before(candidate, best))) {
        best = candidate;
        lowest = own;
      }
    }
    return took(best);
  };
}

/** Smooth weighted round robin: 5, 1, 1 gives a a b a c a a, never a a a a a b c. */
function createSmoothWeighted<T extends Candidate>(): Choose<T> {
  const credits = new WeakMap<T, number>();
  return (candidates) => {
    let best: T | undefined;
    let most = Number.NEGATIVE_INFINITY;
    let total = 0;
    for (const candidate of candidates) {
      const credit = (credits.get(candidate) ?? 0) + candidate.weight;
      credits.set(candidate, credit);
      total += candidate.weight;
      if (credit > most) {
        best = candidate;
        most = credit;
      }
    }
    if (best !== undefined) credits.set(best, most - total);
    return best;
  };
}

type Cost = (candidate: Candidate, nowMs: number) => number;

const COSTS: Readonly<Record<Exclude<Balance, 'weighted'>, Cost>> = {
  'round-robin': () => 0,
  'least-in-flight': ({ inFlight, weight }) => inFlight / weight,
  // One of which nothing is known is tried first.
  ewma: (one, nowMs) => (one.latencyAt(nowMs) * (one.inFlight + 1)) / one.weight,
};

const noTime = (): number => 0;

/**
 * @param now the monotonic clock in milliseconds, read once for a choice by latency and for no other.
 * @returns the function that chooses; it keeps what it needs between choices.
 */
export function createBalance<T extends Candidate>(
  balance: Balance,
  now: () => number = () => performance.now(),
): Choose<T> {
  if (balance === 'weighted') return createSmoothWeighted();
  return createCheapest<T>(COSTS[balance], balance === 'ewma' ? now : noTime);
}
