/** One page of a list that is too long to be drawn at once. */
export interface Page<T> {
  readonly items: readonly T[];
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** Of the first item, from 1; 0 when there is none. */
  readonly first: number;
  readonly last: number;
  readonly total: number;
}

/** The page that was asked for, or the nearest there is. */
export function pageOf<T>(items: readonly T[], index: number, size: number): Page<T> {
  const count = Math.max(1, Math.ceil(items.length / size));
  const at = Math.min(Math.max(0, index), count - 1);
  const shown = items.slice(at * size, (at + 1) * size);
  return {
    items: shown,
    index: at,
    count,
    first: shown.length === 0 ? 0 : at * size + 1,
    last: at * size + shown.length,
    total: items.length,
  };
}
