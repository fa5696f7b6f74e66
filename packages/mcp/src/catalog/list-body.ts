import type { ListKind } from '../protocol/list-kind.ts';
import type { Era } from '../protocol/revision.ts';
import { atOnce } from './at-once.ts';
import type { ListBody, ListPage, PageKey } from './catalog.ts';
import { itemText, type ListedGroup } from './listed-item.ts';
import {
  itemsOf,
  joined,
  keyBefore,
  narrowed,
  positionAfter,
  selectedOf,
  type Selected,
} from './selection.ts';

/** All of connectors' items, in the order they are given in. */
function allOf(groups: readonly ListedGroup[]): Selected {
  return selectedOf(groups.map((group) => ({ group, kept: undefined })));
}

function groupsOf({ selections }: Selected): readonly ListedGroup[] {
  return selections.map(({ group }) => group);
}

/** Where a page ends, and what is told of the next one. */
function pageEnd(
  selected: Selected,
  from: number,
  size: number,
): Pick<ListPage, 'next'> & { to: number } {
  const to = Math.min(selected.count, from + size);
  return { to, next: to < selected.count && to > from ? keyBefore(selected, to) : undefined };
}

/** One era's list: whole, and in pages. */
class EraList {
  readonly #kind: ListKind;
  readonly #era: Era;
  readonly #selected: Selected;
  #whole: Buffer | undefined;
  #pageSize = 0;
  /** By their number: those that clients get who begin at the beginning. No more than the list has. */
  readonly #pages = new Map<number, ListPage>();

  constructor(kind: ListKind, era: Era, selected: Selected) {
    this.#kind = kind;
    this.#era = era;
    this.#selected = selected;
  }

  *build(): Generator<void, void, void> {
    this.#whole = yield* this.#joined(0, this.#selected.count);
  }

  bytes(): Buffer {
    this.#whole ??= atOnce(this.#joined(0, this.#selected.count));
    return this.#whole;
  }

  page(after: PageKey | undefined, size: number): ListPage {
    const from = positionAfter(this.#selected, after);
    if (from === 0 && size >= this.#selected.count) return { bytes: this.bytes(), next: undefined };
    if (this.#pageSize === 0) this.#pageSize = size;
    // One that begins elsewhere was asked for by a cursor of an earlier catalog, or by one that somebody made up.
    if (size !== this.#pageSize || from % size !== 0) return this.#page(from, size);
    const number = from / size;
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = this.#page(from, size);
    this.#pages.set(number, page);
    return page;
  }

  #page(from: number, size: number): ListPage {
    const { to, next } = pageEnd(this.#selected, from, size);
    return { bytes: atOnce(this.#joined(from, to)), next };
  }

  #joined(from: number, to: number): Generator<void, Buffer, void> {
    return joined(this.#kind, this.#selected, { from, to, era: this.#era });
  }
}

/** A list put together from its connectors' pieces: nothing is serialised. */
class JoinedBody implements ListBody {
  readonly count: number;
  readonly #kind: ListKind;
  readonly #selected: Selected;
  readonly #modern: EraList;
  readonly #legacy: EraList;

  constructor(kind: ListKind, selected: Selected) {
    this.count = selected.count;
    this.#kind = kind;
    this.#selected = selected;
    this.#modern = new EraList(kind, 'modern', selected);
    const same = selected.selections.every(({ group: { piece } }) => piece.legacy === piece.modern);
    this.#legacy = same ? this.#modern : new EraList(kind, 'legacy', selected);
  }

  *build(): Generator<void, void, void> {
    yield* this.#modern.build();
    if (this.#legacy !== this.#modern) yield* this.#legacy.build();
  }

  bytes(era: Era): Buffer {
    return this.#of(era).bytes();
  }

  page(after: PageKey | undefined, size: number, era: Era): ListPage {
    return this.#of(era).page(after, size);
  }

  only(keptOf: (group: ListedGroup) => Uint32Array | undefined): ListBody {
    return new JoinedBody(this.#kind, narrowed(this.#selected, keptOf));
  }

  groups(): readonly ListedGroup[] {
    return groupsOf(this.#selected);
  }

  #of(era: Era): EraList {
    return era === 'modern' ? this.#modern : this.#legacy;
  }
}

/**
 * A list whose bytes are made with the catalog, and each of its pages when it is first asked for; they stay the same
 * objects for as long as the list does. Pauses on the way. The lists that `only` leaves are made when they are asked for.
 */
export function* prebuiltBody(
  kind: ListKind,
  groups: readonly ListedGroup[],
): Generator<void, ListBody, void> {
  const body = new JoinedBody(kind, allOf(groups));
  yield* body.build();
  return body;
}

/** A list that is made when somebody asks for it, and kept. */
export function lateBody(count: number, make: () => ListBody): ListBody {
  let made: ListBody | undefined;
  const body = (): ListBody => (made ??= make());
  return {
    count,
    bytes: (era) => body().bytes(era),
    page: (after, size, era) => body().page(after, size, era),
    only: (keptOf) => body().only(keptOf),
    groups: () => body().groups(),
  };
}

/** The off path of `MCP_LIST_PREBUILT`: parsed and serialised again for each request. */
export function perRequestBody(kind: ListKind, groups: readonly ListedGroup[]): ListBody {
  return serialisedBody(kind, allOf(groups));
}

function serialisedBody(kind: ListKind, selected: Selected): ListBody {
  const serialise = (era: Era, from: number, to: number): Buffer => {
    const items = itemsOf(selected).slice(from, to);
    const values = items.map((listed) => JSON.parse(itemText(listed, era)) as unknown);
    return Buffer.from(`"${kind}":${JSON.stringify(values)}}}`);
  };
  return {
    count: selected.count,
    bytes: (era) => serialise(era, 0, selected.count),
    page: (after, size, era) => {
      const from = positionAfter(selected, after);
      const { to, next } = pageEnd(selected, from, size);
      return { bytes: serialise(era, from, to), next };
    },
    only: (keptOf) => serialisedBody(kind, narrowed(selected, keptOf)),
    groups: () => groupsOf(selected),
  };
}
