/** Something that is due at an instant. `heapIndex` belongs to the heap: -1 when the item is in none. */
export interface DueItem {
  dueAtMs: number;
  heapIndex: number;
}

/**
 * A binary heap with the item due first on top. Items know their place, so that moving or removing one costs
 * O(log n), not a search.
 */
export class DueHeap<T extends DueItem> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The item due first. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Puts an item in, or moves it when it is in already. */
  place(item: T, dueAtMs: number): void {
    item.dueAtMs = dueAtMs;
    if (item.heapIndex < 0) {
      item.heapIndex = this.#items.length;
      this.#items.push(item);
    }
    this.#settle(item);
  }

  /** Takes an item out; does nothing when it is not in. */
  remove(item: T): void {
    const { heapIndex } = item;
    if (heapIndex < 0) return;
    const last = this.#items.pop();
    item.heapIndex = -1;
    if (last === undefined || last === item) return;
    last.heapIndex = heapIndex;
    this.#items[heapIndex] = last;
    this.#settle(last);
  }

  #settle(item: T): void {
    this.#up(item);
    this.#down(item);
  }

  #up(item: T): void {
    for (;;) {
      const parent = this.#items[(item.heapIndex - 1) >> 1];
      if (item.heapIndex === 0 || parent === undefined || parent.dueAtMs <= item.dueAtMs) return;
      this.#swap(item, parent);
    }
  }

  #down(item: T): void {
    for (;;) {
      const left = this.#items[item.heapIndex * 2 + 1];
      const right = this.#items[item.heapIndex * 2 + 2];
      const least =
        right !== undefined && left !== undefined && right.dueAtMs < left.dueAtMs ? right : left;
      if (least === undefined || least.dueAtMs >= item.dueAtMs) return;
      this.#swap(item, least);
    }
  }

  #swap(a: T, b: T): void {
    const at = a.heapIndex;
    a.heapIndex = b.heapIndex;
    b.heapIndex = at;
    this.#items[a.heapIndex] = a;
    this.#items[b.heapIndex] = b;
  }
}
