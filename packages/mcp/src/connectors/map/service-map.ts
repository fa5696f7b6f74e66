import { createHash } from 'node:crypto';
import type { ConnectorOrigin } from '../connector.ts';
import { createPace, type Pace } from '../../protocol/pace.ts';
import { canonicalJson, CanonicalJsonError } from './signature-canonical-json.ts';
import type { SignatureVerifyKey } from './signature-keys.ts';
import { type RawServiceMap, verifyServiceMap } from './signature.ts';
import { ServiceMapError } from './service-map-error.ts';
import type { MapGeneration, MapGenerationStore } from './service-map-generation.ts';
import { isJsonObject, normalizeServiceMapEntry } from './service-map-normalize.ts';
import {
  parseServiceMapEntry,
  parseServiceMapEnvelope,
  type ServiceMapEntry,
  type ServiceMapEnvelope,
} from './service-map-schema.ts';
import { readServiceMap, type ServiceMapSource } from './service-map-source.ts';
import {
  DEFAULT_MAP_STALE_MS,
  judgeMapTime,
  undatedMapTime,
  type MapTimes,
} from './service-map-time.ts';

export interface LoadServiceMapOptions {
  readonly source: ServiceMapSource;
  /** Current key first, then previous ones. Default none. */
  readonly keys?: readonly SignatureVerifyKey[] | undefined;
  /** Take a map without signature. Default: only from a file or inline, and only when there are no keys. */
  readonly allowUnsigned?: boolean | undefined;
  /** Of the decompressed body. Default 10 MiB. */
  readonly maxBytes?: number | undefined;
  /** For the whole body. Default 5000. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Refuses maps older than the newest accepted. Default: no memory. */
  readonly generations?: MapGenerationStore | undefined;
  /** Accept an older map once, on the operator's word, and remember it as the newest. Default false. */
  readonly allowReplay?: boolean | undefined;
  /** The `brand` a map must carry. Default: any or none. */
  readonly brand?: string | undefined;
  /** How long past its TTL a map may arrive. Default 0 from a URL, else `maxStaleMs`. */
  readonly acceptStaleMs?: number | undefined;
  /** How long past its TTL a map may be used; never past its `notAfter`. Default `DEFAULT_MAP_STALE_MS`. */
  readonly maxStaleMs?: number | undefined;
}

/** The map with its good entries, in the producer's shape. */
export interface ServiceMapPayload extends ServiceMapEnvelope {
  readonly connectors: readonly ServiceMapEntry[];
}

/** An entry that cannot be used; the others can. */
export interface InvalidMapEntry {
  readonly index: number;
  /** As written, when it is a string at all. */
  readonly id: string | undefined;
  readonly problems: readonly string[];
}

/**
 * `unsigned`: taken without signature. `signature-unchecked`: there is one, but no key. `legacy-shape`: older keys
 * were read. `equivocation`: another map with the same date was accepted before. `not-remembered`: the generation
 * store failed, so a replay after a restart would not be noticed.
 */
export interface ServiceMapWarning {
  readonly code:
    | 'unsigned'
    | 'signature-unchecked'
    | 'legacy-shape'
    | 'equivocation'
    | 'not-remembered';
  readonly message: string;
}

export interface LoadedServiceMap {
  readonly payload: ServiceMapPayload;
  readonly invalidEntries: readonly InvalidMapEntry[];
  /** Monotonic (`performance.now`): until then the map is fresh. */
  readonly expiresAtMs: number;
  /** Monotonic: until then it may be used when no newer one can be had. */
  readonly usableUntilMs: number;
  /** Maps from a URL are `remote`: `checkRemoteTrust` applies to their entries. */
  readonly origin: ConnectorOrigin;
  readonly warnings: readonly ServiceMapWarning[];
  /** The key that verified it. */
  readonly signedBy: SignatureVerifyKey | undefined;
  /** SHA-256 (hex) of the canonical JSON without signature: equal means nothing changed. */
  readonly digest: string;
  /** As read, signature included: what to keep on disk, so that it can be verified again. */
  readonly raw: RawServiceMap;
}

