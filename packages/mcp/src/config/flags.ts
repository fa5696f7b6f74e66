import { ConfigError } from './config-error.ts';
import { type FlagName, REFRESH_INTERVAL_MS } from './config-schema.ts';
import { type Environment, processEnvironment, readVariable } from './environment.ts';
import type { Setting } from './setting.ts';

const FLAG_DEFAULTS: Readonly<Record<FlagName, boolean>> = {
  MCP_CONNECTOR_REFRESH_SYNC: false,
  MCP_CONNECTOR_PARALLEL_SYNC: true,
  MCP_CONNECTOR_PERSIST_MANIFESTS: true,
  MCP_LIST_PREBUILT: true,
};

/** Every flag resolved, once, with its origin. */
export type FeatureFlags = Readonly<Record<FlagName, Setting<boolean>>>;

const TRUE: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'no', 'off']);

/**
 * Reads true/1/yes/on and false/0/no/off in any case; undefined when unset or empty.
 * @throws ConfigError naming the variable for anything else.
 */
export function readBooleanVariable(env: Environment, name: string): boolean | undefined {
  const value = readVariable(env, name)?.toLowerCase();
  if (value === undefined) return undefined;
  if (TRUE.has(value)) return true;
  if (FALSE.has(value)) return false;
  throw new ConfigError(
    'CONFIG_BAD_VALUE',
    `"${value}" is neither true nor false`,
    'write true, 1, yes or on, or false, 0, no or off',
    { path: name },
  );
}

/** Resolves every flag: environment, then file, then default. */
export function resolveFlags(
  env: Environment,
  file: { readonly path: string; readonly flags: Partial<Record<FlagName, boolean | undefined>> },
): FeatureFlags {
  function flag(name: FlagName): Setting<boolean> {
    const fromEnvironment = readBooleanVariable(env, name);
    if (fromEnvironment !== undefined) {
      return { value: fromEnvironment, origin: { kind: 'environment', variable: name } };
    }
    const fromFile = file.flags[name];
    if (fromFile !== undefined) {
      return { value: fromFile, origin: { kind: 'file', path: file.path } };
    }
    return { value: FLAG_DEFAULTS[name], origin: { kind: 'default' } };
  }
  return {
    MCP_CONNECTOR_REFRESH_SYNC: flag('MCP_CONNECTOR_REFRESH_SYNC'),
    MCP_CONNECTOR_PARALLEL_SYNC: flag('MCP_CONNECTOR_PARALLEL_SYNC'),
    MCP_CONNECTOR_PERSIST_MANIFESTS: flag('MCP_CONNECTOR_PERSIST_MANIFESTS'),
    MCP_LIST_PREBUILT: flag('MCP_LIST_PREBUILT'),
  };
}

export const REFRESH_INTERVAL_VARIABLE = 'MCP_CONNECTOR_REFRESH_INTERVAL_MS';
const DEFAULT_REFRESH_INTERVAL_MS = 300_000;

/** A refresh interval from the environment, and what had to be changed about it. */
export interface RefreshInterval {
  readonly valueMs: number;
  readonly warning: string | undefined;
}

/**
 * Environment files of the earlier build may hold an unusable interval, which fell back to the default: it still
 * does, but says so, and what is out of bounds is moved to the nearest bound (B7.10). Undefined when unset.
 */
export function readRefreshInterval(env: Environment): RefreshInterval | undefined {
  const given = readVariable(env, REFRESH_INTERVAL_VARIABLE);
  if (given === undefined) return undefined;
  const number = Number(given);
  const { min, max } = REFRESH_INTERVAL_MS;
  const usable = Number.isFinite(number) && number > 0;
  const valueMs = usable
    ? Math.min(max, Math.max(min, Math.round(number)))
    : DEFAULT_REFRESH_INTERVAL_MS;
  if (usable && valueMs === number) return { valueMs, warning: undefined };
  const rule = `must be a whole number of milliseconds from ${min} to ${max}`;
  return {
    valueMs,
    warning: `${REFRESH_INTERVAL_VARIABLE}: "${given}" ${rule}; ${valueMs} is used`,
  };
}

export interface ConnectorFeatureFlags {
  /** Manifests are refreshed in the background (the default). */
  readonly asyncRefresh: boolean;
  readonly refreshIntervalMs: number;
}

/**
 * What the environment says about background refresh (S4-07, S4-19).
 * @throws ConfigError when `MCP_CONNECTOR_REFRESH_SYNC` is no boolean.
 */
export function parseConnectorFeatureFlags(
  env: Environment = processEnvironment(),
): ConnectorFeatureFlags {
  return {
    asyncRefresh: readBooleanVariable(env, 'MCP_CONNECTOR_REFRESH_SYNC') !== true,
    refreshIntervalMs: readRefreshInterval(env)?.valueMs ?? DEFAULT_REFRESH_INTERVAL_MS,
  };
}
