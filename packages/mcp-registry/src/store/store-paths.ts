import { dirname, join } from 'node:path';

/** The files of one registry. All lie in the folder of `servers.json`. */
export interface StorePaths {
  readonly folder: string;
  readonly snapshot: string;
  readonly previousSnapshot: string;
  readonly journal: string;
  readonly previousJournal: string;
  readonly lock: string;
  readonly quarantine: string;
  /** Unfinished files that the next writer removes. */
  readonly temporary: readonly string[];
}

/** Derives every path from that of `servers.json` (any name works; the others follow it). */
export function storePaths(snapshot: string): StorePaths {
  const stem = snapshot.endsWith('.json') ? snapshot.slice(0, -'.json'.length) : snapshot;
  const journal = `${stem}.log`;
  return {
    folder: dirname(snapshot),
    snapshot,
    previousSnapshot: `${snapshot}.prev`,
    journal,
    previousJournal: `${journal}.prev`,
    lock: `${stem}.lock`,
    quarantine: join(dirname(snapshot), 'quarantine'),
    temporary: [
      `${snapshot}.next`,
      `${snapshot}.prev.next`,
      `${journal}.next`,
      `${journal}.prev.next`,
      `${snapshot}.probe`,
    ],
  };
}
