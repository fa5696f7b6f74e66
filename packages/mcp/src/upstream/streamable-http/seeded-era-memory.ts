import { createEraMemory, type EraMemory, type EraVerdict } from './era-memory.ts';

/** A verdict without what the handshake said: a modern server is asked again. */
type SeedVerdict = Pick<EraVerdict, 'era' | 'storedAtMs'>;

/** Where such a verdict is kept for those who come later. */
export interface EraSeed {
  read(): SeedVerdict | undefined;
  write(verdict: SeedVerdict): void;
}

/**
 * A memory that knows one server from before: until something newer is known, `kept` says what it was, and it is told
 * of what is newer. What was forgotten on purpose, because the server contradicted it, stays forgotten.
 */
export function createSeededEraMemory(kept: EraSeed): EraMemory {
  const own = createEraMemory();
  let touched = false;
  return {
    get(key) {
      if (touched) return own.get(key);
      const seed = kept.read();
      return seed && { ...seed, info: undefined };
    },
    set(key, verdict) {
      touched = true;
      own.set(key, verdict);
      if (verdict !== undefined) kept.write({ era: verdict.era, storedAtMs: verdict.storedAtMs });
    },
  };
}
