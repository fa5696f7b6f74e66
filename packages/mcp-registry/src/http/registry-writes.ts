import { isDeepStrictEqual } from 'node:util';
import type { RegistryMemoryCache } from '../memory-cache.ts';
import type { ServerJson } from '../server-json.ts';
import { recordKey, versionOfKey, type ServerRecord } from '../server-record.ts';
import { RegistryApiError } from './api-error.ts';
import type { Commits } from './commits.ts';
import { isPublished, officialOf, recordOf, type ListedServer } from './listed-server.ts';
import type { ListedServers } from './listed-servers.ts';
import { checkPublished, withoutReserved } from './published-document.ts';
import type { ServerClock } from './server-time.ts';
import type { StatusUpdate } from './status-update.ts';
import { inertRecord, isSameStatus, publishedRecords, statusRecords } from './stored-server.ts';

/** Versions that one server may have. */
const maxVersions = 1_000;

/** What the writes work on. */
export interface WriteTarget {
  readonly cache: RegistryMemoryCache;
  readonly servers: ListedServers;
  readonly clock: ServerClock;
  readonly commits: Commits;
}

/** Called with the current entries in the same step as the write; throws to refuse it. */
export type Precondition = (current: readonly ListedServer[]) => void;

/** One version of one server. */
export interface ServerId {
  readonly name: string;
  readonly version: string;
}

function checked(document: unknown): ServerJson {
  const check = checkPublished(document);
  if (check.kind === 'valid') return withoutReserved(check.server);
  throw new RegistryApiError(422, 'INVALID_SERVER', `Invalid server.json: ${check.reason}`);
}

function notFound(): RegistryApiError {
  return new RegistryApiError(404, 'NOT_FOUND', 'Server version not found');
}

/** An entry that HTTP may change. One without a document was made from local settings, which it may not. */
function current({ servers }: WriteTarget, { name, version }: ServerId): ListedServer {
  const server = servers.get(name, version);
  if (server === undefined || !isPublished(server)) throw notFound();
  return server;
}

function publishing(target: WriteTarget, server: ServerJson, holds: Precondition): ServerRecord[] {
  const { cache, servers, clock, commits } = target;
  const key = recordKey(server.name, server.version);
  const existing = servers.get(server.name, server.version);
  holds(existing === undefined ? [] : [existing]);
  const stored = cache.peek(key);
  if (stored !== undefined && commits.isUnsettled(key) && isDeepStrictEqual(stored.server, server))
    return [stored];
  if (stored !== undefined || existing !== undefined)
    throw new RegistryApiError(
      409,
      'VERSION_EXISTS',
      'This version exists; versions are immutable, publish a new one',
    );
  const versions = servers.versions(server.name);
  if (versions.length >= maxVersions)
    throw new RegistryApiError(
      422,
      'TOO_MANY_VERSIONS',
      `A server has at most ${maxVersions} versions`,
    );
  return publishedRecords(server, versions, clock.now());
}

/**
 * Stores a new version; resolves when it is durable.
 * @throws RegistryApiError 409 when the version exists, 422 when the document is not valid; what the store throws.
 */
export async function publishServer(
  target: WriteTarget,
  document: unknown,
  holds: Precondition,
): Promise<ListedServer> {
  const server = checked(document);
  await target.commits.commit(() => publishing(target, server, holds));
  return current(target, server);
}

/**
 * Replaces the document of an existing version. Like every document from outside, it is inert afterwards.
 * @throws RegistryApiError 404, 422; what the store throws.
 */
export async function replaceServer(
  target: WriteTarget,
  id: ServerId,
  document: unknown,
  holds: Precondition,
): Promise<ListedServer> {
  const server = checked(document);
  if (server.name !== id.name || server.version !== id.version)
    throw new RegistryApiError(
      422,
      'INVALID_SERVER',
      'Invalid server.json: name and version must be those of the path',
    );
  await target.commits.commit(() => {
    const existing = current(target, id);
    holds([existing]);
    return [inertRecord(server, { ...officialOf(existing), updatedAt: target.clock.now().text })];
  });
  return current(target, id);
}

/**
 * Changes the status of one version.
 * @throws RegistryApiError 400 when nothing would change, 404; what the store throws.
 */
export async function setStatus(
  target: WriteTarget,
  id: ServerId,
  update: StatusUpdate,
  holds: Precondition,
): Promise<ListedServer> {
  const { servers, clock, commits } = target;
  await commits.commit(() => {
    const existing = current(target, id);
    holds([existing]);
    if (!isSameStatus(existing, update))
      return statusRecords([existing], update, servers.versions(id.name), clock.now());
    if (commits.isUnsettled(existing.key)) return [recordOf(existing)];
    throw new RegistryApiError(400, 'NO_CHANGE', 'No changes to apply: it has this status');
  });
  return current(target, id);
}

/** Marks one version as deleted; it stays as a tombstone for those who sync. Safe to repeat. Fails like `setStatus`. */
export async function deleteServer(
  target: WriteTarget,
  id: ServerId,
  holds: Precondition,
): Promise<ListedServer> {
  const { servers, clock, commits } = target;
  await commits.commit(() => {
    const existing = current(target, id);
    holds([existing]);
    if (existing.status !== 'deleted')
      return statusRecords(
        [existing],
        { status: 'deleted' },
        servers.versions(id.name),
        clock.now(),
      );
    return commits.isUnsettled(existing.key) ? [recordOf(existing)] : [];
  });
  return current(target, id);
}

/**
 * Changes every version that does not have the status yet, all or none, and gives those.
 * @throws RegistryApiError 400 when nothing would change, 404; what the store throws.
 */
export async function setAllStatus(
  target: WriteTarget,
  name: string,
  update: StatusUpdate,
  holds: Precondition,
): Promise<ListedServer[]> {
  const { servers, clock, commits } = target;
  let changed: readonly ListedServer[] = [];
  await commits.commit(() => {
    const versions = servers.versions(name);
    const published = versions.filter(isPublished);
    if (published.length === 0) throw notFound();
    holds(published);
    changed = published.filter(
      (server) => !isSameStatus(server, update) || commits.isUnsettled(server.key),
    );
    if (changed.length > 0) return statusRecords(changed, update, versions, clock.now());
    throw new RegistryApiError(400, 'NO_CHANGE', 'No changes to apply: all have this status');
  });
  return changed.map(({ id }) => current(target, { name, version: versionOfKey(id) }));
}
