import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import type {
  MapSourceSettings,
  PublishedMapSettings,
  ServiceMapSettings,
} from '../connectors/map/map-settings.ts';
import { keyFingerprint } from '../connectors/map/map-store.ts';
import { Secret } from '../connectors/secret.ts';
import type { SignatureVerifyKey } from '../connectors/map/signature-keys.ts';
import type { ConfigDocument } from './config-document.ts';
import { ConfigError, formatPlace } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';
import {
  environmentKeys,
  readKeyFile,
  readKeyVariable,
  signKeyOf,
  verifyKeyOf,
} from './map-keys.ts';
import { type FileServiceMap, SERVICE_MAP_KEYS } from './map-schema.ts';
import { describeUnknownKey } from './nearest.ts';
import type { Setting } from './setting.ts';

/** What a configuration says of service maps. */
export interface MapConfig {
  readonly serviceMap: (ServiceMapSettings & Pick<Setting<string>, 'origin'>) | undefined;
  readonly publishedMap: PublishedMapSettings | undefined;
  /** Changes with what is said of the map that is followed, its keys included. */
  readonly mapRevision: string;
  /** Changes with what is said of the map that is served. */
  readonly publishedMapRevision: string;
  readonly warnings: readonly string[];
}

/** The variable of the map's URL; wins over `url`, `file` and `inline` of `serviceMap`. */
const URL_VARIABLE = 'CONNECTORS_SERVICE_MAP_URL';

interface Surroundings {
  readonly document: ConfigDocument;
  readonly env: Environment;
  readonly given: FileServiceMap;
}

interface Located {
  readonly source: MapSourceSettings;
  readonly shown: string;
  readonly origin: Setting<string>['origin'];
}

function parseMapUrl(text: string, place: ConfigError['path'], document?: ConfigDocument): URL {
  const url = URL.parse(text);
  const usable = url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
  if (usable && url.username === '' && url.password === '') return url;
  const what = usable ? 'the map URL holds credentials' : 'the map URL is no http or https URL';
  const remedy = usable ? 'give them as ASBR_API_KEY' : 'write https://host/path';
  const where = document === undefined ? { path: place } : document.place(['serviceMap', 'url']);
  throw new ConfigError('CONFIG_BAD_URL', what, remedy, where);
}

function locate({ document, env, given }: Surroundings): Located | undefined {
  // Not MCP_API_KEY: what lets clients in here is nothing for the map's server to know.
  const apiKey = readVariable(env, 'ASBR_API_KEY');
  const fromUrl = (text: string, url: URL, origin: Located['origin']): Located => ({
    source: {
      kind: 'url',
      url: new Secret(text),
      apiKey: apiKey === undefined ? undefined : new Secret(apiKey),
    },
    shown: url.origin + url.pathname,
    origin,
  });
  const variable = readVariable(env, URL_VARIABLE);
  if (variable !== undefined) {
    const origin = { kind: 'environment', variable: URL_VARIABLE } as const;
    return fromUrl(variable, parseMapUrl(variable, URL_VARIABLE), origin);
  }
  const origin = { kind: 'file', path: document.file } as const;
  const { url, file, inline } = given;
  const named = [url && 'a url', file && 'a file', inline && 'an inline map'].filter(Boolean);
  if (named.length > 1) {
    const place = document.place(['serviceMap']);
    const what = `both ${named.join(' and ')} are given`;
    throw new ConfigError('CONFIG_CONFLICT', what, 'keep one', place);
  }
  if (given.inline !== undefined) {
    const shown = `serviceMap.inline in ${document.file}`;
    return { source: { kind: 'inline', map: given.inline }, shown, origin };
  }
  if (given.url !== undefined) {
    return fromUrl(given.url, parseMapUrl(given.url, undefined, document), origin);
  }
  if (given.file === undefined) return undefined;
  const path = resolve(dirname(document.file), given.file);
  return { source: { kind: 'file', path }, shown: path, origin };
}

