import { replaceSpan } from '../protocol/json-scan.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import type { ListBody } from './catalog.ts';
import type { ManifestItem } from './source.ts';

/** An item as an endpoint shows it: its raw text, renamed when the endpoint gives it another name. */
export interface ListedItem {
  readonly item: ManifestItem;
  readonly name: string;
}

/** The raw JSON of one listed item. Nothing but the name is touched. */
export function itemText({ item, name }: ListedItem): string {
  return name === item.id ? item.text : replaceSpan(item.text, item.idSpan, JSON.stringify(name));
}

/** The items of one connector, comma separated, as UTF-8: the pieces a prebuilt list is joined from. */
export function pieceOf(items: readonly ListedItem[]): Buffer {
  return Buffer.from(items.map(itemText).join(','));
}

/** A list serialised once, when the catalog is built. */
export function prebuiltBody(kind: ListKind, pieces: readonly Buffer[], count: number): ListBody {
  const parts: Buffer[] = [Buffer.from(`"${kind}":[`)];
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (parts.length > 1) parts.push(Buffer.from(','));
    parts.push(piece);
  }
  const bytes = Buffer.concat([...parts, Buffer.from(']')]);
  return { count, bytes: () => bytes };
}

/** The off path of `MCP_LIST_PREBUILT`: parsed and serialised again for each request. */
export function perRequestBody(kind: ListKind, items: readonly ListedItem[]): ListBody {
  const serialise = (): Buffer => {
    const values = items.map((listed) => JSON.parse(itemText(listed)) as unknown);
    return Buffer.from(`"${kind}":${JSON.stringify(values)}`);
  };
  return { count: items.length, bytes: serialise };
}
