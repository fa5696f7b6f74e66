import type { Era } from '../../protocol/revision.ts';
import type { CachedManifest } from '../cache/manifest-store.ts';

/** What a server showed to be when it was last asked for its era. */
interface RememberedEra {
  readonly era: Era;
  /** When it was asked; wall clock, so that it can outlive the process. */
  readonly storedAtMs: number;
}

/** What all connections of a connector know of its server's era, and what goes into its kept manifest. */
export interface EraNote {
  /** Undefined when it is not known, or not since when. */
  read(): RememberedEra | undefined;
  write(verdict: RememberedEra): void;
  /** When the server was asked, if it showed this era then and since this process began; goes with the manifest. */
  askedAtMs(era: Era): number | undefined;
}

/** @param kept the manifest in hand, of an earlier run maybe: it counts until something newer is known. */
export function createEraNote(kept: () => CachedManifest | undefined): EraNote {
  let learned: RememberedEra | undefined;
  return {
    read() {
      if (learned !== undefined) return learned;
      const { manifest, eraAtMs } = kept() ?? {};
      if (manifest === undefined || eraAtMs === undefined) return undefined;
      return { era: manifest.info.era, storedAtMs: eraAtMs };
    },
    write(verdict) {
      learned = verdict;
    },
    askedAtMs: (era) => (learned?.era === era ? learned.storedAtMs : undefined),
  };
}
