/** Where a value stands in an `AgeList`. */
export interface AgePlace<T> {
  readonly value: T;
  older: AgePlace<T> | undefined;
  newer: AgePlace<T> | undefined;
}

/**
 * Values in the order they came. To add, to look at the oldest and to remove from anywhere cost the same whatever the
 * length. A `Set` does not: it keeps the holes of what was removed, and who looks for its first value walks over them.
 */
export class AgeList<T> {
  #oldest: AgePlace<T> | undefined;
  #newest: AgePlace<T> | undefined;

  get oldest(): T | undefined {
    return this.#oldest?.value;
  }

  /** @returns what `remove` wants; who adds keeps it. */
  add(value: T): AgePlace<T> {
    const place: AgePlace<T> = { value, older: this.#newest, newer: undefined };
    if (this.#newest === undefined) this.#oldest = place;
    else this.#newest.newer = place;
    this.#newest = place;
    return place;
  }

  /** Once for each place. */
  remove({ older, newer }: AgePlace<T>): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}
