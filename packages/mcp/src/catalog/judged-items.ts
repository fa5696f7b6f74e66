import type { ListKind } from '../protocol/list-kind.ts';
import { runInSlices } from '../protocol/pace.ts';
import { atOnce } from './at-once.ts';
import type { ListBody, TemplateRoute } from './catalog.ts';
import type { ListedGroup } from './listed-item.ts';
import type { ViewFilter } from './view-filter.ts';

const NONE: Uint32Array = new Uint32Array(0);
/** Stands for all items of a group: they need not be told apart. */
const ALL = 'all';

/** Items that are judged between two looks at the clock. */
const STEP_ITEMS = 32;
/** A list of so many items is judged in one go. */
const MAX_AT_ONCE = 256;

type Kept = Uint32Array | typeof ALL;
type Templates<T> = readonly TemplateRoute<T>[];

/**
 * What a filter says of connectors' items, kept from one catalog to the next for all of them that stay the same: after
 * one connector changed only that one is judged again. Holds on to nothing that no catalog has any more.
 */
export class JudgedItems<T> {
  readonly #filter: ViewFilter;
  readonly #kept = new WeakMap<ListedGroup, Kept>();
  readonly #bodies = new WeakMap<ListBody, ListBody>();
  readonly #preparing = new WeakMap<ListBody, Promise<void>>();
  readonly #templates = new WeakMap<Templates<T>, Templates<T>>();
  readonly #shown = new WeakMap<TemplateRoute<T>, boolean>();

  constructor(filter: ViewFilter) {
    this.#filter = filter;
  }

  /** What the filter leaves of a list; the same object for as long as the list is the same. */
  body(kind: ListKind, whole: ListBody): ListBody {
    const known = this.#bodies.get(whole);
    if (known !== undefined) return known;
    const only = whole.only((group) => {
      const kept = atOnce(this.#judged(kind, group));
      return kept === ALL ? undefined : kept;
    });
    this.#bodies.set(whole, only);
    return only;
  }

  /**
   * Judges a long list in slices, so that `body` finds it done.
   * @returns undefined when there is nothing to wait for. Never rejects.
   */
  prepare(kind: ListKind, whole: ListBody): Promise<void> | undefined {
    if (whole.count <= MAX_AT_ONCE || this.#bodies.has(whole)) return undefined;
    const known = this.#preparing.get(whole);
    if (known !== undefined) return known;
    const preparing = runInSlices(this.#judgedAll(kind, whole));
    this.#preparing.set(whole, preparing);
    return preparing;
  }

  /** What the filter leaves of the templates. */
  templates(all: Templates<T>): Templates<T> {
    const known = this.#templates.get(all);
    if (known !== undefined) return known;
    const left = all.filter((template) => this.#shows(template));
    this.#templates.set(all, left);
    return left;
  }

  *#judgedAll(kind: ListKind, whole: ListBody): Generator<void, void, void> {
    for (const group of whole.groups()) yield* this.#judged(kind, group);
  }

  *#judged(kind: ListKind, group: ListedGroup): Generator<void, Kept, void> {
    const known = this.#kept.get(group);
    if (known !== undefined) return known;
    const kept = yield* this.#judge(kind, group);
    this.#kept.set(group, kept);
    yield;
    return kept;
  }

  *#judge(kind: ListKind, { connectorId, items }: ListedGroup): Generator<void, Kept, void> {
    const filter = this.#filter;
    if (!filter.connector(connectorId)) return NONE;
    const isNamed = kind === 'tools' || kind === 'prompts';
    // A URI may be refused for how it is written, whatever the rules.
    if (isNamed && !filter.narrows(connectorId)) return ALL;
    const kept: number[] = [];
    for (const [place, { item }] of items.entries()) {
      if (filter.item(kind, connectorId, item.id)) kept.push(place);
      if (place % STEP_ITEMS === STEP_ITEMS - 1) yield;
    }
    return kept.length === items.length ? ALL : Uint32Array.from(kept);
  }

  #shows(template: TemplateRoute<T>): boolean {
    const known = this.#shown.get(template);
    if (known !== undefined) return known;
    const { connectorId, upstreamName } = template.route;
    const shown = this.#filter.item('resourceTemplates', connectorId, upstreamName);
    this.#shown.set(template, shown);
    return shown;
  }
}
