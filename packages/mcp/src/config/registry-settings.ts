import { resolveSecretReferences } from '../connectors/secret-reference.ts';
import { Secret } from '../connectors/secret.ts';
import type { ConfigDocument } from './config-document.ts';
import { ConfigError, formatPlace } from './config-error.ts';
import { type Environment, readVariable } from './environment.ts';
import { readBooleanVariable } from './flags.ts';
import { describeUnknownKey } from './nearest.ts';
import { type FileRegistry, REGISTRY_KEYS } from './registry-schema.ts';
import type { Setting, SettingOrigin } from './setting.ts';

/** What a configuration says of the registry, every value with its origin. */
export interface RegistrySettings {
  /** Whether the gateway opens the registry of the state folder and takes connectors from it. */
  readonly enabled: Setting<boolean>;
  /** Whether the connector `registry` offers its tools. */
  readonly tools: Setting<boolean>;
  /** Whether `/v0.1/…` is served. */
  readonly http: Setting<boolean>;
  /** Writers of the API must send it; undefined lets nobody write by HTTP. */
  readonly apiKey: Setting<Secret<string> | undefined>;
}

export interface RegistryConfig {
  readonly registry: RegistrySettings;
  readonly warnings: readonly string[];
}

type Switch = 'enabled' | 'tools' | 'http';

/** Each switch with its variable and its default. */
const SWITCHES: Readonly<Record<Switch, readonly [variable: string, standard: boolean]>> = {
  enabled: ['MCP_REGISTRY_ENABLED', true],
  tools: ['MCP_REGISTRY_TOOLS', false],
  http: ['MCP_REGISTRY_HTTP', true],
};
const KEY_VARIABLE = 'MCP_REGISTRY_API_KEY';

/** A shorter key could be guessed. */
const MIN_KEY_LENGTH = 16;

function checkKey(text: string, path: string, origin: SettingOrigin): Setting<Secret<string>> {
  const key = text.trim();
  if (key.length < MIN_KEY_LENGTH || /[^\x21-\x7e]/.test(key)) {
    throw new ConfigError(
      'CONFIG_BAD_VALUE',
      `the key of the registry has fewer than ${MIN_KEY_LENGTH} characters, or others than visible ASCII`,
      'make one with: cortex-mcp map keygen',
      { path },
    );
  }
  return { value: new Secret(key), origin };
}

async function readKey(
  given: FileRegistry,
  env: Environment,
  file: string | undefined,
): Promise<Setting<Secret<string> | undefined>> {
  const fromVariable = readVariable(env, KEY_VARIABLE);
  const text = fromVariable ?? given.apiKey;
  if (text === undefined) return { value: undefined, origin: { kind: 'default' } };
  const path = fromVariable === undefined ? 'registry.apiKey' : KEY_VARIABLE;
  const origin: SettingOrigin =
    fromVariable === undefined
      ? { kind: 'file', path: file ?? '' }
      : { kind: 'environment', variable: KEY_VARIABLE };
  try {
    return checkKey(await resolveSecretReferences(text, env), path, origin);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const what = cause instanceof Error ? cause.message : 'it cannot be read';
    const remedy = 'correct the reference, or remove it to let nobody write';
    throw new ConfigError('CONFIG_BAD_VALUE', what, remedy, { path, cause });
  }
}

function unknownKeys(document: ConfigDocument): string[] {
  const value = document.value['registry'];
  return Object.keys(typeof value === 'object' && value !== null ? value : {})
    .filter((key) => !REGISTRY_KEYS.includes(key))
    .map((key) => {
      const place = formatPlace(document.place(['registry', key]));
      return `${place}: ${describeUnknownKey(key, REGISTRY_KEYS)}`;
    });
}

/**
 * Resolves what the environment and the file (`registry`) say of the registry: environment, then file, then default.
 * @param document Default: no file, for commands that need none.
 * @throws ConfigError naming the variable or key that is wrong.
 */
export async function readRegistryConfig(
  env: Environment,
  given: FileRegistry = {},
  document?: ConfigDocument,
): Promise<RegistryConfig> {
  function setting(name: Switch): Setting<boolean> {
    const [variable, standard] = SWITCHES[name];
    const fromVariable = readBooleanVariable(env, variable);
    if (fromVariable !== undefined) {
      return { value: fromVariable, origin: { kind: 'environment', variable } };
    }
    const fromFile = given[name];
    if (fromFile === undefined) return { value: standard, origin: { kind: 'default' } };
    return { value: fromFile, origin: { kind: 'file', path: document?.file ?? '' } };
  }
  return {
    registry: {
      enabled: setting('enabled'),
      tools: setting('tools'),
      http: setting('http'),
      apiKey: await readKey(given, env, document?.file),
    },
    warnings: document === undefined ? [] : unknownKeys(document),
  };
}

/** The settings by the names under which they are shown; the key itself never is. */
export function shownRegistrySettings(
  registry: RegistrySettings,
): Readonly<Record<string, Setting<boolean | string>>> {
  const { enabled, tools, http, apiKey } = registry;
  return {
    'registry.enabled': enabled,
    'registry.tools': tools,
    'registry.http': http,
    'registry.apiKey': {
      value: apiKey.value === undefined ? 'none' : '[redacted]',
      origin: apiKey.origin,
    },
  };
}
