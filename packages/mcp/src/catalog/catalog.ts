import type { Era } from '../protocol/revision.ts';
import type { HeaderParam } from '../protocol/param-header.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import type { CatalogChange } from './catalog-change.ts';
import { freshnessOf, type Contribution, type Freshness } from './freshness.ts';
import type { ListedGroup } from './listed-item.ts';
import type { UpstreamInfo } from './source.ts';
import type { ViewFilter } from './view-filter.ts';

/** A tool as its server describes it: the raw JSON object. Equal text is the same object while nothing changes. */
export interface ToolDefinition {
  readonly text: string;
}

/** Where a call goes. `target` is opaque here: the gateway's way to get an upstream for a caller. */
export interface Route<T> {
  readonly connectorId: string;
  /** The upstream's own name or URI. */
  readonly upstreamName: string;
  readonly target: T;
  /** Arguments of a tool that are repeated in headers; absent when there are none. */
  readonly headerParams?: readonly HeaderParam[];
  /** Legacy clients see the tool's output under `result`. */
  readonly wrapsOutput?: boolean;
  /** Of a tool: what is listed of it. */
  readonly definition?: ToolDefinition;
  /** Of a tool that is not as it was approved: calls are refused. */
  readonly quarantine?: 'changed';
}

/** Where reads of URIs go that a template describes. */
export interface TemplateRoute<T> {
  /** Literal beginning of the template as the endpoint shows it. */
  readonly prefix: string;
  /** The template as the endpoint shows it. */
  readonly template: string;
  readonly route: Route<T>;
  /** The endpoint shows it with the connector's id in its path, as another has the same one. */
  readonly namespaced: boolean;
}

/** Where a page of a list ended: the last item that was on it. */
export interface PageKey {
  readonly connectorId: string;
  /** Its place among the connector's items. */
  readonly index: number;
  /** The connector's own name of it. */
  readonly name: string;
}

/** A part of a list; `next` is undefined on the last page. */
export interface ListPage {
  /** As those of a whole list. */
  readonly bytes: Buffer;
  readonly next: PageKey | undefined;
}

/** One list, ready to send, as clients of an era see it. */
export interface ListBody {
  readonly count: number;
  /** The UTF-8 of `"tools":[…]}}`: the last member of a result, and the end of its message. */
  bytes(era: Era): Buffer;
  /** As `bytes` for at most `size` items after `after`, or from the beginning. */
  page(after: PageKey | undefined, size: number, era: Era): ListPage;
  /**
   * The list with some of its items only.
   * @param keptOf the places of those that stay of one connector's, ascending; undefined when all do.
   */
  only(keptOf: (group: ListedGroup) => Uint32Array | undefined): ListBody;
  /** What `only` asks about. */
  groups(): readonly ListedGroup[];
}

/** A connector as a view shows it. */
export interface ServerBehind<T> {
  readonly connectorId: string;
  readonly info: UpstreamInfo;
  readonly target: T;
}

/** What one endpoint offers: all connectors under prefixed names, or one under its own. */
export interface CatalogView<T> {
  readonly lists: Readonly<Record<ListKind, ListBody>>;
  readonly tools: ReadonlyMap<string, Route<T>>;
  readonly prompts: ReadonlyMap<string, Route<T>>;
  readonly resources: ReadonlyMap<string, Route<T>>;
  /** Literal beginnings of URI templates, longest first, for URIs that are not listed. */
  readonly templates: readonly TemplateRoute<T>[];
  readonly contributions: readonly Contribution[];
  /** Of all contributions together. */
  readonly freshness: Freshness;
  /** Set when the view is one connector's. */
  readonly info: UpstreamInfo | undefined;
  /** The servers behind the view. */
  readonly servers: readonly ServerBehind<T>[];
  /** Set when the view leaves out what somebody may not see. */
  readonly filter?: ViewFilter | undefined;
}

/** Everything offered at one moment. Immutable; a new one replaces it whole. */
export interface Catalog<T> {
  readonly generation: number;
  readonly all: CatalogView<T>;
  readonly connectors: ReadonlyMap<string, CatalogView<T>>;
  /** Names that clash, one sentence each. */
  readonly warnings: readonly string[];
}

function emptyBody(kind: ListKind): ListBody {
  const bytes = Buffer.from(`"${kind}":[]}}`);
  const body: ListBody = {
    count: 0,
    bytes: () => bytes,
    page: () => ({ bytes, next: undefined }),
    only: () => body,
    groups: () => [],
  };
  return body;
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
  freshness: freshnessOf([]),
  info: undefined,
  servers: [],
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
  readonly #swapListeners = new Set<() => void>();

  get current(): Catalog<T> {
    return this.#current;
  }

  /** Puts the next catalog in place and tells the listeners, once, when any list differs. */
  swap(next: Catalog<T>, change: CatalogChange): void {
    this.put(next);
    this.announce(change);
  }

  /** Puts the next catalog in place; `announce` tells of what differs. */
  put(next: Catalog<T>): void {
    this.#current = next;
    for (const listener of this.#swapListeners) listener();
  }

  /** Tells the listeners, once, when any list differs. */
  announce(change: CatalogChange): void {
    if (change.all.size === 0 && change.connectors.size === 0) return;
    for (const listener of this.#listeners) listener(change);
  }

  /** As `subscribe`, for every swap: routes may lead elsewhere though all lists are the same. */
  onSwap(listener: () => void): () => void {
    this.#swapListeners.add(listener);
    return () => this.#swapListeners.delete(listener);
  }

  /** @returns a function that ends the subscription. */
  subscribe(listener: (change: CatalogChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
