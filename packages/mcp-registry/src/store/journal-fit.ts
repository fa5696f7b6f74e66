import type { JournalHeader } from './journal-format.ts';

/** What a snapshot says about itself, or that there is none. */
export type SnapshotIdentity =
  | { readonly kind: 'none' }
  | { readonly kind: 'foreign'; readonly sha256: string }
  | {
      readonly kind: 'ours';
      readonly id: string;
      readonly generation: number;
      readonly sha256: string;
    };

/**
 * How a journal relates to a snapshot. `extends`: replay it. `unknown`: its header is damaged, replay what follows on.
 * `merge`: another program rewrote the file the journal extends, so both have news. `ahead`: an older snapshot was put
 * back. `detached`: it belongs to something else.
 */
export type JournalFit = 'extends' | 'unknown' | 'merge' | 'ahead' | 'detached';

/** Decides whether and how a journal applies. */
export function fitJournal(
  snapshot: SnapshotIdentity,
  header: JournalHeader | undefined,
): JournalFit {
  if (header === undefined) return 'unknown';
  if (snapshot.kind === 'none') return header.base.sha256 === null ? 'extends' : 'detached';
  if (snapshot.kind === 'foreign')
    return header.base.sha256 === snapshot.sha256 ? 'extends' : 'merge';
  if (header.id !== snapshot.id) return 'detached';
  return header.base.generation <= snapshot.generation ? 'extends' : 'ahead';
}
