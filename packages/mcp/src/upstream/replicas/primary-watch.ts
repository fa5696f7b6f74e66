/** How often it is asked, half as often again by chance. */
const INTERVAL_MS = 4_000;

export interface PrimaryWatchOptions {
  /** Asks the server that tells of changes whether it is there. Never rejects. */
  readonly check: () => Promise<void>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Looks after the one server of several that tells of changes, while somebody wants to hear of any: nothing else says that
 * it is gone as long as nobody calls. Its timer keeps no process alive.
 */
export class PrimaryWatch {
  readonly #options: PrimaryWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #on = false;
  #checking = false;

  constructor(options: PrimaryWatchOptions) {
    this.#options = options;
  }

  set(on: boolean): void {
    this.#on = on;
    if (on) this.#timer ??= this.#wait();
    else this.#stop();
  }

  /** It may be gone just now. */
  now(): void {
    if (!this.#on || this.#checking) return;
    this.#stop();
    void this.#check();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #wait(): NodeJS.Timeout {
    const ms = INTERVAL_MS * (1 + this.#options.random() / 2);
    return setTimeout(() => void this.#check(), ms).unref();
  }

  async #check(): Promise<void> {
    this.#checking = true;
    await this.#options.check();
    this.#checking = false;
    this.#timer = this.#on ? this.#wait() : undefined;
  }
}
