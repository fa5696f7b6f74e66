import type { ServerRecord } from '../server-record.ts';
import { crc32 } from './crc32.ts';

function sorted(values: Readonly<Record<string, string>> | undefined): unknown {
  return values === undefined
    ? null
    : Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/**
 * Eight hex digits over the `ServerInfo` fields of a record. It tells whether another program changed an entry since
 * we last saw it; key order and fields the earlier build drops on a rewrite do not count.
 */
export function fingerprint(record: ServerRecord): string {
  const text = JSON.stringify([
    record.name,
    record.transport,
    record.command ?? null,
    record.args ?? null,
    sorted(record.env),
    record.endpoint ?? null,
    sorted(record.headers),
  ]);
  return crc32(text).toString(16).padStart(8, '0');
}
