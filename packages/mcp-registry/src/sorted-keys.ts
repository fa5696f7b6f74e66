const maxBlock = 512;

/**
 * Strings in code-unit order, in blocks, so that one insertion or removal among 100,000 moves at most 512 entries.
 * Adding in order (the way our own snapshots are read) costs one comparison.
 */
export class SortedKeys {
  readonly #blocks: string[][] = [];

  add(key: string): void {
    const last = this.#blocks.at(-1);
    if (last === undefined) {
      this.#blocks.push([key]);
      return;
    }
    const index = this.#blockFor(key);
    const block = this.#blocks[index] ?? last;
    const at = lowerBound(block, key);
    if (block[at] === key) return;
    block.splice(at, 0, key);
    if (block.length > maxBlock) this.#split(index, block, at);
  }

  delete(key: string): void {
    const index = this.#blockFor(key);
    const block = this.#blocks[index];
    if (block === undefined) return;
    const at = lowerBound(block, key);
    if (block[at] !== key) return;
    block.splice(at, 1);
    if (block.length === 0) this.#blocks.splice(index, 1);
  }

  /** Keys greater than `after`, in order; all of them when `after` is undefined. */
  *after(after?: string): Generator<string> {
    const start = after === undefined ? 0 : this.#blockFor(after);
    for (let index = start; index < this.#blocks.length; index++) {
      const block = this.#blocks[index] ?? [];
      let at = after === undefined || index > start ? 0 : lowerBound(block, after);
      if (block[at] === after) at++;
      for (; at < block.length; at++) yield block[at] ?? '';
    }
  }

  /** Keys that start with `prefix`, in order. */
  *startingWith(prefix: string): Generator<string> {
    for (let index = this.#blockFor(prefix); index < this.#blocks.length; index++) {
      const block = this.#blocks[index] ?? [];
      for (let at = lowerBound(block, prefix); at < block.length; at++) {
        const key = block[at] ?? '';
        if (!key.startsWith(prefix)) return;
        yield key;
      }
    }
  }

  #split(index: number, block: string[], at: number): void {
    // Appending in order leaves full blocks behind instead of half-empty ones.
    const cut =
      index === this.#blocks.length - 1 && at === block.length - 1
        ? block.length - 1
        : block.length >> 1;
    this.#blocks.splice(index + 1, 0, block.splice(cut));
  }

  /** The last block whose first key is not greater than `key`. */
  #blockFor(key: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#blocks[middle]?.[0] ?? '') <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lowerBound(sorted: readonly string[], key: string): number {
  const last = sorted.at(-1);
  if (last !== undefined && last < key) return sorted.length;
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
