import type { JsonRpcId } from '../../protocol/message.ts';
import type { Cancellation } from '../call/cancellation.ts';

/** Shared, and never filled. */
const NO_IDS: JsonRpcId[] = [];
const NO_CALLS: Cancellation[] = [];

/**
 * The calls of one session that are under way, by the client's ids: few, so that they are looked through one by one (and
 * why not a Map: `open-calls.ts`). Most sessions wait for hours without any: the arrays are made with the first.
 */
export class SessionCalls {
  #ids: JsonRpcId[] = NO_IDS;
  #calls: Cancellation[] = NO_CALLS;

  get size(): number {
    return this.#ids.length;
  }

  get(id: JsonRpcId): Cancellation | undefined {
    return this.#calls[this.#ids.indexOf(id)];
  }

  /** The id must not be in use. */
  set(id: JsonRpcId, call: Cancellation): void {
    if (this.#ids === NO_IDS) {
      this.#ids = [id];
      this.#calls = [call];
      return;
    }
    this.#ids.push(id);
    this.#calls.push(call);
  }

  delete(id: JsonRpcId): void {
    const at = this.#ids.indexOf(id);
    if (at === -1) return;
    const lastId = this.#ids.pop();
    const last = this.#calls.pop();
    if (lastId === undefined || last === undefined || at === this.#ids.length) return;
    this.#ids[at] = lastId;
    this.#calls[at] = last;
  }

  /** Those that are under way now, whatever becomes of them meanwhile. */
  all(): readonly Cancellation[] {
    return [...this.#calls];
  }
}
