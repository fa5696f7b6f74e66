import { encodeCursor } from './list-cursor.ts';
import type { ListQuery } from './list-query.ts';
import { officialOf, type ListedServer } from './listed-server.ts';
import { timePosition, type ListedServers } from './listed-servers.ts';
import { versionOfKey } from '../server-record.ts';
import type { Scan, ScanTurns } from './scan-turns.ts';
import { renderItem } from './server-item.ts';

/** What lists are read from. */
export interface ListSource {
  readonly servers: ListedServers;
  readonly turns: ScanTurns;
}

type Test = (server: ListedServer) => boolean;

function testOf({ filter }: ListQuery, servers: ListedServers): Test {
  const { version, includeDeleted } = filter;
  const search = filter.search?.toLowerCase();
  return (server) =>
    (includeDeleted || server.status !== 'deleted') &&
    (search === undefined || server.haystack.includes(search)) &&
    (version === undefined || version === 'latest' || versionOfKey(server.id) === version) &&
    servers.isValid(server) &&
    (version !== 'latest' || servers.isLatest(server));
}

function positions(servers: ListedServers, { filter }: ListQuery, after: string | undefined) {
  const { updatedSinceMs } = filter;
  if (updatedSinceMs === undefined) return servers.byName(after);
  return servers.byTime(after ?? timePosition(updatedSinceMs));
}

/** The body of a list. */
export function listBody(items: readonly string[], nextCursor?: string): string {
  const metadata = { ...(nextCursor === undefined ? {} : { nextCursor }), count: items.length };
  return `{"servers":[${items.join(',')}],"metadata":${JSON.stringify(metadata)}}`;
}

/** A page while it is being filled. */
interface Draft {
  readonly query: ListQuery;
  readonly test: Test;
  readonly items: string[];
  /** Last position looked at, and last one taken. */
  seen: string | undefined;
  taken: string;
}

/** Looks at entries until the page is full, the list ends, or the scan has to pause. */
function fill(draft: Draft, servers: ListedServers, scan: Scan): 'full' | 'end' | 'paused' {
  const sizeBefore = servers.size;
  for (const [position, id] of positions(servers, draft.query, draft.seen)) {
    draft.seen = position;
    const server = servers.peek(id);
    if (server !== undefined && draft.test(server)) {
      if (draft.items.length === draft.query.limit) return 'full';
      draft.items.push(renderItem(server, servers.isLatest(server)));
      draft.taken = position;
    }
    // An entry that turned out invalid left the list, which moves the others under the iterator.
    if (servers.size !== sizeBefore || scan.due()) return 'paused';
  }
  return 'end';
}

/**
 * One page, read in slices: by name, or with `updated_since` by time of change, so that what changes while a client pages
 * comes later and is not missed. A page goes on after a position, not at a number, so writes shift nothing.
 * @throws RegistryApiError `BUSY` when too many lists are being read.
 */
export async function readListPage(
  { servers, turns }: ListSource,
  query: ListQuery,
  isWanted: () => boolean,
): Promise<string> {
  const scan = turns.begin();
  const test = testOf(query, servers);
  const draft: Draft = { query, test, items: [], seen: query.after, taken: query.after ?? '' };
  try {
    let step = fill(draft, servers, scan);
    while (step === 'paused' && isWanted()) {
      if (scan.due()) await scan.pause();
      step = fill(draft, servers, scan);
    }
    if (step !== 'full') return listBody(draft.items);
    return listBody(draft.items, encodeCursor({ after: draft.taken, filter: query.filter }));
  } finally {
    scan.end();
  }
}

/** Most versions one answer lists. */
const maxVersionsListed = 1_000;

/** Newest publication first. */
function shownVersions(
  versions: readonly ListedServer[],
  includeDeleted: boolean,
): readonly ListedServer[] {
  // Equal times by id, so that the order is the same everywhere.
  return versions
    .filter(({ status }) => includeDeleted || status !== 'deleted')
    .map((server) => ({ server, ms: Date.parse(officialOf(server).publishedAt) }))
    .toSorted((a, b) => b.ms - a.ms || (a.server.id < b.server.id ? 1 : -1))
    .slice(0, maxVersionsListed)
    .map(({ server }) => server);
}

/** Every version of a name, newest first, at most 1,000; undefined when there is none to show. */
export async function readVersions(
  { servers, turns }: ListSource,
  name: string,
  includeDeleted: boolean,
): Promise<string | undefined> {
  const scan = turns.begin();
  try {
    const items: string[] = [];
    for (const server of shownVersions(servers.versions(name), includeDeleted)) {
      items.push(renderItem(server, servers.isLatest(server)));
      if (scan.due()) await scan.pause();
    }
    return items.length === 0 ? undefined : listBody(items);
  } finally {
    scan.end();
  }
}

/** What {@link readVersions} would answer at this moment, without and with deleted versions. */
export function versionsBodies(
  servers: ListedServers,
  versions: readonly ListedServer[],
): readonly string[] {
  return [false, true].map((includeDeleted) =>
    listBody(
      shownVersions(versions, includeDeleted).map((one) => renderItem(one, servers.isLatest(one))),
    ),
  );
}
