import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import type { PublishedMapSettings } from './map-settings.ts';
import { isJsonObject } from './service-map-normalize.ts';
import { signServiceMap, type RawServiceMap } from './signature.ts';

/** A map as it is sent. */
export interface PublishedMap {
  readonly body: Buffer;
  /** Strong, quoted. */
  readonly etag: string;
  /** How long a copy may be kept. */
  readonly maxAgeSeconds: number;
}

/** Thrown when the configured map cannot be served; `code` is stable. */
export class PublishError extends Error {
  readonly code: 'MAP_UNREADABLE' | 'MAP_UNSIGNED';
  constructor(code: PublishError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PublishError';
    this.code = code;
  }
}

const MAX_BYTES = 10 * 1024 * 1024;
const MAX_TTL_SECONDS = 86_400;

interface Kept {
  readonly map: PublishedMap;
  /** Of the file it was made from. */
  readonly version: string;
  /** On the clock of `performance.now()`: then it is dated and signed anew. */
  readonly renewAtMs: number;
}

async function readFileVersion(path: string): Promise<{ text: string; version: string }> {
  // Opening a pipe would wait for whoever writes to it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    const { size, mtimeMs, ino } = stats;
    if (!stats.isFile()) throw new RangeError('not a regular file');
    if (size > MAX_BYTES) throw new RangeError(`larger than ${MAX_BYTES} bytes`);
    return { text: await handle.readFile('utf8'), version: `${ino}:${size}:${mtimeMs}` };
  } finally {
    await handle.close();
  }
}

function positive(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : Infinity;
}

/** The map's TTL is never longer than that of a connector in it, and at least a second (B2). */
function ttlOf(map: RawServiceMap): number {
  const connectors: readonly unknown[] = Array.isArray(map['connectors']) ? map['connectors'] : [];
  const own = connectors.map((entry) =>
    isJsonObject(entry) ? positive(entry['ttlSeconds'] ?? entry['ttl']) : Infinity,
  );
  return Math.max(1, Math.min(positive(map['ttlSeconds']), MAX_TTL_SECONDS, ...own));
}

function byId(a: unknown, b: unknown): number {
  const [left, right] = [a, b].map((entry) => (isJsonObject(entry) ? String(entry['id']) : ''));
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

/** An operator's file as a map: dated now, connectors in order of id. */
function dated(map: RawServiceMap, ttlSeconds: number): RawServiceMap {
  const { connectors } = map;
  return {
    ...map,
    generatedAt: new Date().toISOString(),
    ttlSeconds,
    connectors: Array.isArray(connectors) ? connectors.toSorted(byId) : connectors,
  };
}

function published(body: Buffer, maxAgeSeconds: number): PublishedMap {
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 32);
  return { body, etag: `"${digest}"`, maxAgeSeconds };
}

class FilePublisher {
  readonly #settings: PublishedMapSettings;
  #kept: Kept | undefined;

  constructor(settings: PublishedMapSettings) {
    this.#settings = settings;
  }

  async read(): Promise<PublishedMap> {
    const { text, version } = await this.#file();
    const now = performance.now();
    if (this.#kept?.version === version && now < this.#kept.renewAtMs) return this.#kept.map;
    const { map, ttlSeconds, renews } = this.#make(text);
    this.#kept = { map, version, renewAtMs: renews ? now + ttlSeconds * 250 : Infinity };
    return map;
  }

  async #file(): Promise<{ text: string; version: string }> {
    try {
      return await readFileVersion(this.#settings.path);
    } catch (cause) {
      throw new PublishError('MAP_UNREADABLE', 'the map cannot be read', cause);
    }
  }

  #make(text: string): { map: PublishedMap; ttlSeconds: number; renews: boolean } {
    const raw = parse(text);
    const ttlSeconds = ttlOf(raw);
    // What is signed already is served byte for byte: its signer decides when it is signed anew.
    if (typeof raw['signature'] === 'string') {
      return {
        map: published(Buffer.from(text), Math.floor(ttlSeconds / 4)),
        ttlSeconds,
        renews: false,
      };
    }
    const key = this.#settings.key?.reveal();
    if (key === undefined) {
      throw new PublishError(
        'MAP_UNSIGNED',
        'the map is not signed and there is no key to sign it',
      );
    }
    const signed = signServiceMap(dated(raw, ttlSeconds), key);
    const body = Buffer.from(`${JSON.stringify(signed)}\n`);
    return { map: published(body, Math.floor(ttlSeconds / 4)), ttlSeconds, renews: true };
  }
}

function parse(text: string): RawServiceMap {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
    throw new TypeError('the map is not a JSON object');
  } catch (cause) {
    throw new PublishError('MAP_UNREADABLE', 'the map cannot be read', cause);
  }
}

/**
 * Serves a map to other gateways (B2): a signed file as it is; any other dated, sorted and signed, anew after a
 * quarter of its TTL. Edits of the file are seen at the next request.
 * @throws PublishError from the returned function.
 */
export function createMapPublisher(settings: PublishedMapSettings): () => Promise<PublishedMap> {
  const publisher = new FilePublisher(settings);
  return async () => await publisher.read();
}
