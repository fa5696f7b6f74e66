import { replaceSpan } from '../protocol/json-scan.ts';
import type { Era } from '../protocol/revision.ts';
import type { ManifestItem } from './source.ts';

/** An item as an endpoint shows it: its raw text, renamed when the endpoint gives it another name. */
export interface ListedItem {
  readonly item: ManifestItem;
  readonly name: string;
  /** The item for legacy clients, with the endpoint's name, when they must see it differently. */
  readonly legacyText?: string | undefined;
}

/** Raw JSON of a connector's items in UTF-8, comma separated. */
export interface PieceText {
  readonly bytes: Buffer;
  /** Where each item ends; the next one begins behind the comma. */
  readonly ends: Uint32Array;
}

/** What a connector's items look like; both are the same object where the eras see the same. */
export interface Piece {
  readonly modern: PieceText;
  readonly legacy: PieceText;
}

/**
 * The items of one connector on an endpoint. It is the same object from one catalog to the next for as long as nothing of
 * it changes, so whatever is worked out from it can be kept with it.
 */
export interface ListedGroup {
  readonly connectorId: string;
  readonly items: readonly ListedItem[];
  /** The items as bytes; nothing when lists are not prebuilt. */
  readonly piece: Piece;
}

/** Characters that are written between two pauses. */
export const STEP_LENGTH = 65_536;
/** What an item costs beside its text, in characters. */
export const ITEM_LENGTH = 512;

const COMMA = Buffer.from(',');
const NO_TEXT: PieceText = { bytes: Buffer.alloc(0), ends: new Uint32Array(0) };
export const NO_PIECE: Piece = { modern: NO_TEXT, legacy: NO_TEXT };

/** The raw JSON of one item under the name it is listed by. Nothing but the name is touched. */
function renamedText(item: ManifestItem, name: string): string {
  return name === item.id ? item.text : replaceSpan(item.text, item.idSpan, JSON.stringify(name));
}

/** The raw JSON of one listed item, as clients of an era see it. */
export function itemText({ item, name, legacyText }: ListedItem, era: Era): string {
  return era === 'legacy' && legacyText !== undefined ? legacyText : renamedText(item, name);
}

/** The bytes of items as clients of an era see them: of a run of items at a time, which takes a fraction of writing each. */
function* written(items: readonly ListedItem[], era: Era): Generator<void, PieceText, void> {
  const ends = new Uint32Array(items.length);
  const runs: Buffer[] = [];
  let texts: string[] = [];
  let length = 0;
  let at = 0;
  for (const item of items) {
    const text = itemText(item, era);
    texts.push(text);
    length += text.length;
    at += 1;
    const isLast = at === items.length;
    if (length + texts.length * ITEM_LENGTH < STEP_LENGTH && !isLast) continue;
    const run = Buffer.from(texts.join(','));
    // As many bytes as characters: then where each text ends is known by its length.
    const isAscii = run.byteLength === length + texts.length - 1;
    markEnds(ends, at - texts.length, texts, isAscii);
    if (runs.length > 0) runs.push(COMMA);
    runs.push(run);
    texts = [];
    length = 0;
    if (!isLast) yield;
  }
  const [bytes = NO_TEXT.bytes] = runs;
  return { bytes: runs.length > 1 ? Buffer.concat(runs) : bytes, ends };
}

/** Notes where each text of a run ends, each but the very first behind a comma. */
function markEnds(
  ends: Uint32Array,
  from: number,
  texts: readonly string[],
  isAscii: boolean,
): void {
  let end = (ends[from - 1] ?? -1) + 1;
  let at = from;
  for (const text of texts) {
    end += isAscii ? text.length : Buffer.byteLength(text);
    ends[at] = end;
    end += 1;
    at += 1;
  }
}

/** The bytes of one connector's items: what prebuilt lists and their pages are put together from. Pauses between items. */
export function* pieceOf(items: readonly ListedItem[]): Generator<void, Piece, void> {
  if (items.length === 0) return NO_PIECE;
  const modern = yield* written(items, 'modern');
  const differs = items.some(({ legacyText }) => legacyText !== undefined);
  return { modern, legacy: differs ? yield* written(items, 'legacy') : modern };
}
