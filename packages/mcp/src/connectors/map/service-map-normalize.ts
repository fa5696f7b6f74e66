/** A JSON object, not an array. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `authentication.headers: [{ name, value }]` of the operator's manifest file, as a record. */
function manifestHeaders(authentication: unknown): Record<string, unknown> | undefined {
  const list: unknown = isJsonObject(authentication) ? authentication['headers'] : undefined;
  if (!Array.isArray(list)) return undefined;
  const pairs = list
    .filter((item: unknown) => isJsonObject(item))
    .map((item): [string, unknown] => [String(item['name']), item['value']]);
  return Object.fromEntries(pairs);
}

/** An entry in the producer's shape, and the older keys that were read for it. */
export interface NormalizedEntry {
  readonly entry: unknown;
  readonly legacyKeys: readonly string[];
}

/**
 * Turns the older shapes of an entry into the producer's (B2): `name` becomes `displayName`, `ttl` `ttlSeconds`,
 * `status` `enabled` (`disabled` always wins), `authentication.headers` `headers`. The newer key wins where both
 * are given. All other keys, known or not, are left alone.
 */
export function normalizeServiceMapEntry(raw: unknown): NormalizedEntry {
  if (!isJsonObject(raw)) return { entry: raw, legacyKeys: [] };
  const { name, ttl, ...rest } = raw;
  const entry: Record<string, unknown> = rest;
  const legacyKeys: string[] = [];
  if (name !== undefined) {
    legacyKeys.push('name');
    entry['displayName'] ??= name;
  }
  if (ttl !== undefined) {
    legacyKeys.push('ttl');
    entry['ttlSeconds'] ??= ttl;
  }
  const status = raw['status'];
  if (status === 'disabled') entry['enabled'] = false;
  if (status === 'enabled' || status === 'disabled' || status === 'preview') {
    legacyKeys.push('status');
  }
  const headers = manifestHeaders(raw['authentication']);
  if (headers !== undefined) {
    legacyKeys.push('authentication');
    entry['headers'] ??= headers;
  }
  return { entry, legacyKeys };
}
