/** A client's wish to have no answer any more; may come before the call it concerns has begun. */
export class Cancellation {
  #reason: string | undefined;
  #listener: ((reason: string) => void) | undefined;

  /** Why, once it has been cancelled. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Only the first one counts. */
  cancel(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#listener?.(reason);
  }

  /** Called once, at once when it has been cancelled already. There is one listener: the call. */
  onCancel(listener: (reason: string) => void): void {
    if (this.#reason === undefined) this.#listener = listener;
    else listener(this.#reason);
  }
}
