import type { StoreSizes } from './store/store.ts';

/** When a snapshot is due. */
export interface SnapshotPolicy {
  /** Up to this many records, a snapshot follows each burst of changes after `delayMs`. Default: 10,000. */
  readonly maxEagerRecords: number;
  /** Longest time between a change and the snapshot that holds it, up to `maxEagerRecords`. Default: 5000 ms. */
  readonly delayMs: number;
}

/**
 * How long to wait with the next snapshot: 0 for now, `undefined` for not yet. Above `maxEagerRecords` it is due when
 * the journal has reached a quarter of the snapshot, so that writing it costs at most about five bytes for each byte
 * of change.
 */
export function snapshotDelayMs(
  policy: SnapshotPolicy,
  records: number,
  sizes: StoreSizes,
): number | undefined {
  if (records <= policy.maxEagerRecords) return policy.delayMs;
  return sizes.journalBytes * 4 >= sizes.snapshotBytes ? 0 : undefined;
}
