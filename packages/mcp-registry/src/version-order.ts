interface SemVer {
  readonly core: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
}

const semVer =
  /^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?(?:\+[\dA-Za-z.-]+)?$/u;

function parse(version: string): SemVer | undefined {
  const match = semVer.exec(version);
  if (match === null) return undefined;
  const [, major = '0', minor = '0', patch = '0', prerelease = ''] = match;
  return {
    core: [BigInt(major), BigInt(minor), BigInt(patch)],
    prerelease: prerelease === '' ? [] : prerelease.split('.'),
  };
}

function compare<T extends string | bigint | number>(a: T, b: T): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareIdentifiers(a: string, b: string): number {
  const [numericA, numericB] = [/^\d+$/u.test(a), /^\d+$/u.test(b)];
  if (numericA && numericB) return compare(BigInt(a), BigInt(b));
  if (numericA !== numericB) return numericA ? -1 : 1;
  return compare(a, b);
}

function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  // A release is later than its pre-releases.
  if (a.length === 0 || b.length === 0) return compare(b.length, a.length);
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const order = compareIdentifiers(a[index] ?? '', b[index] ?? '');
    if (order !== 0) return order;
  }
  return compare(a.length, b.length);
}

/**
 * Orders versions: by semantic versioning 2.0.0 §11 when both are such versions; a version that is not one counts as
 * later than every one that is (official registry rule); two of those compare as text.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (left === undefined || right === undefined) {
    if (left === right) return compare(a, b);
    return left === undefined ? 1 : -1;
  }
  for (const index of [0, 1, 2] as const) {
    const order = compare(left.core[index], right.core[index]);
    if (order !== 0) return order;
  }
  return comparePrerelease(left.prerelease, right.prerelease);
}
