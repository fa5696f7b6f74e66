import type { ListKind } from '../protocol/list-kind.ts';
import { EMPTY_VIEW, type Catalog, type CatalogView, type Route } from './catalog.ts';
import { freshnessOf } from './freshness.ts';
import { JudgedItems } from './judged-items.ts';
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

/** A view that makes a list, or looks through the templates, when it is asked for them: most principals never ask for all. */
class FilteredView<T> implements CatalogView<T> {
  readonly lists: CatalogView<T>['lists'];
  readonly tools: CatalogView<T>['tools'];
  readonly prompts: CatalogView<T>['prompts'];
  readonly resources: CatalogView<T>['resources'];
  readonly contributions: CatalogView<T>['contributions'];
  readonly freshness: CatalogView<T>['freshness'];
  readonly info: CatalogView<T>['info'];
  readonly servers: CatalogView<T>['servers'];
  readonly filter: ViewFilter;
  readonly #whole: CatalogView<T>;
  readonly #judged: JudgedItems<T>;

  constructor(view: CatalogView<T>, filter: ViewFilter, judged: JudgedItems<T>) {
    const isSeen = ({ connectorId }: { readonly connectorId: string }): boolean =>
      filter.connector(connectorId);
    this.#whole = view;
    this.#judged = judged;
    this.lists = lazyLists(view, judged);
    this.tools = new FilteredRoutes(view.tools, 'tools', filter);
    this.prompts = new FilteredRoutes(view.prompts, 'prompts', filter);
    this.resources = new FilteredRoutes(view.resources, 'resources', filter);
    this.contributions = view.contributions.filter(isSeen);
    // Cached for one principal may be wrong for the next.
    this.freshness = { ...freshnessOf(this.contributions), cacheScope: 'private' };
    this.info = view.info;
    this.servers = view.servers.filter(isSeen);
    this.filter = filter;
  }

  get templates(): CatalogView<T>['templates'] {
    return this.#judged.templates(this.#whole.templates);
  }
}

function lazyLists<T>({ lists }: CatalogView<T>, judged: JudgedItems<T>): CatalogView<T>['lists'] {
  return {
    get tools() {
      return judged.body('tools', lists.tools);
    },
    get prompts() {
      return judged.body('prompts', lists.prompts);
    },
    get resources() {
      return judged.body('resources', lists.resources);
    },
    get resourceTemplates() {
      return judged.body('resourceTemplates', lists.resourceTemplates);
    },
  };
}

/**
 * A view as somebody sees it who may not see everything. What depends on many items is worked out when it is asked for.
 * @param judged what equal filters said before. Default: nothing.
 */
export function filteredView<T>(
  view: CatalogView<T>,
  filter: ViewFilter,
  judged: JudgedItems<T> = new JudgedItems(filter),
): CatalogView<T> {
  return new FilteredView(view, filter, judged);
}

/** Views kept at a time, and filters whose judgements are; the longest unused gives way. */
const MAX_VIEWS = 512;

/** As Map.get(), and what it finds is then the last to be dropped. */
function touched<V>(map: Map<string, V>, key: string): V | undefined {
  const value = map.get(key);
  if (value === undefined) return undefined;
  map.delete(key);
  map.set(key, value);
  return value;
}

function add<V>(map: Map<string, V>, key: string, value: V): V {
  const [oldest] = map.size >= MAX_VIEWS ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
  return value;
}

/** The filtered views of the current catalog: the next catalog throws them away, but not what was judged for them. */
export class FilteredViews<T> {
  readonly #views = new Map<string, CatalogView<T>>();
  readonly #judged = new Map<string, JudgedItems<T>>();
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
    return (
      touched(this.#views, key) ?? add(this.#views, key, this.#make(catalog, connectorId, filter))
    );
  }

  /**
   * Judges a long list of a view in slices before it is asked for.
   * @returns undefined when there is nothing to wait for. Never rejects.
   */
  prepare(kind: ListKind, whole: CatalogView<T>, filter: ViewFilter): Promise<void> | undefined {
    return this.#judgedBy(filter).prepare(kind, whole.lists[kind]);
  }

  #make(catalog: Catalog<T>, connectorId: string | undefined, filter: ViewFilter): CatalogView<T> {
    const isHidden = connectorId !== undefined && !filter.connector(connectorId);
    const whole = connectorId === undefined ? catalog.all : catalog.connectors.get(connectorId);
    const shown = isHidden || whole === undefined ? EMPTY_VIEW : whole;
    return filteredView(shown, filter, this.#judgedBy(filter));
  }

  #judgedBy(filter: ViewFilter): JudgedItems<T> {
    const { key } = filter;
    return touched(this.#judged, key) ?? add(this.#judged, key, new JudgedItems(filter));
  }
}
