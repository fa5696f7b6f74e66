import { RegistryApiError } from './api-error.ts';
import { decodeCursor, type ListFilter } from './list-cursor.ts';
import { parseServerTime } from './server-time.ts';

/** What a list request asks for. */
export interface ListQuery {
  readonly filter: ListFilter;
  /** Go on after this position; undefined at the start. */
  readonly after: string | undefined;
  readonly limit: number;
}

const maxText = { search: 200, version: 255 } as const;

function badParameter(status: 400 | 422, message: string): RegistryApiError {
  return new RegistryApiError(status, 'BAD_PARAMETER', message);
}

/** The value of a parameter; a repeated one is refused, an empty one counts as absent. */
function single(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw badParameter(400, `${name} is given more than once`);
  return values[0] === '' ? undefined : values[0];
}

function text(parameters: URLSearchParams, name: keyof typeof maxText): string | undefined {
  const value = single(parameters, name);
  if (value !== undefined && value.length > maxText[name])
    throw badParameter(422, `${name} must be at most ${maxText[name]} characters`);
  return value;
}

function limitOf(parameters: URLSearchParams): number {
  const value = single(parameters, 'limit');
  if (value === undefined) return 30;
  const limit = /^\d{1,3}$/u.test(value) ? Number(value) : 0;
  if (limit < 1 || limit > 100)
    throw badParameter(422, 'limit must be a whole number from 1 to 100');
  return limit;
}

/** `include_deleted`; default false. */
export function includeDeletedOf(parameters: URLSearchParams): boolean | undefined {
  const value = single(parameters, 'include_deleted');
  if (value === undefined) return undefined;
  if (value === 'true' || value === '1') return true;
  if (value === 'false' || value === '0') return false;
  throw badParameter(422, 'include_deleted must be true or false');
}

function updatedSinceMsOf(parameters: URLSearchParams): number | undefined {
  const value = single(parameters, 'updated_since');
  if (value === undefined) return undefined;
  // A plus sign that was not encoded arrives as a space.
  const time = parseServerTime(value.replace(' ', '+').toUpperCase());
  if (time === undefined)
    throw badParameter(400, 'updated_since must be an RFC 3339 date and time with offset');
  return time.ms;
}

function assertSame(given: unknown, kept: unknown, name: string): void {
  if (given !== undefined && given !== kept)
    throw new RegistryApiError(
      400,
      'BAD_CURSOR',
      `cursor belongs to a list with another ${name}; start again without it`,
    );
}

/**
 * Reads the query of `GET /v0.1/servers`. A cursor brings the filter of its list; parameters beside it may repeat the
 * filter but not change it. `limit` may change from page to page.
 * @throws RegistryApiError 422 `limit`, `include_deleted` or length out of range; 400 the others.
 */
export function parseListQuery(parameters: URLSearchParams): ListQuery {
  const limit = limitOf(parameters);
  const search = text(parameters, 'search');
  const version = text(parameters, 'version');
  const updatedSinceMs = updatedSinceMsOf(parameters);
  const includeDeleted = includeDeletedOf(parameters);
  const cursor = single(parameters, 'cursor');
  if (cursor === undefined) {
    // A client that asks what changed has to learn of what is gone.
    const forced = updatedSinceMs !== undefined || (includeDeleted ?? false);
    return {
      filter: { search, version, updatedSinceMs, includeDeleted: forced },
      after: undefined,
      limit,
    };
  }
  const { filter, after } = decodeCursor(cursor);
  assertSame(search, filter.search, 'search');
  assertSame(version, filter.version, 'version');
  assertSame(updatedSinceMs, filter.updatedSinceMs, 'updated_since');
  if (filter.updatedSinceMs === undefined)
    assertSame(includeDeleted, filter.includeDeleted, 'include_deleted');
  return { filter, after, limit };
}
