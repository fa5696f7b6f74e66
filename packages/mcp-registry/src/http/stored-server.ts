import type { ServerJson } from '../server-json.ts';
import {
  officialMetaKey,
  recordKey,
  type OfficialMeta,
  type ServerRecord,
} from '../server-record.ts';
import { isPublished, officialOf, recordOf, type ListedServer } from './listed-server.ts';
import { latestOf } from './listed-servers.ts';
import type { ServerTime } from './server-time.ts';
import type { StatusUpdate } from './status-update.ts';

/**
 * What is stored of a document from outside: data with the mark of its origin, and nothing the gateway would connect to
 * or run (no endpoint, command, arguments, environment or headers of our own).
 */
export function inertRecord(server: ServerJson, official: OfficialMeta): ServerRecord {
  const [remote] = server.remotes ?? [];
  const transport =
    remote === undefined ? 'stdio' : remote.type === 'sse' ? 'sse' : 'streamableHttp';
  return {
    name: server.name,
    transport,
    server,
    origin: 'remote',
    _meta: { [officialMetaKey]: official },
  };
}

/** The stored record with another official block. */
export function withOfficial(server: ListedServer, official: OfficialMeta): ServerRecord {
  const record = recordOf(server);
  const { _meta: meta } = record;
  return { ...record, _meta: { ...meta, [officialMetaKey]: official } };
}

function withStatus(server: ListedServer, update: StatusUpdate, now: ServerTime): ServerRecord {
  const { statusMessage: _old, ...official } = officialOf(server);
  const { status, statusMessage } = update;
  return withOfficial(server, {
    ...official,
    status,
    ...(statusMessage === undefined ? {} : { statusMessage }),
    statusChangedAt: now.text,
    updatedAt: now.text,
  });
}

/** Whether an update would change nothing. */
export function isSameStatus(server: ListedServer, update: StatusUpdate): boolean {
  const { status, statusMessage } = officialOf(server);
  return status === update.status && statusMessage === update.statusMessage;
}

/**
 * The records that a change of `isLatest` touches: the version that was the latest and the one that is now, unless they
 * are written anyway. Who syncs by `updated_since` would otherwise keep two latest versions.
 */
function relabelled(
  before: readonly ListedServer[],
  after: readonly Pick<ListedServer, 'id' | 'status'>[],
  now: ServerTime,
): ServerRecord[] {
  const [was, is] = [latestOf(before)?.id, latestOf(after)?.id];
  if (was === is) return [];
  return before
    .filter((server) => (server.id === was || server.id === is) && isPublished(server))
    .map((server) => withOfficial(server, { ...officialOf(server), updatedAt: now.text }));
}

/** What is stored when a version is published; `versions` are those the server has. */
export function publishedRecords(
  server: ServerJson,
  versions: readonly ListedServer[],
  now: ServerTime,
): ServerRecord[] {
  const { name, version } = server;
  const official = {
    status: 'active' as const,
    statusChangedAt: now.text,
    publishedAt: now.text,
    updatedAt: now.text,
  };
  const added = { id: recordKey(name, version), status: official.status };
  return [inertRecord(server, official), ...relabelled(versions, [...versions, added], now)];
}

/** What is stored when some of a server's `versions` change their status. */
export function statusRecords(
  changed: readonly ListedServer[],
  update: StatusUpdate,
  versions: readonly ListedServer[],
  now: ServerTime,
): ServerRecord[] {
  const ids = new Set(changed.map(({ id }) => id));
  const after = versions.map((one) => (ids.has(one.id) ? { ...one, status: update.status } : one));
  const labels = relabelled(versions, after, now).filter(
    (record) => !ids.has(recordKey(record.name, record.server?.version)),
  );
  return [...changed.map((server) => withStatus(server, update, now)), ...labels];
}
