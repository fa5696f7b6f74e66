/**
 * Why a service map was not taken. Reading: `MAP_BAD_URL`, `MAP_UNREACHABLE`, `MAP_HTTP_STATUS`, `MAP_REDIRECT`,
 * `MAP_TIMEOUT` (whole body, not only headers), `MAP_CANCELLED`, `MAP_TOO_LARGE` (decompressed), `MAP_ENCODING`.
 * Content: `MAP_BAD_JSON`, `MAP_UNSIGNED`, `MAP_BAD_SIGNATURE`, `MAP_SCHEMA`, `MAP_BRAND`, `MAP_DUPLICATE_ID`.
 * Time: `MAP_FUTURE`, `MAP_EXPIRED`, `MAP_NEVER_FRESH`, `MAP_REPLAYED`.
 */
export type ServiceMapErrorCode =
  | 'MAP_BAD_URL'
  | 'MAP_UNREACHABLE'
  | 'MAP_HTTP_STATUS'
  | 'MAP_REDIRECT'
  | 'MAP_TIMEOUT'
  | 'MAP_CANCELLED'
  | 'MAP_TOO_LARGE'
  | 'MAP_ENCODING'
  | 'MAP_BAD_JSON'
  | 'MAP_UNSIGNED'
  | 'MAP_BAD_SIGNATURE'
  | 'MAP_SCHEMA'
  | 'MAP_BRAND'
  | 'MAP_DUPLICATE_ID'
  | 'MAP_FUTURE'
  | 'MAP_EXPIRED'
  | 'MAP_NEVER_FRESH'
  | 'MAP_REPLAYED';

export interface ServiceMapErrorDetails {
  readonly cause?: unknown;
  /** The status that was answered. */
  readonly httpStatus?: number;
  /** What the producer asked for by `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** A map was refused; whoever holds the last good one keeps it. The message holds no credentials. */
export class ServiceMapError extends Error {
  readonly code: ServiceMapErrorCode;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  constructor(code: ServiceMapErrorCode, message: string, details: ServiceMapErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ServiceMapError';
    this.code = code;
    this.httpStatus = details.httpStatus;
    this.retryAfterMs = details.retryAfterMs;
  }
}
