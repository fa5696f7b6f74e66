import type { ListKind } from '../protocol/list-kind.ts';
import type { Era } from '../protocol/revision.ts';
import type { PageKey } from './catalog.ts';
import { STEP_LENGTH, type ListedGroup, type ListedItem, type PieceText } from './listed-item.ts';

/** What a list shows of one connector's items. */
export interface Selection {
  readonly group: ListedGroup;
  /** The places of those that are shown, ascending; undefined shows all. */
  readonly kept: Uint32Array | undefined;
}

/** What a list shows, in order. */
export interface Selected {
  /** By connector id, none of them empty. */
  readonly selections: readonly Selection[];
  /** How many items come before each selection, and at the end how many there are. */
  readonly starts: Uint32Array;
  readonly count: number;
}

/** A run of items that stand beside each other in a piece. */
interface Span {
  readonly bytes: Buffer;
  readonly begin: number;
  readonly end: number;
}

function sizeOf({ group, kept }: Selection): number {
  return kept?.length ?? group.items.length;
}

function itemAt({ group, kept }: Selection, index: number): ListedItem | undefined {
  return group.items[kept === undefined ? index : (kept[index] ?? -1)];
}

export function selectedOf(selections: readonly Selection[]): Selected {
  const shown = selections.filter((selection) => sizeOf(selection) > 0);
  const starts = new Uint32Array(shown.length + 1);
  let count = 0;
  for (const [index, selection] of shown.entries()) {
    count += sizeOf(selection);
    starts[index + 1] = count;
  }
  return { selections: shown, starts, count };
}

/** @param keptOf the places of what is left of a connector's items, ascending; undefined when all are. */
export function narrowed(
  { selections }: Selected,
  keptOf: (group: ListedGroup) => Uint32Array | undefined,
): Selected {
  return selectedOf(
    selections.map((selection) => {
      const { group, kept } = selection;
      const left = keptOf(group);
      if (left === undefined) return selection;
      const also = new Set(left);
      return { group, kept: kept === undefined ? left : kept.filter((place) => also.has(place)) };
    }),
  );
}

/** All items that are shown, in order. */
export function itemsOf({ selections }: Selected): readonly ListedItem[] {
  return selections.flatMap(({ group, kept }) =>
    kept === undefined
      ? group.items
      : Array.from(kept).flatMap((place) => group.items[place] ?? []),
  );
}

/** The last selection that begins at or before `position`. */
function selectionAt(starts: Uint32Array, position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** The first selection of `connectorId`, or of what comes behind it. */
function selectionOf(selections: readonly Selection[], connectorId: string): number {
  let low = 0;
  let high = selections.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((selections[middle]?.group.connectorId ?? '') < connectorId) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The position at which the next page begins. What follows an item that is still there follows it, wherever it stands
 * now; when it is gone, its place counts.
 */
export function positionAfter(
  { selections, starts, count }: Selected,
  after: PageKey | undefined,
): number {
  if (after === undefined) return 0;
  const at = selectionOf(selections, after.connectorId);
  const start = starts[at] ?? count;
  const selection = selections[at];
  if (selection?.group.connectorId !== after.connectorId) return start;
  if (itemAt(selection, after.index)?.item.id === after.name) return start + after.index + 1;
  const size = sizeOf(selection);
  for (let index = 0; index < size; index += 1) {
    if (itemAt(selection, index)?.item.id === after.name) return start + index + 1;
  }
  return start + Math.min(Math.max(0, after.index), size);
}

/** The item before a position, for the page that begins there. */
export function keyBefore({ selections, starts }: Selected, position: number): PageKey | undefined {
  const at = selectionAt(starts, position - 1);
  const selection = selections[at];
  const index = position - 1 - (starts[at] ?? 0);
  const last = selection && itemAt(selection, index);
  return last && { connectorId: selection.group.connectorId, index, name: last.item.id };
}

function spanOf({ bytes, ends }: PieceText, first: number, last: number): Span {
  const begin = first === 0 ? 0 : (ends[first - 1] ?? 0) + 1;
  return { bytes, begin, end: ends[last] ?? begin };
}

/** Items `from` to before `to` of a selection, as runs. */
function addSpans(spans: Span[], { group, kept }: Selection, range: Range): void {
  const { from, to, era } = range;
  const text = group.piece[era];
  if (kept === undefined) {
    spans.push(spanOf(text, from, to - 1));
    return;
  }
  let first = from;
  for (let index = from + 1; index <= to; index += 1) {
    const before = kept[index - 1] ?? 0;
    if (index < to && kept[index] === before + 1) continue;
    spans.push(spanOf(text, kept[first] ?? 0, before));
    first = index;
  }
}

interface Range {
  readonly from: number;
  /** The first one that does not belong to it. */
  readonly to: number;
  readonly era: Era;
}

function spansIn({ selections, starts }: Selected, { from, to, era }: Range): readonly Span[] {
  const spans: Span[] = [];
  for (let at = selectionAt(starts, from); at < selections.length; at += 1) {
    const selection = selections[at];
    const start = starts[at] ?? 0;
    if (start >= to || selection === undefined) break;
    const own = { from: Math.max(0, from - start), to: Math.min(sizeOf(selection), to - start) };
    if (own.from < own.to) addSpans(spans, selection, { ...own, era });
  }
  return spans;
}

/** The items of a range as the end of a list's answer, copied from the connectors' pieces. Pauses on the way. */
export function* joined(
  kind: ListKind,
  selected: Selected,
  range: Range,
): Generator<void, Buffer, void> {
  const spans = spansIn(selected, range);
  const head = `"${kind}":[`;
  const commas = Math.max(0, spans.length - 1);
  const length = spans.reduce((sum, { begin, end }) => sum + end - begin, commas);
  const out = Buffer.allocUnsafe(head.length + length + 3);
  let at = out.write(head, 0, 'latin1');
  let stepAt = at + STEP_LENGTH;
  for (const [index, { bytes, begin, end }] of spans.entries()) {
    if (index > 0) at = out.writeUInt8(0x2c, at);
    at += bytes.copy(out, at, begin, end);
    if (at < stepAt) continue;
    stepAt = at + STEP_LENGTH;
    yield;
  }
  out.write(']}}', at, 'latin1');
  return out;
}
