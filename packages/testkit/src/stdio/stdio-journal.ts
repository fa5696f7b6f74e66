import { appendFileSync, readFileSync } from 'node:fs';

/**
 * What the processes of one stdio upstream tell the one that configured them: one JSON line per event, written before
 * the event has any effect, so that a count read after an answer includes that answer's request.
 */
export type JournalEvent =
  | { readonly kind: 'started'; readonly role: 'server' | 'child'; readonly pid: number }
  | { readonly kind: 'request'; readonly method: string | undefined }
  | { readonly kind: 'aborted' }
  /** A fault, by position, was met; `generation` names the set of faults it belongs to. */
  | { readonly kind: 'met'; readonly generation: number; readonly index: number };

export interface StdioJournal {
  append(event: JournalEvent): void;
  read(): readonly JournalEvent[];
}

/** A journal in a file that several processes append to. */
export function createStdioJournal(path: string): StdioJournal {
  return {
    append: (event) => appendFileSync(path, `${JSON.stringify(event)}\n`),
    read: () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        // Written by `append` only.
        // eslint-disable-next-line typescript/no-unsafe-type-assertion
        .map((line) => JSON.parse(line) as JournalEvent),
  };
}

/** How often each fault of this generation was met, by any process. */
export function countMet(
  events: readonly JournalEvent[],
  generation: number,
): ReadonlyMap<number, number> {
  const met = new Map<number, number>();
  for (const event of events) {
    if (event.kind === 'met' && event.generation === generation) {
      met.set(event.index, (met.get(event.index) ?? 0) + 1);
    }
  }
  return met;
}