const DEFAULT_MAX_BYTES = 10 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 5_000;

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type Warn = (code: ServiceMapWarning['code'], message: string) => void;

function asObject(value: unknown): RawServiceMap {
  if (isJsonObject(value)) return value;
  throw new ServiceMapError('MAP_SCHEMA', 'The map is not a JSON object');
}

function checkSignature(
  raw: RawServiceMap,
  options: LoadServiceMapOptions,
  warn: Warn,
): SignatureVerifyKey | undefined {
  const keys = options.keys ?? [];
  const local = options.source.kind !== 'url';
  const allowUnsigned = options.allowUnsigned ?? (local && keys.length === 0);
  const signed = raw['signature'] !== undefined;
  if (allowUnsigned && (!signed || keys.length === 0)) {
    const code = signed ? 'signature-unchecked' : 'unsigned';
    warn(code, signed ? 'No key to check the signature with' : 'The map has no signature');
    return undefined;
  }
  if (keys.length === 0)
    throw new ServiceMapError('MAP_UNSIGNED', 'No signature key is configured');
  const verdict = verifyServiceMap(raw, keys);
  if (verdict.kind === 'valid') return verdict.key;
  if (verdict.reason === 'missing') {
    throw new ServiceMapError('MAP_UNSIGNED', 'The map has no signature');
  }
  throw new ServiceMapError('MAP_BAD_SIGNATURE', `The signature is not good (${verdict.reason})`);
}

function digestOf(raw: RawServiceMap): string {
  const { signature: _, ...unsigned } = raw;
  return createHash('sha256').update(canonicalJson(unsigned)).digest('hex');
}

async function parseEntries(
  rawEntries: readonly unknown[],
  warn: Warn,
  pace: Pace,
): Promise<{ readonly connectors: ServiceMapEntry[]; readonly invalidEntries: InvalidMapEntry[] }> {
  const connectors: ServiceMapEntry[] = [];
  const invalidEntries: InvalidMapEntry[] = [];
  const legacy = new Set<string>();
  const seen = new Set<string>();
  for (const [index, rawEntry] of rawEntries.entries()) {
    await pace();
    const { entry, legacyKeys } = normalizeServiceMapEntry(rawEntry);
    for (const key of legacyKeys) legacy.add(key);
    const given = isJsonObject(entry) ? entry['id'] : undefined;
    const id = typeof given === 'string' ? given : undefined;
    if (id !== undefined && seen.has(id)) {
      throw new ServiceMapError('MAP_DUPLICATE_ID', `Two connectors are called '${id}'`);
    }
    if (id !== undefined) seen.add(id);
    const parsed = parseServiceMapEntry(entry);
    if (parsed.kind === 'ok') connectors.push(parsed.value);
    else invalidEntries.push({ index, id, problems: parsed.problems });
  }
  if (legacy.size > 0) warn('legacy-shape', `Older keys were read: ${[...legacy].join(', ')}`);
  return { connectors, invalidEntries };
}

interface Dated {
  readonly freshForMs: number;
  readonly usableForMs: number;
  /** To be remembered once the map is taken. */
  readonly generation: MapGeneration | undefined;
}

async function recall(
  store: MapGenerationStore | undefined,
  warn: Warn,
): Promise<MapGeneration | undefined> {
  try {
    return await store?.load();
  } catch (error) {
    warn('not-remembered', messageOf(error));
    return undefined;
  }
}

function timesOf(envelope: ServiceMapEnvelope): MapTimes {
  const { notAfter } = envelope;
  return {
    generatedAtMs: Date.parse(envelope.generatedAt),
    ttlMs: envelope.ttlSeconds * 1_000,
    notAfterMs: notAfter === undefined ? undefined : Date.parse(notAfter),
  };
}

