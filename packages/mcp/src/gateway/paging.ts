import type { ListPage, PageKey } from '../catalog/catalog.ts';
import type { ListKind } from '../protocol/list-kind.ts';

/** A cursor longer than this is none of ours. */
const MAX_CURSOR_LENGTH = 2_048;

/** The cursor that goes on after an item of a list: opaque to clients. */
export function cursorText(kind: ListKind, { connectorId, index, name }: PageKey): string {
  return Buffer.from(JSON.stringify([kind, connectorId, index, name])).toString('base64url');
}

/** Reads a cursor of ours; undefined when it is not one of this list. */
export function readCursor(kind: ListKind, cursor: string): PageKey | undefined {
  if (cursor.length > MAX_CURSOR_LENGTH) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    // Not ours: the caller says so.
    return undefined;
  }
  if (!Array.isArray(value) || value.length !== 4 || value[0] !== kind) return undefined;
  const [, connectorId, index, name] = value as unknown[];
  const valid =
    typeof connectorId === 'string' && typeof name === 'string' && Number.isSafeInteger(index);
  return valid ? { connectorId, index: Number(index), name } : undefined;
}

/** `,"nextCursor":"…"` of a page, or nothing on the last one. */
export function nextCursorText(kind: ListKind, { next }: ListPage): string {
  return next === undefined ? '' : `,"nextCursor":${JSON.stringify(cursorText(kind, next))}`;
}
