import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  generateSignatureKey,
  type SignatureSignKey,
  type SignatureVerifyKey,
} from '../connectors/map/signature-keys.ts';
import { type RawServiceMap, signServiceMap } from '../connectors/map/signature.ts';
import { ServiceMapError } from '../connectors/map/service-map-error.ts';
import { loadConnectorServiceMap, type LoadedServiceMap } from '../connectors/map/service-map.ts';
import { readConfigDocument } from './config-document.ts';
import { ConfigError } from './config-error.ts';

/** A signed map, with what may be wrong with it all the same. */
export interface SignedMapFile {
  readonly map: RawServiceMap;
  readonly warnings: readonly string[];
}

function problemsOf(loaded: LoadedServiceMap): string[] {
  const invalid = loaded.invalidEntries.map(
    ({ id, index, problems }) =>
      `${id ?? `connector ${index}`} cannot be used: ${problems.join('; ')}`,
  );
  return [...loaded.warnings.map(({ message }) => message), ...invalid];
}

async function check(map: RawServiceMap, keys: readonly SignatureVerifyKey[]): Promise<string[]> {
  const source = { kind: 'inline', map } as const;
  try {
    return problemsOf(await loadConnectorServiceMap({ source, keys, acceptStaleMs: 0 }));
  } catch (error) {
    // A file whose date has passed can be signed, but nobody who fetches it will take it.
    if (!(error instanceof ServiceMapError) || error.code !== 'MAP_EXPIRED') throw error;
    return [`${error.message}: set generatedAt to now, or leave it out`];
  }
}

/**
 * Signs the map of a file; one without `generatedAt` is dated now. Everything else stays as it is written.
 * @throws ConfigError for a file that is no JSON object, ServiceMapError for one that nobody would take.
 */
export async function signMapFile(file: string, key: SignatureSignKey): Promise<SignedMapFile> {
  const { value } = await readConfigDocument(file);
  const map = signServiceMap(
    { ...value, generatedAt: value['generatedAt'] ?? new Date().toISOString() },
    key,
  );
  return { map, warnings: await check(map, [key]) };
}

/** What a good map says of itself. */
export interface VerifiedMapFile {
  readonly alg: SignatureVerifyKey['alg'];
  /** Id of the signing key, when it has one. */
  readonly kid: string | undefined;
  readonly generatedAt: string;
  readonly ageMs: number;
  readonly ttlMs: number;
  readonly connectors: number;
  readonly warnings: readonly string[];
}

/**
 * Judges the map of a file as a gateway would that fetches it now.
 * @throws ServiceMapError naming the reason why it would be refused.
 */
export async function verifyMapFile(
  file: string,
  keys: readonly SignatureVerifyKey[],
): Promise<VerifiedMapFile> {
  const source = { kind: 'file', path: file } as const;
  const loaded = await loadConnectorServiceMap({
    source,
    keys,
    allowUnsigned: false,
    acceptStaleMs: 0,
  });
  const { generatedAt, ttlSeconds } = loaded.payload;
  const kid = loaded.raw['kid'];
  return {
    alg: loaded.signedBy?.alg ?? 'hmac-sha256',
    kid: typeof kid === 'string' ? kid : undefined,
    generatedAt,
    ageMs: Math.max(0, Date.now() - Date.parse(generatedAt)),
    ttlMs: ttlSeconds * 1_000,
    connectors: loaded.payload.connectors.length,
    warnings: problemsOf(loaded),
  };
}

async function writeNew(file: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    const reason = cause instanceof Error ? cause.message : String(cause);
    const what = exists ? 'the file is there already' : `the file cannot be written (${reason})`;
    throw new ConfigError('CONFIG_UNREADABLE', what, 'name another file', { file, cause });
  }
}

/** A new shared secret: as text, or in a new file (0600). */
export async function generateSecret(file: string | undefined): Promise<string> {
  const key = generateSignatureKey('hmac-sha256');
  const secret = key.alg === 'hmac-sha256' ? key.secret : '';
  if (file !== undefined) await writeNew(file, `${secret}\n`);
  return secret;
}

/**
 * A new Ed25519 pair in new files (0600): the private key in `file`, the public one in `file.pub`.
 * @returns the names of both.
 */
export async function generateKeyPair(
  file: string,
): Promise<readonly [privateFile: string, publicFile: string]> {
  const pair = generateSignatureKey('ed25519');
  if (pair.alg !== 'ed25519') throw new TypeError('the platform has no Ed25519');
  const publicFile = `${file}.pub`;
  await writeNew(file, pair.privatePem);
  await writeNew(publicFile, pair.publicPem);
  return [file, publicFile];
}
