import type { z } from 'zod';
import type { RegistryMemoryCache } from '../memory-cache.ts';
import { redactRecord } from '../redact.ts';
import type { RecordQuery } from '../record-index.ts';
import { keyOf, officialMeta, type RecordKey, type ServerRecord } from '../server-record.ts';
import { createTimeSlice } from '../store/time-slice.ts';
import { isOperatorRecord } from './inert-record.ts';
import type { RegistryHandle } from './registry-handle.ts';
import { ToolError } from './tool-error.ts';
import type { getInput, listInput, ServerSummary } from './tool-schemas.ts';

/** Of a description in a list. */
const maxDescription = 300;
const maxTags = 20;
const maxVersions = 100;
const defaultLimit = 50;
/** Entries that are looked at in one go; 100,000 take a tenth of a second and more. */
const scanStep = 500;

function encodeCursor(key: RecordKey): string {
  return Buffer.from(key, 'utf8').toString('base64url');
}

function decodeCursor(cursor: string): RecordKey {
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (key === '' || encodeCursor(key) !== cursor)
    throw new ToolError('validation_error', 'cursor: is not one of ours');
  return key;
}

function summaryOrigin(record: ServerRecord): 'local' | 'remote' {
  return isOperatorRecord(record) && record.origin !== 'remote' ? 'local' : 'remote';
}

function summaryOf(given: ServerRecord): ServerSummary {
  const record = redactRecord(given);
  const { name, transport, endpoint, tags, server } = record;
  const description = server?.description ?? record['description'];
  return {
    name,
    transport,
    origin: summaryOrigin(given),
    status: officialMeta(given)?.status ?? 'active',
    enabled: given.enabled !== false,
    connector: given['connector'] !== undefined,
    ...(server !== undefined && { version: server.version }),
    ...(typeof description === 'string' && { description: description.slice(0, maxDescription) }),
    ...(endpoint !== undefined && { endpoint: endpoint.slice(0, 2_048) }),
    ...(tags !== undefined && { tags: tags.slice(0, maxTags).map((tag) => tag.slice(0, 256)) }),
  };
}

function hasTags(record: ServerRecord, tags: readonly string[]): boolean {
  const own = new Set(record.tags?.map((tag) => tag.toLowerCase()));
  return tags.every((tag) => own.has(tag.toLowerCase()));
}

/** Up to `limit` matches after `query.after`, and where to go on when there are more. Searched in slices. */
async function findPage(
  cache: RegistryMemoryCache,
  query: RecordQuery,
  limit: number,
): Promise<{ readonly records: readonly ServerRecord[]; readonly next: RecordKey | undefined }> {
  const found: ServerRecord[] = [];
  const slice = createTimeSlice();
  let { after } = query;
  do {
    // One more than wanted tells whether there is a next page.
    const wanted = limit + 1 - found.length;
    const page = cache.search({ ...query, after, limit: wanted, maxScanned: scanStep });
    found.push(...page.records);
    after = page.next;
    if (slice.due()) await slice.turn();
  } while (after !== undefined && found.length <= limit);
  const records = found.slice(0, limit);
  const last = records.at(-1);
  return { records, next: found.length > limit && last ? keyOf(last) : undefined };
}

/** `list`: a page may hold fewer entries than `limit` when several tags are asked for. */
export async function listServers(
  handle: RegistryHandle,
  args: z.infer<typeof listInput>,
): Promise<Record<string, unknown>> {
  const { pattern, text, transport, status, tags = [], limit = defaultLimit, cursor } = args;
  const after = cursor === undefined ? undefined : decodeCursor(cursor);
  return handle.use('read', async (cache) => {
    const [tag] = tags;
    const query = { name: pattern, text, transport, status, tag, after };
    const { records, next } = await findPage(cache, query, limit);
    const servers = records.filter((record) => hasTags(record, tags)).map(summaryOf);
    return {
      servers,
      total: cache.size,
      ...(next !== undefined && { nextCursor: encodeCursor(next) }),
    };
  });
}

/** `get`: everything known about one entry, redacted. */
export async function getServer(
  handle: RegistryHandle,
  { name, version }: z.infer<typeof getInput>,
): Promise<Record<string, unknown>> {
  return handle.use('read', (cache) => {
    const record = cache.get(name, version);
    if (record === undefined) throw new ToolError('not_found', `there is no server called ${name}`);
    const versions = cache.versions(name).flatMap(({ server }) => server?.version ?? []);
    return { server: redactRecord(record), versions: versions.slice(0, maxVersions) };
  });
}

function count(into: Map<string, number>, key: string): void {
  into.set(key, (into.get(key) ?? 0) + 1);
}

async function countAll(cache: RegistryMemoryCache): Promise<Record<string, unknown>> {
  const names = new Set<string>();
  const transports = new Map<string, number>();
  const statuses = new Map<string, number>();
  const origins = new Map<string, number>();
  let connectors = 0;
  const slice = createTimeSlice();
  for (const record of cache.peekAll()) {
    names.add(record.name);
    count(transports, record.transport);
    count(statuses, officialMeta(record)?.status ?? 'active');
    count(origins, summaryOrigin(record));
    if (record['connector'] !== undefined) connectors += 1;
    if (slice.due()) await slice.turn();
  }
  return {
    servers: names.size,
    connectors,
    transports: Object.fromEntries(transports),
    statuses: Object.fromEntries(statuses),
    origins: Object.fromEntries(origins),
  };
}

/** `stats`: counted in slices, so that a large registry does not stall the calls of others. */
export async function registryStats(handle: RegistryHandle): Promise<Record<string, unknown>> {
  return handle.use('read', async (cache) => {
    const counts = await countAll(cache);
    const { records, generation, durableGeneration, unflushedMs, access } = cache.health();
    return {
      records,
      ...counts,
      access: access.kind,
      generation,
      durableGeneration,
      unflushedMs,
    };
  });
}
