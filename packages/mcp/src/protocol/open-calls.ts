/**
 * Collections of calls under way. Not `Set` and `Map`: V8 links the tables that those outgrow, so that one dead table in
 * the old generation keeps every later one alive, and with it each call that was ever in there, until a major collection.
 */

/** A member of at most one `OpenCalls` at a time. */
export interface Placed {
  /** Where it is; -1 while it is in none. Written by `OpenCalls` alone. */
  place: number;
}

/** A set without order that adds and removes in constant time. */
export class OpenCalls<T extends Placed> {
  readonly #calls: T[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: T): void {
    call.place = this.#calls.length;
    this.#calls.push(call);
  }

  /** False when it was not in here. */
  delete(call: T): boolean {
    const { place } = call;
    if (place < 0 || this.#calls[place] !== call) return false;
    const last = this.#calls.pop();
    if (last !== undefined && last !== call) {
      this.#calls[place] = last;
      last.place = place;
    }
    call.place = -1;
    return true;
  }

  /** Those that are in here now, whatever becomes of them meanwhile. */
  all(): readonly T[] {
    return [...this.#calls];
  }
}

/** Calls by numbers of ours. */
export class NumberedCalls<T> {
  #calls: Record<number, T> = {};
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    return this.#calls[id];
  }

  /** The number must be new. */
  set(id: number, call: T): void {
    this.#calls[id] = call;
    this.#size += 1;
  }

  /** False when there is none. */
  delete(id: number): boolean {
    if (this.#calls[id] === undefined) return false;
    // With numbers as keys this is a hash table, and unlike that of a Map it is not linked.
    delete this.#calls[id];
    this.#size -= 1;
    return true;
  }

  clear(): void {
    this.#calls = {};
    this.#size = 0;
  }

  all(): readonly T[] {
    return Object.values(this.#calls);
  }

  /** Any of them: where there is one, that one. */
  first(): number | undefined {
    for (const id in this.#calls) return Number(id);
    return undefined;
  }
}
