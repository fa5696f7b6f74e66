import { errorCode } from '../registry-error.ts';

/** Codes of the API's own errors; a failure of the store keeps the code of `RegistryError`. Stable. */
export type RegistryApiErrorCode =
  | 'BAD_CURSOR'
  | 'BAD_PARAMETER'
  | 'BAD_PATH'
  | 'BAD_JSON'
  | 'BAD_MEDIA_TYPE'
  | 'BODY_TOO_LARGE'
  | 'BUSY'
  | 'INTERNAL'
  | 'INVALID_SERVER'
  | 'INVALID_STATUS'
  | 'METHOD_NOT_ALLOWED'
  | 'NO_CHANGE'
  | 'NOT_FOUND'
  | 'PRECONDITION_FAILED'
  | 'READ_ONLY'
  | 'TOO_MANY_VERSIONS'
  | 'UNAUTHORIZED'
  | 'VERSION_EXISTS';

/** An answer other than success. */
export class RegistryApiError extends Error {
  override readonly name = 'RegistryApiError';
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: RegistryApiErrorCode | (string & {}),
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Messages of the store name paths and processes of this machine, so each code has its own text here. */
const storeFailures: Readonly<Record<string, readonly [status: number, message: string]>> = {
  ENOSPC: [507, 'The disk is full; the change is kept in memory and written when there is room'],
  EDQUOT: [507, 'The disk quota is used up; the change is kept in memory and written later'],
  EFBIG: [507, 'The file would exceed a size limit; the change is kept in memory'],
  EREGISTRYFULL: [507, 'The registry is full'],
  EINVALIDRECORD: [422, 'The server cannot be stored: it is not a valid record or too large'],
  ELOCKED: [503, 'Another process writes to this registry'],
  EREGISTRYCLOSED: [503, 'The registry is closing'],
};

/** What a failed request is answered with. Only texts of our own leave. */
export function toApiError(error: unknown): RegistryApiError {
  if (error instanceof RegistryApiError) return error;
  if (!(error instanceof Error) || error.name !== 'RegistryError')
    return new RegistryApiError(500, 'INTERNAL', 'Internal error');
  const code = errorCode(error) ?? 'EIO';
  const [status, message] = storeFailures[code] ?? [503, 'The registry cannot be written now'];
  return new RegistryApiError(status, code, message, status === 503 ? { 'retry-after': '5' } : {});
}