async function checkTime(
  envelope: ServiceMapEnvelope,
  digest: string,
  options: LoadServiceMapOptions,
  warn: Warn,
): Promise<Dated> {
  const { maxStaleMs = DEFAULT_MAP_STALE_MS, source } = options;
  const times = timesOf(envelope);
  const known = await recall(options.generations, warn);
  const verdict = judgeMapTime(times, {
    nowEpochMs: Date.now(),
    lastGeneratedAtMs: options.allowReplay === true ? undefined : known?.generatedAtMs,
    acceptStaleMs: options.acceptStaleMs ?? (source.kind === 'url' ? 0 : maxStaleMs),
    maxStaleMs,
  });
  if (verdict.kind === 'rejected') throw new ServiceMapError(verdict.code, verdict.message);
  const { generatedAtMs } = times;
  if (known?.generatedAtMs === generatedAtMs) {
    if (known.digest === digest) return { ...verdict, generation: undefined };
    warn('equivocation', `Another map is dated ${envelope.generatedAt} as well`);
  }
  return { ...verdict, generation: { generatedAtMs, digest } };
}

async function remember(
  generation: MapGeneration | undefined,
  store: MapGenerationStore | undefined,
  warn: Warn,
): Promise<void> {
  if (generation === undefined || store === undefined) return;
  try {
    await store.save(generation);
  } catch (error) {
    // A full disk must not take a good map away.
    warn('not-remembered', messageOf(error));
  }
}

function parseEnvelope(
  raw: RawServiceMap,
  brand: string | undefined,
): ServiceMapEnvelope & { readonly connectors: readonly unknown[] } {
  const ttl = raw['ttlSeconds'];
  if (typeof ttl === 'number' && ttl <= 0) {
    throw new ServiceMapError('MAP_NEVER_FRESH', `The map has a ttlSeconds of ${ttl}`);
  }
  const result = parseServiceMapEnvelope(raw);
  if (result.kind === 'invalid') {
    throw new ServiceMapError('MAP_SCHEMA', `The map is not valid: ${result.problems.join('; ')}`);
  }
  if (brand !== undefined && result.value.brand !== brand) {
    throw new ServiceMapError('MAP_BRAND', `The map does not carry the brand '${brand}'`);
  }
  return result.value;
}

/**
 * Reads, verifies, dates, parses and normalises a service map, in that order. An entry that is not valid disables
 * that entry only. `${NAME}` placeholders are left as written.
 * @throws ServiceMapError naming the reason; the caller keeps its last good map.
 */
export async function loadConnectorServiceMap(
  options: LoadServiceMapOptions,
): Promise<LoadedServiceMap> {
  const warnings: ServiceMapWarning[] = [];
  const warn: Warn = (code, message) => void warnings.push({ code, message });
  const raw = asObject(
    await readServiceMap(options.source, {
      maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
      timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal: options.signal,
    }),
  );
  // Taken before any waiting below, so that time spent there counts against freshness, not for it.
  const receivedAtMs = performance.now();
  try {
    const pace = createPace();
    const signedBy = checkSignature(raw, options, warn);
    await pace();
    const digest = digestOf(raw);
    await pace();
    const envelope = parseEnvelope(raw, options.brand);
    const origin: ConnectorOrigin = options.source.kind === 'url' ? 'remote' : 'local';
    // The date of a file that someone edits by hand says nothing; a signed or a fetched one does.
    const dated =
      origin === 'remote' || signedBy !== undefined
        ? await checkTime(envelope, digest, options, warn)
        : undefined;
    const { connectors, invalidEntries } = await parseEntries(envelope.connectors, warn, pace);
    await remember(dated?.generation, options.generations, warn);
    const { freshForMs, usableForMs } =
      dated ??
      undatedMapTime(envelope.ttlSeconds * 1_000, options.maxStaleMs ?? DEFAULT_MAP_STALE_MS);
    return {
      payload: { ...envelope, connectors },
      invalidEntries,
      expiresAtMs: receivedAtMs + freshForMs,
      usableUntilMs: receivedAtMs + usableForMs,
      origin,
      warnings,
      signedBy,
      digest,
      raw,
    };
  } catch (error) {
    if (!(error instanceof CanonicalJsonError)) throw error;
    throw new ServiceMapError('MAP_BAD_JSON', error.message, { cause: error });
  }
}