async function readKeys({ document, env, given }: Surroundings): Promise<SignatureVerifyKey[]> {
  const keys = await environmentKeys(env);
  for (const file of given.publicKeyFiles ?? []) {
    const path = resolve(dirname(document.file), file);
    keys.push(verifyKeyOf(await readKeyFile(path, 'serviceMap.publicKeyFiles'), path));
  }
  return keys;
}

async function readPublished({
  document,
  env,
  given,
}: Surroundings): Promise<PublishedMapSettings | undefined> {
  const variable = readVariable(env, 'CONNECTORS_MANIFEST_PATH');
  const folder = dirname(document.file);
  const named = given.publish ?? given.file;
  const path = variable === undefined ? named && resolve(folder, named) : resolve(variable);
  if (path === undefined) return undefined;
  const origin = 'serviceMap.signingKeyFile';
  const text =
    given.signingKeyFile === undefined
      ? await readKeyVariable(env, 'CONNECTORS_SIGNATURE_KEY')
      : await readKeyFile(resolve(folder, given.signingKeyFile), origin);
  // A public key in the variable verifies and cannot sign: signed maps are then served as they are.
  if (text === undefined || text.startsWith('-----BEGIN PUBLIC')) return { path, key: undefined };
  return { path, key: new Secret(signKeyOf(text, origin)) };
}

function warningsFor(
  { document }: Surroundings,
  located: Located | undefined,
  keys: number,
): string[] {
  const value = document.value['serviceMap'];
  const unknown = Object.keys(typeof value === 'object' && value !== null ? value : {}).filter(
    (key) => !SERVICE_MAP_KEYS.includes(key),
  );
  const warnings = unknown.map((key) => {
    const place = formatPlace(document.place(['serviceMap', key]));
    return `${place}: ${describeUnknownKey(key, SERVICE_MAP_KEYS)}`;
  });
  if (located?.source.kind === 'url' && keys === 0) {
    warnings.push(
      `${located.shown}: no map is taken without a key; set CONNECTORS_SIGNATURE_KEY or serviceMap.publicKeyFiles`,
    );
  }
  return warnings;
}

function digestOf(...values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}

function revisionOf(
  { env, given }: Surroundings,
  located: Located | undefined,
  keys: readonly SignatureVerifyKey[],
): string {
  const { publish: _, signingKeyFile: __, ...followed } = given;
  const variables = ['ASBR_API_KEY', URL_VARIABLE].map((name) => env[name]);
  return digestOf(followed, located?.shown, variables, keys.map(keyFingerprint));
}

function publishedRevisionOf(published: PublishedMapSettings | undefined): string {
  if (published === undefined) return digestOf();
  const { path, key } = published;
  return digestOf(path, keyFingerprint(key?.reveal()));
}

/**
 * Reads what the file (`serviceMap`) and the environment say of service maps, and the keys they name.
 * @throws ConfigError for a bad URL, a key that is none, or a file that cannot be read.
 */
export async function readMapConfig(
  document: ConfigDocument,
  given: FileServiceMap | undefined,
  env: Environment,
): Promise<MapConfig> {
  const parts: Surroundings = { document, env, given: given ?? {} };
  const located = locate(parts);
  const keys = located === undefined ? [] : await readKeys(parts);
  const {
    allowHosts = [],
    allowCommands = [],
    allowVariables = [],
    sharedKeyFor = [],
  } = parts.given;
  const { maxStaleMs, timeoutMs, maxBytes } = parts.given;
  const publishedMap = await readPublished(parts);
  return {
    serviceMap: located && {
      ...located,
      keys: new Secret(keys),
      allowHosts: allowHosts.map((host) => host.toLowerCase()),
      allowCommands,
      allowVariables,
      sharedKeyFor,
      maxStaleMs,
      timeoutMs,
      maxBytes,
    },
    publishedMap,
    mapRevision: revisionOf(parts, located, keys),
    publishedMapRevision: publishedRevisionOf(publishedMap),
    warnings: warningsFor(parts, located, keys.length),
  };
}
