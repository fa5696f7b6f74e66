import { LIST_KINDS, type ListKind } from '../protocol/list-kind.ts';
import {
  EMPTY_VIEW,
  type Catalog,
  type CatalogView,
  type Contribution,
  type ListBody,
  type Route,
} from './catalog.ts';
import type { ViewFilter } from './view-filter.ts';

/** The routes of a view that a filter leaves. Looking up one judges that one; the others are not touched. */
class FilteredRoutes<T> implements ReadonlyMap<string, Route<T>> {
  readonly #all: ReadonlyMap<string, Route<T>>;
  readonly #allows: (route: Route<T>) => boolean;
  #kept: ReadonlyMap<string, Route<T>> | undefined;

  constructor(all: ReadonlyMap<string, Route<T>>, kind: ListKind, filter: ViewFilter) {
    this.#all = all;
    this.#allows = ({ connectorId, upstreamName }) => filter.item(kind, connectorId, upstreamName);
  }

  get(name: string): Route<T> | undefined {
    const route = this.#all.get(name);
    return route !== undefined && this.#allows(route) ? route : undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get size(): number {
    return this.#rest.size;
  }

  forEach(
    visit: (route: Route<T>, name: string, map: ReadonlyMap<string, Route<T>>) => void,
  ): void {
    for (const [name, route] of this.#rest) visit(route, name, this);
  }

  entries(): MapIterator<[string, Route<T>]> {
    return this.#rest.entries();
  }

  keys(): MapIterator<string> {
    return this.#rest.keys();
  }

  values(): MapIterator<Route<T>> {
    return this.#rest.values();
  }

  [Symbol.iterator](): MapIterator<[string, Route<T>]> {
    return this.entries();
  }

  get #rest(): ReadonlyMap<string, Route<T>> {
    this.#kept ??= new Map(Array.from(this.#all).filter(([, route]) => this.#allows(route)));
    return this.#kept;
  }
}

/** Cached for one principal may be wrong for the next. */
function privately(contribution: Contribution): Contribution {
  return { ...contribution, hint: { ...contribution.hint, cacheScope: 'private' } };
}

/** Bodies are made when they are asked for: most principals never ask for all four lists. */
function lazyLists<T>(view: CatalogView<T>, filter: ViewFilter): CatalogView<T>['lists'] {
  const made = new Map<ListKind, ListBody>();
  const body = (kind: ListKind): ListBody => {
    const known = made.get(kind);
    if (known !== undefined) return known;
    const only = view.lists[kind].only((connectorId, name) => filter.item(kind, connectorId, name));
    made.set(kind, only);
    return only;
  };
  const lists = {};
  for (const kind of LIST_KINDS) {
    Object.defineProperty(lists, kind, { enumerable: true, get: () => body(kind) });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a getter for each kind has just been defined
  return lists as CatalogView<T>['lists'];
}

/** A view as somebody sees it who may not see everything. What depends on many items is worked out when it is asked for. */
export function filteredView<T>(view: CatalogView<T>, filter: ViewFilter): CatalogView<T> {
  const templates = view.templates.filter(({ route }) =>
    filter.item('resourceTemplates', route.connectorId, route.upstreamName),
  );
  return {
    lists: lazyLists(view, filter),
    tools: new FilteredRoutes(view.tools, 'tools', filter),
    prompts: new FilteredRoutes(view.prompts, 'prompts', filter),
    resources: new FilteredRoutes(view.resources, 'resources', filter),
    templates,
    contributions: view.contributions
      .filter(({ connectorId }) => filter.connector(connectorId))
      .map(privately),
    info: view.info,
    servers: view.servers.filter(({ connectorId }) => filter.connector(connectorId)),
    filter,
  };
}

/** Views kept at a time; the longest unused gives way. */
const MAX_VIEWS = 512;

/** The filtered views of the current catalog: the next catalog throws them away. */
export class FilteredViews<T> {
  readonly #views = new Map<string, CatalogView<T>>();
  #catalog: Catalog<T> | undefined;

  /** The number of views that are kept. */
  get size(): number {
    return this.#views.size;
  }

  /** One endpoint's view, as `filter` leaves it; the shared endpoint's without a connector. */
  of(catalog: Catalog<T>, connectorId: string | undefined, filter: ViewFilter): CatalogView<T> {
    if (this.#catalog !== catalog) {
      this.#views.clear();
      this.#catalog = catalog;
    }
    const key = `${connectorId ?? ''} ${filter.key}`;
    const known = this.#views.get(key);
    const view = known ?? this.#make(catalog, connectorId, filter);
    if (known !== undefined) this.#views.delete(key);
    else if (this.#views.size >= MAX_VIEWS) this.#dropOldest();
    this.#views.set(key, view);
    return view;
  }

  #make(catalog: Catalog<T>, connectorId: string | undefined, filter: ViewFilter): CatalogView<T> {
    const isHidden = connectorId !== undefined && !filter.connector(connectorId);
    const whole = connectorId === undefined ? catalog.all : catalog.connectors.get(connectorId);
    return filteredView(isHidden || whole === undefined ? EMPTY_VIEW : whole, filter);
  }

  #dropOldest(): void {
    for (const key of this.#views.keys()) {
      this.#views.delete(key);
      return;
    }
  }
}
