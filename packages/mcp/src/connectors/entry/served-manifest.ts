import type { CacheHint } from '../../protocol/cache-hint.ts';
import type { UpstreamAccess } from '../../upstream/upstream.ts';
import type { Manifest } from '../manifest.ts';

/** A manifest that may be served now, with the way to its upstream. */
export interface ServedManifest {
  readonly connectorId: string;
  readonly manifest: Manifest;
  /** On the clock of `performance.now()`. */
  readonly receivedAtMs: number;
  readonly hint: CacheHint;
  readonly target: UpstreamAccess;
}
