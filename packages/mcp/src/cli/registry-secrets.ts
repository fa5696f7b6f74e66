import { recordKey, type RegistryMemoryCache, type ServerRecord } from '@cortex-os/mcp-registry';

const SECRET = /file:secrets\/([\w-][\w.-]{0,127})/g;

function secretsOf(record: ServerRecord): string[] {
  return [...JSON.stringify(record).matchAll(SECRET)].map(([, name = '']) => name);
}

function keyOf({ name, server }: ServerRecord): string {
  return recordKey(name, server?.version);
}

/** The files in `secrets/` that nothing refers to any more once `gone` are removed, or replaced by `next`. */
export function orphanedSecrets(
  cache: RegistryMemoryCache,
  gone: readonly ServerRecord[],
  next: readonly ServerRecord[] = [],
): string[] {
  const wanted = gone.flatMap(secretsOf);
  if (wanted.length === 0) return [];
  const keys = new Set(gone.map(keyOf));
  const others = cache.peekAll().filter((record) => !keys.has(keyOf(record)));
  const kept = new Set([...others, ...next].flatMap(secretsOf));
  return wanted.filter((file) => !kept.has(file));
}
