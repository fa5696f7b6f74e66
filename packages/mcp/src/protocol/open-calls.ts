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

/**
 * Calls that are looked at now and then, all by one coarse timer: cheaper than one each. It is gone a look after nothing is in
 * here, and not at once: one call at a time would otherwise start and end it with each. It keeps no process alive.
 */
export class WatchedCalls<T extends Placed> extends OpenCalls<T> {
  readonly #everyMs: number;
  readonly #look: (call: T, nowMs: number) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param look called for each that is in here, with the time of `performance.now()`; may take out any. */
  constructor(everyMs: number, look: (call: T, nowMs: number) => void) {
    super();
    this.#everyMs = everyMs;
    this.#look = look;
  }

  override add(call: T): void {
    super.add(call);
    this.#timer ??= setInterval(() => this.#lookAtAll(), this.#everyMs).unref();
  }

  #lookAtAll(): void {
    if (this.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const nowMs = performance.now();
    for (const call of this.all()) {
      // Another's end may have been its own.
      if (call.place >= 0) this.#look(call, nowMs);
    }
  }
}

/** Calls under way that need a place each; with more, places are shared and the rest is looked up. */
const MAX_PLACES = 1_024;
const MIN_PLACES = 8;
const FREE = -1;

const freePlaces = (count: number): number[] => Array.from({ length: count }, () => FREE);

/**
 * Calls by numbers of ours, which count up: one after the other takes the next place of a ring, at most 1,024. Those
 * whose place a longer call still has are in an object with numbers as keys.
 */
export class NumberedCalls<T> {
  #ids: number[] = freePlaces(MIN_PLACES);
  #calls: (T | undefined)[] = Array.from({ length: MIN_PLACES }, () => undefined);
  /** With numbers as keys this is a hash table, and unlike that of a Map it is not linked. */
  #more: Record<number, T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const place = id & (this.#ids.length - 1);
    return this.#ids[place] === id ? this.#calls[place] : this.#more?.[id];
  }

  /** The number must be new. */
  set(id: number, call: T): void {
    this.#size += 1;
    let place = id & (this.#ids.length - 1);
    if (this.#ids[place] !== FREE) {
      // One long call alone is no reason: it would need a ring as long as it lasts.
      if (this.#size * 2 > this.#ids.length) this.#grow();
      place = id & (this.#ids.length - 1);
      if (this.#ids[place] !== FREE) {
        (this.#more ??= {})[id] = call;
        return;
      }
    }
    this.#ids[place] = id;
    this.#calls[place] = call;
  }

  /** False when there is none. */
  delete(id: number): boolean {
    const place = id & (this.#ids.length - 1);
    if (this.#ids[place] === id) {
      this.#ids[place] = FREE;
      this.#calls[place] = undefined;
    } else if (this.#more?.[id] === undefined) {
      return false;
    } else {
      delete this.#more[id];
    }
    this.#size -= 1;
    return true;
  }

  clear(): void {
    this.#ids = freePlaces(MIN_PLACES);
    this.#calls = Array.from({ length: MIN_PLACES }, () => undefined);
    this.#more = undefined;
    this.#size = 0;
  }

  /** In the order of their numbers. */
  all(): readonly T[] {
    return this.#numbers().flatMap((id) => this.get(id) ?? []);
  }

  /** Any of them: where there is one, that one. */
  first(): number | undefined {
    return this.#size === 0 ? undefined : this.#numbers()[0];
  }

  #numbers(): readonly number[] {
    const placed = this.#ids.filter((id) => id !== FREE);
    return [...placed, ...Object.keys(this.#more ?? {}).map(Number)].toSorted((a, b) => a - b);
  }

  /** Twice the places, unless they are enough already: each call keeps one of its own. */
  #grow(): void {
    const count = this.#ids.length * 2;
    if (count > MAX_PLACES) return;
    const [ids, calls] = [this.#ids, this.#calls];
    this.#ids = freePlaces(count);
    this.#calls = Array.from({ length: count }, () => undefined);
    for (const [before, id] of ids.entries()) {
      if (id === FREE) continue;
      this.#ids[id & (count - 1)] = id;
      this.#calls[id & (count - 1)] = calls[before];
    }
  }
}
