import type { ServerResponse } from 'node:http';

/** What each principal has open. */
export class Presence {
  /** When each must be over, in milliseconds since 1970. */
  readonly #open = new Map<string, Map<ServerResponse, number>>();

  /** Counts a response until it is closed. False when the principal has as many already: it is not counted. */
  enter(
    principalId: string,
    response: ServerResponse,
    { most, endsAtMs }: { readonly most: number; readonly endsAtMs: number },
  ): boolean {
    const responses = this.#open.get(principalId) ?? new Map<ServerResponse, number>();
    if (most > 0 && responses.size >= most) return false;
    responses.set(response, endsAtMs);
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
      for (const response of responses.keys()) response.destroy();
    }
  }

  /** Cuts what must be over: what a token opened that has ended since. */
  cutEnded(nowMs: number): void {
    for (const responses of this.#open.values()) {
      for (const [response, endsAtMs] of responses) if (endsAtMs <= nowMs) response.destroy();
    }
  }
}
