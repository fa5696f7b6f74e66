import type { CatalogCell } from '../catalog/catalog.ts';
import type { CatalogChange } from '../catalog/catalog-change.ts';

/** The longest a change waits for the pass that it is a part of: most passes are over by then, and tell each kind once (S4-31). */
const MAX_HELD_MS = 3_000;

/** Tells clients of changed lists once a pass, however many connectors it changed. */
export interface Announcer {
  add(change: CatalogChange): void;
  stop(): void;
}

function union<T>(a: ReadonlySet<T> | undefined, b: ReadonlySet<T>): ReadonlySet<T> {
  return a === undefined ? b : new Set([...a, ...b]);
}

function both(a: CatalogChange, b: CatalogChange): CatalogChange {
  const connectors = new Map(a.connectors);
  for (const [id, kinds] of b.connectors) connectors.set(id, union(connectors.get(id), kinds));
  return { all: union(a.all, b.all), connectors };
}

/**
 * Changes are put into the catalog as they come, and told when the pass is over: a client asks for the list once, not
 * for each connector. One that lasts does not keep them from being told.
 * @param syncing whether a pass is under way.
 */
export function createAnnouncer(
  cell: Pick<CatalogCell<unknown>, 'announce'>,
  syncing: () => boolean,
): Announcer {
  let held: CatalogChange | undefined;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    clearTimeout(timer);
    timer = undefined;
    const change = held;
    held = undefined;
    if (change !== undefined) cell.announce(change);
  }

  return {
    add(change) {
      const differs = change.all.size > 0 || change.connectors.size > 0;
      if (differs) held = held === undefined ? change : both(held, change);
      if (!syncing()) tell();
      else if (held !== undefined) timer ??= setTimeout(tell, MAX_HELD_MS).unref();
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
