/** What is cancelled. */
interface Cancellable {
  cancel(reason: string): void;
}

/** A client's wish to have no answer any more; may come before the call it concerns has begun. */
export class Cancellation implements Cancellable {
  #reason: string | undefined;
  #call: Cancellable | undefined;

  /** Why, once it has been cancelled. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Only the first one counts. */
  cancel(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#call?.cancel(reason);
  }

  /** Cancels the one call it concerns; at once when it has been cancelled already. */
  follow(call: Cancellable): void {
    if (this.#reason === undefined) this.#call = call;
    else call.cancel(this.#reason);
  }
}
