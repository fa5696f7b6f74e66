import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import type { SignatureVerifyKey } from './signature-keys.ts';
import type { RawServiceMap } from './signature.ts';

/** The newest map accepted so far: nothing older is taken from the same source under the same key. */
export interface MapFloor {
  /** Names where the map came from, without showing it. */
  readonly source: string;
  /** Fingerprint of the key that signed it; empty for a map without signature. */
  readonly signer: string;
  readonly generatedAtMs: number;
  /** SHA-256 (hex) of its canonical JSON without the signature. */
  readonly digest: string;
}

/** Keeps the last good map and the floor over a restart. */
export interface MapStore {
  /** The file that holds the last good map as it was read, signature included. */
  readonly mapPath: string;
  /** A missing or damaged file counts as nothing remembered: refusing every map for it would take all connectors down. */
  loadFloor(): Promise<MapFloor | undefined>;
  /** The floor first, then the map: what a crash leaves between them is a map that is read again. */
  save(raw: RawServiceMap, floor: MapFloor | undefined): Promise<void>;
}

/** Short, stable name of a text that must not be shown. */
export function fingerprint(text: string | Uint8Array): string {
  return createHash('sha256').update('cortex-mcp map\n').update(text).digest('hex').slice(0, 24);
}

/** Names a key without showing it. */
export function keyFingerprint(key: SignatureVerifyKey | undefined): string {
  if (key === undefined) return '';
  if (key.alg === 'hmac-sha256') return fingerprint(key.secret);
  return fingerprint(key.publicKey.export({ type: 'spki', format: 'der' }));
}

const floorSchema = z.object({
  source: z.string(),
  signer: z.string(),
  generatedAtMs: z.number(),
  digest: z.string(),
});

async function write(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value)}\n`, { mode: 0o600 });
}

/** `map.json` and `map-floor.json` of the state folder (0600, folder 0700). */
export function createMapStore(folder: string): MapStore {
  const mapPath = join(folder, 'map.json');
  const floorPath = join(folder, 'map-floor.json');
  return {
    mapPath,
    async loadFloor() {
      try {
        // Opening a pipe would wait for whoever writes to it.
        if (!(await stat(floorPath)).isFile()) return undefined;
        return floorSchema.parse(JSON.parse(await readFile(floorPath, 'utf8')));
      } catch {
        // Missing before the first map, or damaged; see above.
        return undefined;
      }
    },
    async save(raw, floor) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (floor !== undefined) await write(floorPath, floor);
      await write(mapPath, raw);
    },
  };
}
