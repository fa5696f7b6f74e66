import { createEraMemory, type EraMemory, type EraVerdict } from './era-memory.ts';

/** A verdict without what the handshake said: a modern server is asked again. */
export type SeedVerdict = Pick<EraVerdict, 'era' | 'storedAtMs'>;

/**
 * A memory that knows one server from before: until something newer is known, `remembered` says what it was. What
 * was forgotten on purpose, because the server contradicted it, stays forgotten.
 */
export function createSeededEraMemory(remembered: () => SeedVerdict | undefined): EraMemory {
  const own = createEraMemory();
  let touched = false;
  return {
    get(key) {
      if (touched) return own.get(key);
      const seed = remembered();
      return seed && { ...seed, info: undefined };
    },
    set(key, verdict) {
      touched = true;
      own.set(key, verdict);
    },
  };
}
