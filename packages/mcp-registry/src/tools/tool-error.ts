/** Stable codes of what a registry tool can answer instead of a result. */
export type ToolErrorCode =
  | 'validation_error'
  | 'security_error'
  | 'not_found'
  | 'duplicate_server'
  | 'unavailable'
  | 'internal_error';

/** A tool cannot do what was asked; the caller is told the code and the message. */
export class ToolError extends Error {
  override readonly name = 'ToolError';
  readonly code: ToolErrorCode;
  constructor(code: ToolErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
