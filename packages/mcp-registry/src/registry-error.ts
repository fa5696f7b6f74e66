/**
 * Every code a registry operation can fail with. The first group are operating-system codes passed on
 * unchanged; the second are ours. Codes are stable; messages are not.
 */
export const registryErrorCodes = [
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'EBUSY',
  'ELOOP',
  'ELOCKED',
  'ENETFS',
  'EREGISTRYLOST',
  'EREGISTRYFORMAT',
  'EREGISTRYCLOSED',
  'EREGISTRYFULL',
  'ECACHEDISABLED',
  'EINVALIDRECORD',
] as const;

/** One of {@link registryErrorCodes}. */
export type RegistryErrorCode = (typeof registryErrorCodes)[number];

const passedOn: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EACCES',
  'EPERM',
  'EIO',
  'EBUSY',
  'ELOOP',
]);

/** A registry failure. Tell cases apart by `code`, never by the message. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` of an error of any origin, or `undefined`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function isPassedOn(code: string | undefined): code is RegistryErrorCode {
  return code !== undefined && passedOn.has(code);
}

const advice: Partial<Record<RegistryErrorCode, string>> = {
  ENOSPC: 'the disk is full; memory keeps serving and the write is retried',
  EDQUOT: 'the disk quota is used up; memory keeps serving and the write is retried',
  EFBIG: 'the file would exceed the size limit of this process or file system',
  EROFS: 'the file system is read-only',
  EACCES: 'permission was denied; check the owner and mode of the state folder',
  EPERM: 'the operation is not permitted; check the owner and attributes of the state folder',
  EBUSY: 'the file is a mount point; mount its folder, not the single file',
  ELOOP: 'the path is a symbolic link, which the registry never follows; name the real file',
};

/**
 * Translates a file system error once, at the edge: known codes pass through, every other one becomes `EIO`.
 * The original is kept as `cause`.
 */
export function toRegistryError(error: unknown, action: string): RegistryError {
  if (error instanceof RegistryError) return error;
  const original = errorCode(error);
  const code = isPassedOn(original) ? original : 'EIO';
  const reason = advice[code] ?? `the file system reported ${original ?? 'an unknown failure'}`;
  return new RegistryError(code, `Cannot ${action}: ${reason}`, { cause: error });
}
