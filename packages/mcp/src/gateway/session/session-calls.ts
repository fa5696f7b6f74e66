import type { JsonRpcId } from '../../protocol/message.ts';
import type { Cancellation } from '../call/cancellation.ts';

/**
 * The calls of one session that are under way, by the client's ids: few, so that they are looked through one by one (and
 * why not a Map: `open-calls.ts`).
 */
export class SessionCalls {
  readonly #ids: JsonRpcId[] = [];
  readonly #calls: Cancellation[] = [];

  get size(): number {
    return this.#ids.length;
  }

  get(id: JsonRpcId): Cancellation | undefined {
    return this.#calls[this.#ids.indexOf(id)];
  }

  /** The id must not be in use. */
  set(id: JsonRpcId, call: Cancellation): void {
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
