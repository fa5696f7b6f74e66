import type { ServerResponse } from 'node:http';

/** What each principal has open. */
export class Presence {
  readonly #open = new Map<string, Set<ServerResponse>>();

  /** Counts a response until it is closed. False when the principal has as many already: it is not counted. */
  enter(principalId: string, response: ServerResponse, most: number): boolean {
    const responses = this.#open.get(principalId) ?? new Set();
    if (most > 0 && responses.size >= most) return false;
    responses.add(response);
    this.#open.set(principalId, responses);
    response.once('close', () => {
      responses.delete(response);
      if (responses.size === 0 && this.#open.get(principalId) === responses) {
        this.#open.delete(principalId);
      }
    });
    return true;
  }

  /** Cuts everything that somebody has open who may not have it any more. */
  cut(isOut: (principalId: string) => boolean): void {
    for (const [id, responses] of this.#open) {
      if (!isOut(id)) continue;
      for (const response of responses) response.destroy();
    }
  }
}
