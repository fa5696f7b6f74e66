import type { ServerRecord } from '../../src/server-record.ts';
import { storeRecord, type StoredRecord } from '../../src/stored-record.ts';

/** A small valid record. */
export function server(name: string, more: Record<string, unknown> = {}): ServerRecord {
  return { name, transport: 'stdio', command: 'run', ...more };
}

/** {@link server} in the form in which it is kept. */
export function stored(name: string, more: Record<string, unknown> = {}): StoredRecord {
  return storeRecord(server(name, more));
}

/** A small valid record of a published version. */
export function published(
  name: string,
  version: string,
  more: Record<string, unknown> = {},
): ServerRecord {
  return {
    name,
    transport: 'streamableHttp',
    endpoint: 'https://example.test/mcp',
    server: { name, version, description: `${name} ${version}` },
    ...more,
  };
}
