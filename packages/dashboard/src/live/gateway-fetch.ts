import type { Store } from './store.ts';

/** What the page knows of its access: `wanted` when the gateway asked for a key, with what is to be said about it. */
export type Access = { readonly kind: 'open' } | { readonly kind: 'wanted'; readonly why: string };

/** Where the key lives: for this tab only, and until it is closed. */
export interface KeyKeeper {
  read(): string | undefined;
  /** Keeps a key; undefined forgets it. */
  keep(key: string | undefined): void;
}

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

const NAME = 'cortex-mcp.key';

/** A keeper in `sessionStorage`; where that is forbidden, in memory. */
export function createKeyKeeper(
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>,
): KeyKeeper {
  let inMemory: string | undefined;
  return {
    read() {
      try {
        return storage.getItem(NAME) ?? inMemory;
      } catch {
        // A browser may forbid storage; the key is asked for again after a reload then.
        return inMemory;
      }
    },
    keep(key) {
      inMemory = key;
      try {
        if (key === undefined) storage.removeItem(NAME);
        else storage.setItem(NAME, key);
      } catch {
        // As above.
      }
    },
  };
}

function whyWanted(status: number, hadKey: boolean): string {
  if (status === 403) return 'This key may not do that here. Another one may.';
  return hadKey ? 'The gateway did not accept that key.' : 'This gateway asks for a key.';
}

/**
 * fetch() with the kept key. An answer of 401 opens the question for one, and so does 403 to what the page cannot do
 * without; where a key may not do everything, the rest of the page goes on.
 */
export function createGatewayFetch(fetch: Fetch, keys: KeyKeeper, access: Store<Access>): Fetch {
  return async (path, init = {}) => {
    const key = keys.read();
    const headers = new Headers(init.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    const response = await fetch(path, {
      ...init,
      headers,
      cache: 'no-store',
      credentials: 'omit',
    });
    const { status } = response;
    // Not when another key was given meanwhile: that answer is about the one before.
    if (keys.read() !== key) return response;
    const isVital = path.startsWith('/page/');
    if (status === 401 || (status === 403 && key !== undefined && isVital)) {
      access.set({ kind: 'wanted', why: whyWanted(status, key !== undefined) });
    }
    return response;
  };
}
