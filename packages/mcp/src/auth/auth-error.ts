export type AuthErrorCode =
  | 'KEYS_DAMAGED'
  | 'KEYS_EXPOSED'
  | 'KEYS_UNREADABLE'
  | 'KEYS_BUSY'
  | 'KEY_UNKNOWN'
  | 'KEY_INVALID'
  | 'OAUTH_METADATA'
  | 'JWKS_UNAVAILABLE';

/** What is wrong with the means of authentication, where, and what would be right. Holds no secret. */
export class AuthError extends Error {
  readonly code: AuthErrorCode;
  constructor(code: AuthErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AuthError';
    this.code = code;
  }
}
