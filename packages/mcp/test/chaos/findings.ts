/** What must never happen, by name. */
export type Invariant =
  /** An answer that holds what another client sent. */
  | 'wrong-client'
  /** An error without a typed code, or one that nothing explains. */
  | 'unexplained-error'
  /** A session that a restart or a reload has ended for its client. */
  | 'session'
  /** A list that did not come, came late, or lacked what was known. */
  | 'list'
  /** A write that was acknowledged and is not there. */
  | 'lost-write'
  /** A connector that does not answer though nothing is wrong any more. */
  | 'recovery'
  /** The gateway ended by itself. */
  | 'crash'
  /** Something that is still there at the end. */
  | 'leak';

export interface Finding {
  readonly invariant: Invariant;
  readonly what: string;
  readonly atMs: number;
}

/** Counts of what went on, so that a run that did nothing is seen as one. */
export interface Tally {
  calls: number;
  answered: number;
  explained: number;
  lists: number;
  writes: number;
  disturbances: number;
  restarts: number;
  /** Answers in sessions that another process had opened. */
  continued: number;
}

/** At most so many findings are kept; one is enough to fail. */
const MAX_FINDINGS = 50;

export class Findings {
  readonly found: Finding[] = [];
  readonly codes = new Map<string, number>();
  readonly tally: Tally = {
    calls: 0,
    answered: 0,
    explained: 0,
    lists: 0,
    writes: 0,
    disturbances: 0,
    restarts: 0,
    continued: 0,
  };
  readonly #startedAtMs = performance.now();

  add(invariant: Invariant, what: string): void {
    if (this.found.length >= MAX_FINDINGS) return;
    this.found.push({ invariant, what, atMs: Math.round(performance.now() - this.#startedAtMs) });
  }

  explained(code: string): void {
    this.tally.explained += 1;
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }
}
