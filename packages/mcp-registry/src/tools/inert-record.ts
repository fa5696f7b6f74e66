import { isJsonObject } from '../json-object.ts';
import { fromServerJson } from '../server-json.ts';
import {
  acceptRecord,
  officialMetaKey,
  type OfficialMeta,
  type ServerRecord,
} from '../server-record.ts';

/**
 * Members that decide what the gateway does with an entry, or what an export writes into a client's file for it: the
 * operator's to set, and nobody else's.
 */
const operatorMembers: readonly string[] = [
  'connector',
  'enabled',
  'origin',
  '_meta',
  'source',
  'cwd',
  'envFile',
];

/** An entry that came from a caller, made harmless. */
export interface InertRecord {
  readonly record: ServerRecord;
  /** Members that were left out. */
  readonly ignored: readonly string[];
}

function isServerJson(value: Record<string, unknown>): boolean {
  return value['transport'] === undefined && typeof value['version'] === 'string';
}

function readOne(value: Record<string, unknown>, now: string): ServerRecord {
  if (!isServerJson(value)) return acceptRecord(value).record;
  const dates: OfficialMeta = {
    status: 'active',
    statusChangedAt: now,
    publishedAt: now,
    updatedAt: now,
  };
  return fromServerJson(value, dates);
}

/**
 * Reads an entry that came over the network (a tool call): it is stored as data of origin `remote`, without any
 * member that would make the gateway use it, so it never runs by itself (contract.md, trust by origin).
 * @param now ISO date, for a `server.json`.
 * @throws RegistryError `EINVALIDRECORD`.
 */
export function readInertRecord(value: unknown, now: string): InertRecord {
  if (!isJsonObject(value)) return { record: acceptRecord(value).record, ignored: [] };
  const json = isServerJson(value);
  const own = operatorMembers.filter(
    (key) => Object.hasOwn(value, key) && !(json && key === '_meta'),
  );
  const kept = Object.fromEntries(Object.entries(value).filter(([key]) => !own.includes(key)));
  // A ServerInfo that carries a whole document would be published as that document.
  const carried = !json && Object.hasOwn(kept, 'server');
  if (carried) delete kept['server'];
  const record = readOne(kept, now);
  const { _meta: meta } = record;
  const official = meta?.[officialMetaKey];
  return {
    record: {
      ...record,
      ...(official === undefined ? {} : { _meta: { [officialMetaKey]: official } }),
      origin: 'remote',
    },
    ignored: carried ? [...own, 'server'] : own,
  };
}

/** Whether the operator, and not somebody over the network, put an entry there. */
export function isOperatorRecord(record: ServerRecord): boolean {
  if (record['connector'] !== undefined) return true;
  return record.origin === 'local' || (record.origin === undefined && record.server === undefined);
}
