/**
 * Why a source could not be imported or exported: `EFORMAT` its text is not what it should be, `ETOOLARGE` it is
 * beyond a bound, `EFETCH` it did not answer as a registry, `EREFUSED` it may not be asked, `EUNDO` nothing to undo.
 */
export type SourceErrorCode = 'EFORMAT' | 'ETOOLARGE' | 'EFETCH' | 'EREFUSED' | 'EUNDO';

/** A failure of a whole import or export. What is wrong with one entry is reported with that entry instead. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;

  constructor(code: SourceErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The message of anything thrown, on one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/gu, ' ').trim();
}
