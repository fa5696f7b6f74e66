/** How bad a finding is: `note` is worth knowing, `warning` and `error` make an examination fail. */
export type FindingLevel = 'note' | 'warning' | 'error';

/** Stable codes of what a doctor can find. */
export type FindingCode =
  | 'folder-missing'
  | 'folder-open'
  | 'file-open'
  | 'file-foreign'
  | 'file-linked'
  | 'lock-held'
  | 'registry-lost'
  | 'newer-format'
  | 'unreadable'
  | 'snapshot-corrupt'
  | 'snapshot-older'
  | 'journal-damaged'
  | 'journal-detached'
  | 'entries-rejected'
  | 'previous-missing'
  | 'previous-corrupt'
  | 'temporary-left'
  | 'quarantine-filled'
  | 'space-short';

/** One thing that is not as it should be: what, what it means, and what to do. */
export interface Finding {
  readonly code: FindingCode;
  readonly level: FindingLevel;
  /** The file or folder. */
  readonly path: string;
  readonly message: string;
  readonly remedy: string;
  /** Whether a repair puts it right. */
  readonly repairable: boolean;
}
