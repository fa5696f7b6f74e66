import type { ConnectorDefinition } from '../connectors/connector.ts';
import { type AccessSettings, assertGuarded, readAccessSettings } from './access-settings.ts';
import { readConnectors } from './client-config.ts';
import type { ConfigDocument } from './config-document.ts';
import { ConfigError } from './config-error.ts';
import { readConfigSource } from './config-source.ts';
import { checkSettings, type FileSettings } from './config-schema.ts';
import type { Environment } from './environment.ts';
import { type FeatureFlags, resolveFlags } from './flags.ts';
import { stateFolder } from './locate-config.ts';
import { type MapConfig, readMapConfig } from './map-settings.ts';
import { type OversightConfig, readOversightConfig } from './oversight-settings.ts';
import { readRegistryConfig, type RegistryConfig } from './registry-settings.ts';
import type { Setting } from './setting.ts';
import { type ConfigFlags, resolveSettings, type Settings } from './settings.ts';

/** All that a configuration is made from. */
export interface ConfigSources {
  readonly flags: ConfigFlags;
  readonly env: Environment;
  readonly cwd: string;
  readonly home: string;
  /** Whether a machine without a configuration file has an empty one. Default: false, it is an error. */
  readonly orEmpty?: boolean | undefined;
}

/** A configuration, every value with its origin. */
export interface LoadedConfig extends MapConfig, OversightConfig, RegistryConfig {
  readonly settings: Settings;
  readonly access: AccessSettings;
  readonly flags: FeatureFlags;
  /** Where state is kept; nothing is created here. */
  readonly stateFolder: Setting<string>;
  readonly connectors: readonly ConnectorDefinition[];
  /** One line each. */
  readonly warnings: readonly string[];
  /** The file that was read, absolute. */
  readonly configPath: string;
  readonly configOrigin: Setting<string>['origin'];
}

function fileSettings(document: ConfigDocument): FileSettings {
  const checked = checkSettings(document.value);
  if (checked.kind === 'valid') return checked.value;
  const remedy = 'correct it, or remove it for the default';
  const place = document.place(checked.path);
  throw new ConfigError('CONFIG_BAD_TYPE', checked.message, remedy, place);
}

/**
 * Reads the configuration: flag, then environment, then file, then default.
 * @throws ConfigError, one line naming file, place and remedy.
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const { flags, env, cwd, home } = sources;
  const search = { flag: flags.config, env, cwd, home, orEmpty: sources.orEmpty };
  const { document, origin } = await readConfigSource(search);
  const values = fileSettings(document);
  const file = { path: document.file, values };
  const { settings, warnings } = resolveSettings(flags, env, file);
  const resolvedFlags = resolveFlags(env, { path: document.file, flags: values.flags ?? {} });
  const reading = await readConnectors(document, { env, home });
  const maps = await readMapConfig(document, values.serviceMap, env);
  const registry = await readRegistryConfig(env, values.registry, document);
  const oversight = readOversightConfig(env, values, document);
  const access = await readAccessSettings(env, values, document.file);
  const folder = stateFolder(search);
  await assertGuarded(settings.host, access, folder.value);
  return {
    ...maps,
    access,
    registry: registry.registry,
    oversight: oversight.oversight,
    settings,
    flags: resolvedFlags,
    stateFolder: folder,
    connectors: reading.connectors,
    warnings: [
      ...warnings,
      ...maps.warnings,
      ...registry.warnings,
      ...oversight.warnings,
      ...reading.warnings,
    ],
    configPath: document.file,
    configOrigin: origin,
  };
}
