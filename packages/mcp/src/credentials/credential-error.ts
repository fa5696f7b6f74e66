/** Stable codes of what can go wrong with credentials towards a server. */
export type CredentialErrorCode =
  /** A person has to log in, or somebody has to correct the configuration. */
  | 'AUTH_REQUIRED'
  /** The authorization server could not be asked now. */
  | 'AUTH_UNAVAILABLE'
  /** An address that must not be asked: not https, private, or of a foreign origin. */
  | 'AUTH_URL_REFUSED'
  /** Metadata that is missing, contradicts itself, or lacks what is needed. */
  | 'AUTH_METADATA_INVALID'
  /** The authorization server said no. */
  | 'AUTH_REJECTED'
  | 'AUTH_CALLBACK_INVALID'
  | 'AUTH_CALLBACK_TIMEOUT'
  | 'AUTH_CANCELLED'
  /** A kept credential that cannot be read. */
  | 'AUTH_STORE_DAMAGED'
  /** The key of the kept credentials is missing, wrong, or readable by others. */
  | 'AUTH_STORE_KEY';

/** The message never holds a token, a secret, or text that a server wrote. */
export class CredentialError extends Error {
  readonly code: CredentialErrorCode;
  /** The `error` of an OAuth answer (RFC 6749 §5.2), when it is a word. */
  readonly oauthError: string | undefined;
  constructor(
    code: CredentialErrorCode,
    message: string,
    details: { readonly cause?: unknown; readonly oauthError?: string | undefined } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CredentialError';
    this.code = code;
    this.oauthError = details.oauthError;
  }
}

/** Whether the same may well work a little later, without anybody doing anything. */
export function isPassingError(error: unknown): boolean {
  return error instanceof CredentialError ? error.code === 'AUTH_UNAVAILABLE' : false;
}
