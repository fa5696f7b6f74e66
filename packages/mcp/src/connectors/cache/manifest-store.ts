import { hash } from 'node:crypto';
import { createFileCacheStore } from './cache-store-file.ts';
import type { CacheStore } from './cache-store.ts';
import type { ConnectorDefinition } from '../connector.ts';
import { decodeManifest, encodeManifest, type CachedManifest } from './stored-manifest.ts';

export type { CachedManifest } from './stored-manifest.ts';

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

/**
 * Manifests on disk, one file a connector, so that the next start serves the full list before the first upstream answers.
 * @param onDamaged told of every file that could not be used; it is set aside.
 */
export function createManifestStore(
  folder: string,
  onDamaged: (file: string, error: unknown) => void,
): CacheStore<CachedManifest> {
  return createFileCacheStore({
    folder,
    encode: encodeManifest,
    decode: decodeManifest,
    onDamaged,
  });
}
