/** What `util.inspect` and the console call, by the name Node registers it under. */
const INSPECT: symbol = Symbol.for('nodejs.util.inspect.custom');

const SHOWN = '[redacted]';

/** A value that no log, status or JSON shows; `reveal()` is the only way to it. */
export class Secret<T> {
  readonly #value: T;
  constructor(value: T) {
    this.#value = value;
    Object.defineProperty(this, INSPECT, { value: () => SHOWN });
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }
}
