import type { ConnectorOrigin } from '../connector.ts';
import { fingerprint, keyFingerprint, type MapFloor, type MapStore } from './map-store.ts';
import type { MapGeneration } from './service-map-generation.ts';
import type { ServiceMapSource } from './service-map-source.ts';
import { DEFAULT_MAP_STALE_MS } from './service-map-time.ts';
import {
  loadConnectorServiceMap,
  type LoadedServiceMap,
  type LoadServiceMapOptions,
} from './service-map.ts';
import type { SignatureVerifyKey } from './signature-keys.ts';

export interface MapReaderOptions {
  readonly source: ServiceMapSource;
  /** Current key first, then previous ones. */
  readonly keys: readonly SignatureVerifyKey[];
  /** How long past its TTL a map may be used. Default `DEFAULT_MAP_STALE_MS`. */
  readonly maxStaleMs?: number | undefined;
  /** For the whole body of one fetch. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Default 10 MiB. */
  readonly maxBytes?: number | undefined;
  readonly brand?: string | undefined;
  /** Keeps the last good map over a restart. Default: nothing is kept. */
  readonly store?: MapStore | undefined;
  /** Told when a map could not be kept; it is used all the same. */
  readonly onStoreError: (error: unknown) => void;
}

/** Reads maps of one source, none older than the newest accepted before, also over restarts. */
export interface MapReader {
  /** @throws ServiceMapError naming the reason. */
  fetch(signal: AbortSignal): Promise<LoadedServiceMap>;
  /**
   * The last good map an earlier run kept, verified again; undefined when there is none.
   * @throws ServiceMapError when it cannot be used any more.
   */
  restore(): Promise<LoadedServiceMap | undefined>;
  /**
   * A map of this source that was accepted by other settings, judged by these; its time goes on as it was.
   * @throws ServiceMapError when these settings do not accept it.
   */
  recheck(map: LoadedServiceMap): Promise<LoadedServiceMap>;
}

function sourceName(source: ServiceMapSource): string {
  if (source.kind === 'url') return fingerprint(`url ${source.url}`);
  return fingerprint(source.kind === 'file' ? `file ${source.path}` : 'inline');
}

class StoredMapReader implements MapReader {
  readonly #options: MapReaderOptions;
  readonly #source: string;
  #floor: MapFloor | undefined;
  #recalled: Promise<void> | undefined;
  /** A floor of another source: the kept map is not ours. */
  #foreign = false;

  constructor(options: MapReaderOptions) {
    this.#options = options;
    this.#source = sourceName(options.source);
  }

  async fetch(signal: AbortSignal): Promise<LoadedServiceMap> {
    await this.#recall();
    const { source, store, onStoreError } = this.#options;
    const { loaded, generation } = await this.#load({ source, signal }, this.#floor);
    this.#raise(loaded, generation);
    try {
      await store?.save(loaded.raw, this.#floor);
    } catch (error) {
      // A full disk must not take a good map away.
      onStoreError(error);
    }
    return loaded;
  }

  async restore(): Promise<LoadedServiceMap | undefined> {
    const { store, source, maxStaleMs } = this.#options;
    if (store === undefined || source.kind === 'inline') return undefined;
    await this.#recall();
    if (this.#foreign) return undefined;
    // The floor is not asked: a crash may have left it above the map beside it, which is still our last good one.
    const kept: ServiceMapSource = { kind: 'file', path: store.mapPath };
    const file = await this.#load({ source: kept, acceptStaleMs: maxStaleMs }, undefined).catch(
      (error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      },
    );
    if (file === undefined) return undefined;
    this.#raise(file.loaded, file.generation);
    // The file lies here, what it says came from there.
    const origin: ConnectorOrigin = source.kind === 'url' ? 'remote' : 'local';
    return { ...file.loaded, origin };
  }

  async recheck(map: LoadedServiceMap): Promise<LoadedServiceMap> {
    await this.#recall();
    const { maxStaleMs = DEFAULT_MAP_STALE_MS } = this.#options;
    const source: ServiceMapSource = { kind: 'inline', map: map.raw };
    const { loaded, generation } = await this.#load(
      { source, acceptStaleMs: maxStaleMs },
      undefined,
    );
    this.#raise(loaded, generation);
    return {
      ...loaded,
      origin: map.origin,
      // Its freshness began when it came, not now.
      expiresAtMs: Math.min(loaded.expiresAtMs, map.expiresAtMs),
      usableUntilMs: Math.min(loaded.usableUntilMs, map.expiresAtMs + maxStaleMs),
    };
  }

  async #load(
    options: Pick<LoadServiceMapOptions, 'source' | 'signal' | 'acceptStaleMs'>,
    floor: MapFloor | undefined,
  ): Promise<{ loaded: LoadedServiceMap; generation: MapGeneration | undefined }> {
    const { keys, maxStaleMs, timeoutMs, maxBytes, brand, source } = this.#options;
    let generation: MapGeneration | undefined;
    const loaded = await loadConnectorServiceMap({
      ...options,
      keys,
      maxStaleMs,
      timeoutMs,
      maxBytes,
      brand,
      allowUnsigned: source.kind !== 'url' && keys.length === 0,
      generations: {
        load: () => Promise.resolve(floor),
        save: (next) => {
          generation = next;
          return Promise.resolve();
        },
      },
    });
    return { loaded, generation };
  }

  /** A floor of a key that is no longer used says nothing: a leaked key must not keep newer ones out. */
  async #recall(): Promise<void> {
    this.#recalled ??= this.#readFloor();
    await this.#recalled;
  }

  async #readFloor(): Promise<void> {
    const floor = await this.#options.store?.loadFloor();
    this.#foreign = floor !== undefined && floor.source !== this.#source;
    if (floor === undefined || this.#foreign) return;
    const signers = ['', ...this.#options.keys.map((key) => keyFingerprint(key))];
    if (signers.includes(floor.signer)) this.#floor = floor;
  }

  #raise(loaded: LoadedServiceMap, generation: MapGeneration | undefined): void {
    if (generation === undefined) return;
    if (this.#floor !== undefined && this.#floor.generatedAtMs > generation.generatedAtMs) return;
    const signer = keyFingerprint(loaded.signedBy);
    this.#floor = { ...generation, signer, source: this.#source };
  }
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

/** Reads nothing before the first call. */
export function createMapReader(options: MapReaderOptions): MapReader {
  return new StoredMapReader(options);
}
