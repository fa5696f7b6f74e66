import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { OAuthSettings } from '../auth/oauth-settings.ts';
import { resolveSecretReferences } from '../connectors/secret-reference.ts';
import { Secret } from '../connectors/secret.ts';
import { accessShape, type FileAccess, type FileAuth } from './access-schema.ts';
import { ConfigError, type ConfigPlace } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';
import type { Setting, SettingOrigin } from './setting.ts';
import { isLoopback, openHostError } from './settings.ts';

/** What a configuration says of who is let in, with origins. */
export interface AccessSettings {
  readonly apiKey: Setting<Secret<string> | undefined>;
  readonly oauth: Setting<OAuthSettings | undefined>;
  readonly limits: Setting<FileAuth['limits']>;
  readonly allowedHosts: Setting<readonly string[]>;
  readonly allowedOrigins: Setting<readonly string[]>;
}

const KEY_VARIABLE = 'MCP_API_KEY';
/** A shorter key could be guessed. */
const MIN_KEY_LENGTH = 16;
const DEFAULT: SettingOrigin = { kind: 'default' };

function checkKey(text: string, path: string): string {
  const key = text.trim();
  if (key.length >= MIN_KEY_LENGTH && !/[^\x21-\x7e]/.test(key)) return key;
  throw new ConfigError(
    'CONFIG_BAD_VALUE',
    `the key has fewer than ${MIN_KEY_LENGTH} characters, or others than visible ASCII`,
    'make one with: cortex-mcp map keygen',
    { path },
  );
}

async function readKey(
  given: string | undefined,
  env: Environment,
  file: string,
): Promise<AccessSettings['apiKey']> {
  const fromVariable = readVariable(env, KEY_VARIABLE);
  const text = fromVariable ?? given;
  if (text === undefined) return { value: undefined, origin: DEFAULT };
  const isVariable = fromVariable !== undefined;
  const path = isVariable ? KEY_VARIABLE : 'auth.apiKey';
  const origin: SettingOrigin = isVariable
    ? { kind: 'environment', variable: KEY_VARIABLE }
    : { kind: 'file', path: file };
  try {
    const key = isVariable ? text : await resolveSecretReferences(text, env);
    return { value: new Secret(checkKey(key, path)), origin };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const what = cause instanceof Error ? cause.message : 'it cannot be read';
    const remedy = 'correct the reference, or remove it';
    throw new ConfigError('CONFIG_BAD_VALUE', what, remedy, { path, cause });
  }
}

function readList(
  name: 'allowedHosts' | 'allowedOrigins',
  { values, file, env }: { values: FileAccess; file: string; env: Environment },
): Setting<readonly string[]> {
  const variable = name === 'allowedHosts' ? 'MCP_ALLOWED_HOSTS' : 'MCP_ALLOWED_ORIGINS';
  const raw = readVariable(env, variable);
  if (raw === undefined) {
    const given = values[name];
    if (given === undefined) return { value: [], origin: DEFAULT };
    return { value: given.map((one) => one.toLowerCase()), origin: { kind: 'file', path: file } };
  }
  const words = raw.split(',').flatMap((word) => word.trim() || []);
  const checked = accessShape[name].safeParse(words);
  if (!checked.success) {
    const what = checked.error.issues[0]?.message ?? 'is not valid';
    throw new ConfigError('CONFIG_BAD_VALUE', `each ${what}`, 'separate them with commas', {
      path: variable,
    });
  }
  const value = words.map((one) => one.toLowerCase());
  return { value, origin: { kind: 'environment', variable } };
}

/** Tokens travel to the resource and keys from the issuer: both in the clear only on this machine. */
function checkOAuth(oauth: OAuthSettings | undefined): OAuthSettings | undefined {
  if (oauth === undefined) return undefined;
  for (const key of ['issuer', 'resource', 'jwksUrl'] as const) {
    const text = oauth[key];
    if (text === undefined) continue;
    const url = URL.parse(text);
    if (url?.protocol === 'https:' || (url !== null && isLoopback(nameOf(url)))) continue;
    const path = `auth.oauth.${key}`;
    throw new ConfigError('CONFIG_BAD_VALUE', `${text} is not https`, 'give its https address', {
      path,
    });
  }
  for (const [index, { claim, value }] of oauth.grants.entries()) {
    if ((claim === undefined) === (value === undefined)) continue;
    const path = `auth.oauth.grants[${index}]`;
    throw new ConfigError('CONFIG_BAD_VALUE', 'claim and value belong together', 'give both', {
      path,
    });
  }
  return oauth;
}

function nameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/**
 * Resolves what the environment and the file say of who is let in.
 * @throws ConfigError naming the variable or key that is wrong.
 */
export async function readAccessSettings(
  env: Environment,
  values: FileAccess,
  file: string,
): Promise<AccessSettings> {
  const { auth } = values;
  const origin: SettingOrigin = { kind: 'file', path: file };
  const oauth = checkOAuth(auth?.oauth);
  return {
    apiKey: await readKey(auth?.apiKey, env, file),
    oauth: { value: oauth, origin: oauth === undefined ? DEFAULT : origin },
    limits: { value: auth?.limits, origin: auth?.limits === undefined ? DEFAULT : origin },
    allowedHosts: readList('allowedHosts', { values, file, env }),
    allowedOrigins: readList('allowedOrigins', { values, file, env }),
  };
}

/** The settings by the names under which they are shown; the key itself never is. */
export function shownAccessSettings(
  settings: AccessSettings,
): Readonly<Record<string, Setting<string>>> {
  const { apiKey, oauth, limits, allowedHosts, allowedOrigins } = settings;
  const shownKey = apiKey.value === undefined ? 'none' : '[redacted]';
  return {
    'auth.apiKey': { value: shownKey, origin: apiKey.origin },
    'auth.oauth': { value: shownJson(oauth.value), origin: oauth.origin },
    'auth.limits': { value: shownJson(limits.value), origin: limits.origin },
    allowedHosts: { value: allowedHosts.value.join(', '), origin: allowedHosts.origin },
    allowedOrigins: { value: allowedOrigins.value.join(', '), origin: allowedOrigins.origin },
  };
}

function shownJson(value: object | undefined): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

function placeOf({ origin }: Setting<string>): ConfigPlace {
  if (origin.kind === 'flag') return { path: '--host' };
  if (origin.kind === 'environment') return { path: 'MCP_HOST' };
  return origin.kind === 'file' ? { file: origin.path, path: 'host' } : {};
}

async function hasKeys(stateFolder: string): Promise<boolean> {
  try {
    await access(join(stateFolder, 'keys.json'));
    return true;
  } catch {
    return false; // nobody has made a key
  }
}

/**
 * An address that other machines can reach needs some authentication (contract.md).
 * @throws ConfigError naming where the host was given.
 */
export async function assertGuarded(
  host: Setting<string>,
  { apiKey, oauth }: AccessSettings,
  stateFolder: string,
): Promise<void> {
  if (isLoopback(host.value) || apiKey.value !== undefined || oauth.value !== undefined) return;
  if (await hasKeys(stateFolder)) return;
  throw openHostError(host.value, placeOf(host));
}
