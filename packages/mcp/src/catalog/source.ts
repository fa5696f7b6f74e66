import type { CacheHint } from '../protocol/cache-hint.ts';
import type { Manifest } from '../connectors/manifest.ts';

/** What a catalog is built from: one connector with a manifest that may be served. */
export interface CatalogSource<T> {
  readonly connectorId: string;
  readonly manifest: Manifest;
  /** On the clock of `performance.now()`; may lie before this process began. */
  readonly receivedAtMs: number;
  readonly hint: CacheHint;
  readonly target: T;
}

export type UpstreamInfo = Manifest['info'];
export type { ManifestItem } from '../connectors/manifest.ts';
