import { isDeepStrictEqual } from 'node:util';
import type { ManifestCache } from '../cache/cache.ts';
import { manifestSource, type CachedManifest } from '../cache/manifest-store.ts';
import type { ConnectorDefinition } from '../connector.ts';
import type { RefreshScheduler } from '../refresh/refresh-scheduler.ts';
import type { ConnectorEntry } from './connector-entry.ts';
import type { Retirement } from './retirement.ts';

/** What a new desired set changed. `closing`: the connectors that go, while their calls end. */
export interface Replacement {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly closing: readonly Promise<void>[];
  /** Whether status or lists may be different now. */
  readonly changed: boolean;
}

/** What the manager holds, and how it adds a connector. */
export interface ReplacementParts {
  readonly entries: Map<string, ConnectorEntry>;
  readonly cache: ManifestCache<CachedManifest>;
  readonly scheduler: RefreshScheduler | undefined;
  readonly retirement: Retirement;
  readonly add: (definition: ConnectorDefinition) => void;
}

/**
 * Makes `connectors` the desired set (S4-09). What changed is gone at once, and what replaces it is there, not yet synced.
 * Where the server stays the same its last good lists stay, as stale (M7); where only words about a connector changed it
 * stays itself.
 */
export function replaceEntries(
  connectors: readonly ConnectorDefinition[],
  { entries, cache, scheduler, retirement, add }: ReplacementParts,
): Replacement {
  const wanted = new Map(connectors.map((definition) => [definition.id, definition]));
  const closing: Promise<void>[] = [];
  const removed: string[] = [];
  let described = false;
  for (const [id, entry] of entries) {
    const definition = wanted.get(id);
    if (isDeepStrictEqual(definition, entry.definition)) continue;
    if (definition !== undefined && entry.describe(definition)) {
      described = true;
      continue;
    }
    entries.delete(id);
    scheduler?.remove(id);
    // The same server, asked in another way, offers the same.
    const sameServer = definition !== undefined && manifestSource(definition) === entry.source;
    if (sameServer) cache.restart(id);
    else cache.delete(id);
    closing.push(retirement.retire(entry));
    if (definition === undefined) removed.push(id);
  }
  const added = connectors.filter(({ id }) => !entries.has(id));
  for (const definition of added) add(definition);
  const changed = described || added.length > 0 || closing.length > 0;
  return { removed, closing, changed, added: added.map(({ id }) => id) };
}
