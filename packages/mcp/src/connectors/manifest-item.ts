import { JsonDepthError, objectMembers, type Span } from '../protocol/json-scan.ts';
import { LIST_SHAPES, type ListKind } from '../protocol/list-kind.ts';

/** One tool, prompt, resource or template, letter for letter as its server wrote it. */
export interface ManifestItem {
  /** The value of `name`, `uri` or `uriTemplate`. */
  readonly id: string;
  /** The raw JSON object. */
  readonly text: string;
  /** Where in `text` the value of the identifying member stands. */
  readonly idSpan: Span;
  /** Of a tool that is not as it was approved: it is listed as it was, and must not be called. */
  readonly quarantine?: 'changed' | undefined;
}

/** Longest raw JSON of one item: what is listed is looked at as a whole, in one turn of the event loop (S10). */
const MAX_ITEM_LENGTH = 1_048_576;

/** An item that can be routed, or why it cannot. */
export type ItemReading =
  | { readonly kind: 'item'; readonly item: ManifestItem }
  | { readonly kind: 'refused'; readonly why: string };

function refused(why: string): ItemReading {
  return { kind: 'refused', why };
}

/**
 * Reads one item of a list from valid JSON text. The identifying member must stand there exactly once: a second one
 * would keep its name when the first is renamed, and be taken for another connector's tool.
 */
export function readItem(text: string, kind: ListKind, maxDepth: number): ItemReading {
  const { idKey } = LIST_SHAPES[kind];
  if (text.length > MAX_ITEM_LENGTH) return refused(`is longer than ${MAX_ITEM_LENGTH} characters`);
  let members: readonly Span[];
  try {
    members = objectMembers(text, 0, maxDepth);
  } catch (error) {
    if (error instanceof JsonDepthError) return refused('nests too deeply');
    throw error;
  }
  const found = members.filter(({ key }) => key === idKey);
  const [idSpan] = found;
  if (idSpan === undefined) return refused(`has no "${idKey}"`);
  if (found.length > 1) return refused(`has "${idKey}" more than once`);
  const id: unknown = JSON.parse(text.slice(idSpan.start, idSpan.end));
  if (typeof id !== 'string' || id === '') return refused(`has no usable "${idKey}"`);
  return { kind: 'item', item: { id, text, idSpan } };
}

/**
 * Reads an item that `readItem` has accepted before and whose text is still the same. Servers write the identifying member
 * first: then nothing behind it is looked at.
 */
export function rereadItem(text: string, kind: ListKind, maxDepth: number): ItemReading {
  const key = `"${LIST_SHAPES[kind].idKey}"`;
  const start = key.length + 2;
  if (!text.startsWith(`{${key}:"`)) return readItem(text, kind, maxDepth);
  const end = text.indexOf('"', start + 1);
  const id = text.slice(start + 1, end);
  if (end === -1 || id === '' || id.includes('\\')) return readItem(text, kind, maxDepth);
  const idSpan = { key: LIST_SHAPES[kind].idKey, start, end: end + 1 };
  return { kind: 'item', item: { id, text, idSpan } };
}
