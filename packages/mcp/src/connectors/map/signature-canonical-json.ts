/** Why a value has no canonical form; `code` is stable. */
export type CanonicalJsonErrorCode =
  | 'CANONICAL_LONE_SURROGATE'
  | 'CANONICAL_NUMBER'
  | 'CANONICAL_TYPE'
  | 'CANONICAL_TOO_DEEP';

/** Thrown by `canonicalJson`. `path` is a JSON pointer to the offending value. */
export class CanonicalJsonError extends Error {
  readonly code: CanonicalJsonErrorCode;
  readonly path: string;
  constructor(code: CanonicalJsonErrorCode, path: string, message: string) {
    super(`${message} at '${path}'`);
    this.name = 'CanonicalJsonError';
    this.code = code;
    this.path = path;
  }
}

/** Deepest nesting accepted (contract.md, sizes). */
const MAX_DEPTH = 64;

function canonicalString(text: string, path: string): string {
  // JSON.stringify would escape a lone surrogate, which other signers encode as U+FFFD or refuse.
  if (!text.isWellFormed()) {
    throw new CanonicalJsonError('CANONICAL_LONE_SURROGATE', path, 'String holds a lone surrogate');
  }
  return JSON.stringify(text);
}

function canonicalObject(value: object, path: string, depth: number): string {
  const members: string[] = [];
  // The default sort compares UTF-16 code units, as RFC 8785 section 3.2.3 asks; a locale must play no part.
  for (const key of Object.keys(value).toSorted()) {
    const member: unknown = Reflect.get(value, key);
    if (member === undefined) continue;
    const memberPath = `${path}/${key}`;
    members.push(
      `${canonicalString(key, memberPath)}:${canonicalValue(member, memberPath, depth)}`,
    );
  }
  return `{${members.join(',')}}`;
}

function canonicalNumber(value: number, path: string): string {
  if (Number.isFinite(value)) return JSON.stringify(value);
  throw new CanonicalJsonError('CANONICAL_NUMBER', path, `Number ${value} is not finite`);
}

function canonicalContainer(value: object, path: string, depth: number): string {
  if (depth >= MAX_DEPTH) {
    throw new CanonicalJsonError('CANONICAL_TOO_DEEP', path, `More than ${MAX_DEPTH} levels`);
  }
  if (!Array.isArray(value)) return canonicalObject(value, path, depth + 1);
  const items: readonly unknown[] = value;
  return `[${items.map((item, i) => canonicalValue(item, `${path}/${i}`, depth + 1)).join(',')}]`;
}

function canonicalValue(value: unknown, path: string, depth: number): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value, path);
  if (typeof value === 'number') return canonicalNumber(value, path);
  if (typeof value === 'object') return canonicalContainer(value, path, depth);
  throw new CanonicalJsonError('CANONICAL_TYPE', path, `JSON has no ${typeof value}`);
}

/**
 * The RFC 8785 form of a parsed JSON value: keys sorted by UTF-16 code unit, no white space, ECMAScript numbers.
 * Object members that are undefined are left out.
 * @throws CanonicalJsonError for lone surrogates, numbers that are not finite, more than 64 levels, and
 * anything JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  return canonicalValue(value, '', 0);
}
