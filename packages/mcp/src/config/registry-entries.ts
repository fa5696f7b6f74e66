import type { ConnectorOrigin } from '../connectors/connector.ts';
import { assignConnectorIds, isConnectorId } from './connector-id.ts';

/** What is looked at of a record. */
export interface RegistryRecord {
  readonly name: string;
  readonly origin?: ConnectorOrigin | undefined;
  readonly server?: object | undefined;
  readonly [field: string]: unknown;
}

/** A record that the gateway is to use, with its connector id and its `connector` member. */
export interface RegistryEntry<T extends RegistryRecord> {
  readonly id: string;
  readonly record: T;
  readonly member: Readonly<Record<string, unknown>>;
}

export interface RegistryEntries<T extends RegistryRecord> {
  /** In order of the ids that were asked for. */
  readonly entries: readonly RegistryEntry<T>[];
  /** One line each. */
  readonly warnings: readonly string[];
}

/** The most connectors a registry may give, as a file may (contract.md). */
const MAX_ENTRIES = 10_000;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Chosen<T extends RegistryRecord> = Omit<RegistryEntry<T>, 'id'>;

/** The name an id is made from: the one that was asked for, when it can be one. */
function wantedName({ record, member }: Chosen<RegistryRecord>): string {
  const { id } = member;
  return typeof id === 'string' && isConnectorId(id) ? id : record.name;
}

/** Sorted, so that ids do not depend on the order in which records were stored. */
function choose<T extends RegistryRecord>(records: Iterable<T>): Chosen<T>[] {
  const chosen: { readonly order: string; readonly one: Chosen<T> }[] = [];
  for (const record of records) {
    const member = record['connector'];
    if (!isObject(member)) continue;
    const one = { record, member };
    chosen.push({ order: `${wantedName(one)}\n${record.name}`, one });
  }
  return chosen.toSorted((a, b) => (a.order < b.order ? -1 : 1)).map(({ one }) => one);
}

/** The records with a `connector` member and the connector ids they get, the same in the gateway and the command line. */
export function registryEntries<T extends RegistryRecord>(
  records: Iterable<T>,
): RegistryEntries<T> {
  const all = choose(records);
  const chosen = all.slice(0, MAX_ENTRIES);
  const warnings: string[] = [];
  if (all.length > MAX_ENTRIES) {
    warnings.push(`${all.length} connectors are more than ${MAX_ENTRIES}; the rest is not used`);
  }
  const ids = assignConnectorIds(chosen.map(wantedName));
  const taken = new Set<string>();
  const entries: RegistryEntry<T>[] = [];
  for (const [index, one] of chosen.entries()) {
    const id = ids[index] ?? '';
    if (taken.has(id)) {
      warnings.push(`${one.record.name} is not used: another entry has the connector id ${id}`);
      continue;
    }
    taken.add(id);
    entries.push({ id, ...one });
  }
  return { entries, warnings };
}

/**
 * Where a record counts as coming from: what the command line wrote is `local`; what says `remote`, or is a published
 * `server.json` and says nothing, never runs commands (contract.md, trust by origin).
 */
export function originOfRecord(record: RegistryRecord): ConnectorOrigin {
  if (record.origin !== undefined) return record.origin;
  return record.server === undefined ? 'local' : 'remote';
}
