import { z } from 'zod';
import { RegistryApiError } from './api-error.ts';

/** Which servers a list shows. */
export interface ListFilter {
  readonly search?: string | undefined;
  readonly version?: string | undefined;
  readonly updatedSinceMs?: number | undefined;
  readonly includeDeleted: boolean;
}

/** Where a list goes on, and with which filter. */
export interface ListCursor {
  readonly after: string;
  readonly filter: ListFilter;
}

const format = 1;
const maxCursorLength = 8_192;

/**
 * A cursor as it travels: base64url, because VS Code does not encode it, and with the filter inside, because VS Code does
 * not repeat the filter on later pages.
 */
export function encodeCursor({ after, filter }: ListCursor): string {
  const { search = null, version = null, updatedSinceMs = null, includeDeleted } = filter;
  const fields = [format, after, search, version, updatedSinceMs, includeDeleted];
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

function parseFields(cursor: string): unknown {
  if (cursor.length > maxCursorLength || !/^[\w-]+$/u.test(cursor)) return undefined;
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    // Not one of ours: the caller answers 400.
    return undefined;
  }
}

const fieldsSchema = z.tuple([
  z.literal(format),
  z.string(),
  z.string().nullable(),
  z.string().nullable(),
  z.int().nullable(),
  z.boolean(),
]);

/** @throws RegistryApiError `BAD_CURSOR` for what {@link encodeCursor} did not make. */
export function decodeCursor(cursor: string): ListCursor {
  const parsed = fieldsSchema.safeParse(parseFields(cursor));
  if (!parsed.success)
    throw new RegistryApiError(
      400,
      'BAD_CURSOR',
      'cursor is not one this registry gave out; start again without it',
    );
  const [, after, search, version, updatedSinceMs, includeDeleted] = parsed.data;
  return {
    after,
    filter: {
      search: search ?? undefined,
      version: version ?? undefined,
      updatedSinceMs: updatedSinceMs ?? undefined,
      includeDeleted,
    },
  };
}
