import type { RefreshScheduler } from '../refresh/refresh-scheduler.ts';

/** What looks at lists once more; it may be at rest, or not be there at all. */
export type ListChecker = Pick<RefreshScheduler, 'running' | 'checkSoon'>;

/** Whether the lists of the sync under way were asked for before the server was through with its handshake. */
export class ListCheck {
  readonly #id: string;
  readonly #checker: ListChecker | undefined;
  #due = false;

  constructor(id: string, checker: ListChecker | undefined) {
    this.#id = id;
    this.#checker = checker;
  }

  /** The lists are about to be asked for early. @returns whether they will be looked at once more. */
  expect(): boolean {
    this.#due = this.#checker?.running === true;
    return this.#due;
  }

  /** The sync has ended. */
  synced(kind: string): void {
    if (this.#due && kind !== 'failed') this.#checker?.checkSoon(this.#id);
    this.#due = false;
  }
}
