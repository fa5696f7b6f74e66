import { createHash } from 'node:crypto';

/** Longest name of a tool or prompt we give out; several clients refuse longer ones. */
export const MAX_NAME_LENGTH = 64;

/**
 * The name under which a connector's tool or prompt is offered on the shared endpoint:
 * `<id><separator><name>`; over 64 characters it is cut and ends in `_` and 6 characters of its hash.
 */
export function exposedName(connectorId: string, name: string, separator: string): string {
  const full = `${connectorId}${separator}${name}`;
  if (full.length <= MAX_NAME_LENGTH) return full;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 6);
  // A cut must not leave half of a surrogate pair behind.
  const head = full.slice(0, MAX_NAME_LENGTH - hash.length - 1).replace(/[\uD800-\uDBFF]$/, '');
  return `${head}_${hash}`;
}
