import { hash } from 'node:crypto';
import { z } from 'zod';
import { LIST_KINDS, type ListKind } from '../../protocol/list-kind.ts';
import { createFileCacheStore } from './cache-store-file.ts';
import type { CacheStore } from './cache-store.ts';
import type { ConnectorDefinition } from '../connector.ts';
import { DEFAULT_MANIFEST_LIMITS, type Manifest } from '../manifest.ts';
import { readItem, type ManifestItem } from '../manifest-item.ts';

/** A manifest with what it was fetched from: one of another server must not be served under the same id. */
export interface CachedManifest {
  readonly manifest: Manifest;
  /** Digest of the connector's transport and era. */
  readonly source: string;
  /** When its server was last asked for its era, epoch milliseconds; undefined where that was not asked over HTTP. */
  readonly eraAtMs?: number | undefined;
}

/** Names what a connector's manifest was fetched from, without showing it: environment and headers hold secrets. */
export function manifestSource({ transport, era }: ConnectorDefinition): string {
  return hash('sha256', JSON.stringify([transport, era]), 'base64url');
}

export function sameManifest(a: CachedManifest, b: CachedManifest): boolean {
  return a.manifest.digest === b.manifest.digest && a.source === b.source;
}

/** The lists held, with the date of the server's era as it is now. */
export function renewedManifest(held: CachedManifest, { eraAtMs }: CachedManifest): CachedManifest {
  return held.eraAtMs === eraAtMs ? held : { ...held, eraAtMs };
}

/** Items as their raw text; where the name stands in it is found again on reading. */
function encode({ manifest, source, eraAtMs }: CachedManifest): unknown {
  const lists = Object.fromEntries(
    LIST_KINDS.map((kind) => [kind, manifest.lists[kind].map((item) => item.text)]),
  );
  return { source, eraAtMs, manifest: { ...manifest, lists } };
}

function decodeItem(text: string, kind: ListKind): ManifestItem {
  JSON.parse(text); // throws when it is damaged
  const reading = readItem(text, kind, DEFAULT_MANIFEST_LIMITS.maxDepth);
  if (reading.kind === 'refused') throw new TypeError(`an item of ${kind} ${reading.why}`);
  return reading.item;
}

const anyObject = z.record(z.string(), z.unknown());
const items = z.array(z.string());
const stored = z.object({
  source: z.string(),
  eraAtMs: z.number().optional(),
  manifest: z.object({
    info: z.object({
      era: z.enum(['modern', 'legacy']),
      protocolVersion: z.string(),
      capabilities: anyObject,
      serverInfo: anyObject.optional(),
      instructions: z.string().optional(),
    }),
    lists: z.object({
      tools: items,
      prompts: items,
      resources: items,
      resourceTemplates: items,
    }),
    hint: z.object({ ttlMs: z.number().min(0), cacheScope: z.enum(['public', 'private']) }),
    digest: z.string(),
    warnings: z.array(z.string()),
  }),
});

function decode(json: unknown): CachedManifest {
  const { source, eraAtMs, manifest } = stored.parse(json);
  const { info, lists } = manifest;
  const itemsOf = (kind: ListKind): readonly ManifestItem[] =>
    lists[kind].map((text) => decodeItem(text, kind));
  return {
    source,
    eraAtMs,
    manifest: {
      ...manifest,
      info: { ...info, serverInfo: info.serverInfo, instructions: info.instructions },
      lists: {
        tools: itemsOf('tools'),
        prompts: itemsOf('prompts'),
        resources: itemsOf('resources'),
        resourceTemplates: itemsOf('resourceTemplates'),
      },
    },
  };
}

/**
 * Manifests on disk, one file a connector, so that the next start serves the full list before the first upstream answers.
 * @param onDamaged told of every file that could not be used; it is set aside.
 */
export function createManifestStore(
  folder: string,
  onDamaged: (file: string, error: unknown) => void,
): CacheStore<CachedManifest> {
  return createFileCacheStore({ folder, encode, decode, onDamaged });
}
