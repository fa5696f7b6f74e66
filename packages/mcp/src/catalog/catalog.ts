import type { CacheHint } from '../protocol/cache-hint.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import type { UpstreamInfo } from './source.ts';

/** Where a call goes. `target` is opaque here: the gateway's way to get an upstream for a caller. */
export interface Route<T> {
  readonly connectorId: string;
  /** The upstream's own name or URI. */
  readonly upstreamName: string;
  readonly target: T;
}

/** One list, ready to send. */
export interface ListBody {
  readonly count: number;
  /** The UTF-8 of `"tools":[…]`. */
  bytes(): Buffer;
}

/** A part of a list's age: when it came and how long it is good. */
export interface Contribution {
  readonly connectorId: string;
  /** On the clock of `performance.now()`. */
  readonly receivedAtMs: number;
  readonly hint: CacheHint;
}

/** What one endpoint offers: all connectors under prefixed names, or one under its own. */
export interface CatalogView<T> {
  readonly lists: Readonly<Record<ListKind, ListBody>>;
  readonly tools: ReadonlyMap<string, Route<T>>;
  readonly prompts: ReadonlyMap<string, Route<T>>;
  readonly resources: ReadonlyMap<string, Route<T>>;
  /** Literal beginnings of URI templates, longest first, for URIs that are not listed. */
  readonly templates: readonly { readonly prefix: string; readonly route: Route<T> }[];
  readonly contributions: readonly Contribution[];
  /** Set when the view is one connector's. */
  readonly info: UpstreamInfo | undefined;
}

/** Everything offered at one moment. Immutable; a new one replaces it whole. */
export interface Catalog<T> {
  readonly generation: number;
  readonly all: CatalogView<T>;
  readonly connectors: ReadonlyMap<string, CatalogView<T>>;
  /** Names that clash, one sentence each. */
  readonly warnings: readonly string[];
}

/** Lists that differ between two catalogs, on the shared endpoint and per connector. */
export interface CatalogChange {
  readonly all: ReadonlySet<ListKind>;
  readonly connectors: ReadonlyMap<string, ReadonlySet<ListKind>>;
}

function emptyBody(kind: ListKind): ListBody {
  const bytes = Buffer.from(`"${kind}":[]`);
  return { count: 0, bytes: () => bytes };
}

const EMPTY_BODIES: CatalogView<never>['lists'] = {
  tools: emptyBody('tools'),
  prompts: emptyBody('prompts'),
  resources: emptyBody('resources'),
  resourceTemplates: emptyBody('resourceTemplates'),
};

/** The view of an endpoint nothing is known of yet. */
export const EMPTY_VIEW: CatalogView<never> = {
  lists: EMPTY_BODIES,
  tools: new Map(),
  prompts: new Map(),
  resources: new Map(),
  templates: [],
  contributions: [],
  info: undefined,
};

/** Holds the current catalog. Swapping it is one assignment; readers keep the one they took. */
export class CatalogCell<T> {
  #current: Catalog<T> = {
    generation: 0,
    all: EMPTY_VIEW,
    connectors: new Map(),
    warnings: [],
  };
  readonly #listeners = new Set<(change: CatalogChange) => void>();

  get current(): Catalog<T> {
    return this.#current;
  }

  /** Puts the next catalog in place and tells the listeners, once, when any list differs. */
  swap(next: Catalog<T>, change: CatalogChange): void {
    this.#current = next;
    if (change.all.size === 0 && change.connectors.size === 0) return;
    for (const listener of this.#listeners) listener(change);
  }

  /** @returns a function that ends the subscription. */
  subscribe(listener: (change: CatalogChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
