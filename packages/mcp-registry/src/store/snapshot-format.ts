/** Our last line in `servers.json`: what the bytes before it must be. */
export interface SnapshotFooter {
  readonly format: number;
  /** Names the history this file belongs to; a journal with another id does not fit it. */
  readonly id: string;
  readonly generation: number;
  readonly count: number;
  /** Length of everything before the footer line. */
  readonly bytes: number;
  /** Over everything before the footer line and the other members of the footer. */
  readonly sha256: string;
}

/** What is hashed after the bytes before the footer. */
export function footerDigestText(footer: Omit<SnapshotFooter, 'sha256'>): string {
  return JSON.stringify([footer.format, footer.id, footer.generation, footer.count, footer.bytes]);
}

/** The top-level key of our envelope. */
export const envelopeKey = 'registry';

/** The first two lines. */
export const snapshotHead = '{\n  "servers": [\n';

/** Line that ends the list when it is followed by more keys. */
export const snapshotListEnd = '  ],\n';

/** Footer line and closing brace. */
export function encodeFooter(footer: SnapshotFooter): string {
  return `  "${envelopeKey}": ${JSON.stringify(footer)}\n}\n`;
}

/** Whether a value has the shape of a footer. */
export function isFooter(value: unknown): value is SnapshotFooter {
  if (typeof value !== 'object' || value === null) return false;
  const footer = value as Partial<Record<keyof SnapshotFooter, unknown>>;
  return (
    typeof footer.format === 'number' &&
    typeof footer.id === 'string' &&
    typeof footer.generation === 'number' &&
    typeof footer.count === 'number' &&
    typeof footer.bytes === 'number' &&
    typeof footer.sha256 === 'string'
  );
}

/** Longest footer that is looked for at the end of a file. */
export const maxFooterBytes = 4_096;

/** Finds the footer in the last bytes of a file; `undefined` when the file does not end with one. */
export function decodeFooter(tail: string): SnapshotFooter | undefined {
  const match = /\n {2}"registry": (\{[^\n]*\})\n\}\n$/u.exec(tail);
  if (match === null) return undefined;
  try {
    const value: unknown = JSON.parse(match[1] ?? '');
    return isFooter(value) ? value : undefined;
  } catch {
    // A damaged footer is no footer; the checks of the whole file decide what that means.
    return undefined;
  }
}
