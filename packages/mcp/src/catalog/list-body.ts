import { replaceSpan } from '../protocol/json-scan.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import type { Era } from '../protocol/revision.ts';
import type { ListBody, ListPage, PageKey } from './catalog.ts';
import type { ManifestItem } from './source.ts';

/** An item as an endpoint shows it: its raw text, renamed when the endpoint gives it another name. */
export interface ListedItem {
  readonly item: ManifestItem;
  readonly name: string;
  /** The item for legacy clients, with the endpoint's name, when they must see it differently. */
  readonly legacyText?: string | undefined;
}

/** The items of one connector on an endpoint. */
export interface ListedGroup {
  readonly connectorId: string;
  readonly items: readonly ListedItem[];
}

/** Raw JSON of a connector's items, comma separated; both are the same bytes where the eras see the same. */
export interface Piece {
  readonly modern: Buffer;
  readonly legacy: Buffer;
}

export const NO_PIECE: Piece = { modern: Buffer.alloc(0), legacy: Buffer.alloc(0) };

/** The raw JSON of one item under the name it is listed by. Nothing but the name is touched. */
export function renamedText(item: ManifestItem, name: string): string {
  return name === item.id ? item.text : replaceSpan(item.text, item.idSpan, JSON.stringify(name));
}

/** The raw JSON of one listed item, as clients of an era see it. */
export function itemText({ item, name, legacyText }: ListedItem, era: Era): string {
  return era === 'legacy' && legacyText !== undefined ? legacyText : renamedText(item, name);
}

/** The items of one connector, comma separated, as UTF-8: the pieces a prebuilt list is joined from. */
export function pieceOf(items: readonly ListedItem[]): Piece {
  const textFor = (era: Era): string => items.map((item) => itemText(item, era)).join(',');
  const modern = Buffer.from(textFor('modern'));
  const differs = items.some(({ legacyText }) => legacyText !== undefined);
  return { modern, legacy: differs ? Buffer.from(textFor('legacy')) : modern };
}

function join(kind: ListKind, pieces: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`"${kind}":[`)];
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (parts.length > 1) parts.push(Buffer.from(','));
    parts.push(piece);
  }
  return Buffer.concat([...parts, Buffer.from(']}}')]);
}

/** A list serialised once, when the catalog is built. */
export function prebuiltBody(
  kind: ListKind,
  pieces: readonly Piece[],
  groups: readonly ListedGroup[],
): ListBody {
  const modern = join(
    kind,
    pieces.map((piece) => piece.modern),
  );
  const same = pieces.every((piece) => piece.legacy === piece.modern);
  const legacy = same
    ? modern
    : join(
        kind,
        pieces.map((piece) => piece.legacy),
      );
  return {
    count: countOf(groups),
    bytes: (era) => (era === 'modern' ? modern : legacy),
    page: (after, size, era) => pageOf({ kind, groups, era }, after, size),
    only: (keep) => {
      const kept = groupsOf(groups, keep);
      return prebuiltBody(
        kind,
        kept.map(({ items }) => pieceOf(items)),
        kept,
      );
    },
  };
}

/** A list that is made when somebody asks for it, and kept. */
export function lateBody(count: number, make: () => ListBody): ListBody {
  let made: ListBody | undefined;
  const body = (): ListBody => (made ??= make());
  return {
    count,
    bytes: (era) => body().bytes(era),
    page: (after, size, era) => body().page(after, size, era),
    only: (keep) => body().only(keep),
  };
}

/** The off path of `MCP_LIST_PREBUILT`: parsed and serialised again for each request. */
export function perRequestBody(kind: ListKind, groups: readonly ListedGroup[]): ListBody {
  const serialise = (era: Era): Buffer => {
    const values = groups.flatMap(({ items }) =>
      items.map((listed) => JSON.parse(itemText(listed, era)) as unknown),
    );
    return Buffer.from(`"${kind}":${JSON.stringify(values)}}}`);
  };
  return {
    count: countOf(groups),
    bytes: serialise,
    page: (after, size, era) => pageOf({ kind, groups, era }, after, size),
    only: (keep) => perRequestBody(kind, groupsOf(groups, keep)),
  };
}

function groupsOf(
  groups: readonly ListedGroup[],
  keep: (connectorId: string, name: string) => boolean,
): readonly ListedGroup[] {
  return groups.flatMap(({ connectorId, items }) => {
    const kept = items.filter(({ item }) => keep(connectorId, item.id));
    return kept.length === 0 ? [] : [{ connectorId, items: kept }];
  });
}

function countOf(groups: readonly ListedGroup[]): number {
  return groups.reduce((sum, { items }) => sum + items.length, 0);
}

/**
 * Where in a connector's items the next page begins. What follows an item that is still there follows it, wherever
 * it stands now; when it is gone, its place counts.
 */
function placeAfter({ items }: ListedGroup, { index, name }: PageKey): number {
  if (items[index]?.item.id === name) return index + 1;
  const now = items.findIndex(({ item }) => item.id === name);
  return now === -1 ? Math.min(index, items.length) : now + 1;
}

function pageOf(
  list: {
    readonly kind: ListKind;
    readonly groups: readonly ListedGroup[];
    readonly era: Era;
  },
  after: PageKey | undefined,
  size: number,
): ListPage {
  const texts: string[] = [];
  let last: PageKey | undefined;
  for (const group of list.groups) {
    const { connectorId, items } = group;
    if (after !== undefined && connectorId < after.connectorId) continue;
    const begin = after?.connectorId === connectorId ? placeAfter(group, after) : 0;
    for (const [offset, listed] of items.slice(begin, begin + size + 1).entries()) {
      // One more than fits: there is a next page.
      if (texts.length === size) return { bytes: wrap(list.kind, texts), next: last };
      texts.push(itemText(listed, list.era));
      last = { connectorId, index: begin + offset, name: listed.item.id };
    }
  }
  return { bytes: wrap(list.kind, texts), next: undefined };
}

function wrap(kind: ListKind, texts: readonly string[]): Buffer {
  return Buffer.from(`"${kind}":[${texts.join(',')}]}}`);
}
