import type { ListPage, PageKey } from '../catalog/catalog.ts';
import type { ListKind } from '../protocol/list-kind.ts';
import { ProtocolError, RPC } from '../protocol/message.ts';
import type { ClientRequest } from './client-request.ts';

/** A cursor longer than this is none of ours. */
const MAX_CURSOR_LENGTH = 2_048;

/** The cursor that goes on after an item of a list: opaque to clients. */
export function cursorText(kind: ListKind, { connectorId, index, name }: PageKey): string {
  return Buffer.from(JSON.stringify([kind, connectorId, index, name])).toString('base64url');
}

/** Reads a cursor of ours; undefined when it is not one of this list. */
function readCursor(kind: ListKind, cursor: string): PageKey | undefined {
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
  return next === undefined ? '' : `"nextCursor":${JSON.stringify(cursorText(kind, next))},`;
}

/**
 * The page that a list request asks for; undefined: the whole list.
 * @param listPageSize items on a page; 0 or undefined: all on one.
 * @throws ProtocolError `-32602` for a cursor that is none of ours.
 */
export function requestedPage(
  kind: ListKind,
  { id, params }: Pick<ClientRequest, 'id' | 'params'>,
  listPageSize: number | undefined,
): { readonly after: PageKey | undefined; readonly size: number } | undefined {
  const { cursor } = params.value;
  const size = listPageSize || Infinity;
  if (cursor === undefined || cursor === null) {
    return size === Infinity ? undefined : { after: undefined, size };
  }
  const after = typeof cursor === 'string' ? readCursor(kind, cursor) : undefined;
  if (after !== undefined) return { after, size };
  throw new ProtocolError(RPC.invalidParams, 'Invalid params: unknown cursor', { id });
}
