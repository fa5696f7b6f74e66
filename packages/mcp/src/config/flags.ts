import { ConfigError } from './config-error.ts';
import { type FileFlags, type FlagName, REFRESH_INTERVAL_MS } from './config-schema.ts';
import { type Environment, processEnvironment, readVariable } from './environment.ts';
import { FLAG_TABLE } from './flag-table.ts';
import { inCohort, resolveRollout, type Rollout } from './rollout.ts';
import type { Setting } from './setting.ts';

/** Every flag resolved, once, with its origin; and the rollout that may have decided one of them. */
export type FeatureFlags = Readonly<Record<FlagName, Setting<boolean>>> & Rollout;

const TRUE: ReadonlySet<string> = new Set(['true', '1', 'yes', 'on']);
const FALSE: ReadonlySet<string> = new Set(['false', '0', 'no', 'off']);

/** true/1/yes/on and false/0/no/off in any case; undefined for anything else. */
export function parseBoolean(text: string): boolean | undefined {
  const value = text.toLowerCase();
  if (TRUE.has(value)) return true;
  return FALSE.has(value) ? false : undefined;
}

/**
 * Reads true/1/yes/on and false/0/no/off in any case; undefined when unset or empty.
 * @throws ConfigError naming the variable for anything else.
 */
export function readBooleanVariable(env: Environment, name: string): boolean | undefined {
  const text = readVariable(env, name);
  if (text === undefined) return undefined;
  const value = parseBoolean(text);
  if (value !== undefined) return value;
  throw new ConfigError(
    'CONFIG_BAD_VALUE',
    `"${text.toLowerCase()}" is neither true nor false`,
    'write true, 1, yes or on, or false, 0, no or off',
    { path: name },
  );
}

function underRollout(flag: Setting<boolean>, rollout: Rollout): Setting<boolean> {
  const percent = rollout.MCP_ROLLOUT_PERCENT.value;
  if (flag.value || inCohort(rollout.MCP_INSTANCE_ID.value, percent)) return flag;
  return { value: true, origin: { kind: 'rollout', percent } };
}

/**
 * Resolves every flag: environment, then file, then default. Outside the rollout cohort `MCP_CONNECTOR_REFRESH_SYNC`
 * is on whatever they say.
 * @throws ConfigError naming the variable that is wrong.
 */
export function resolveFlags(
  env: Environment,
  file: { readonly path: string; readonly flags: FileFlags },
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
    return { value: FLAG_TABLE[name].standard, origin: { kind: 'default' } };
  }
  const rollout = resolveRollout(env, { path: file.path, percent: file.flags.MCP_ROLLOUT_PERCENT });
  return {
    MCP_CONNECTOR_REFRESH_SYNC: underRollout(flag('MCP_CONNECTOR_REFRESH_SYNC'), rollout),
    MCP_CONNECTOR_PARALLEL_SYNC: flag('MCP_CONNECTOR_PARALLEL_SYNC'),
    MCP_CONNECTOR_SHARED_AGENT: flag('MCP_CONNECTOR_SHARED_AGENT'),
    MCP_CONNECTOR_MANIFEST_CACHE: flag('MCP_CONNECTOR_MANIFEST_CACHE'),
    MCP_CONNECTOR_PERSIST_MANIFESTS: flag('MCP_CONNECTOR_PERSIST_MANIFESTS'),
    MCP_LIST_PREBUILT: flag('MCP_LIST_PREBUILT'),
    MCP_REGISTRY_MEMORY_CACHE: flag('MCP_REGISTRY_MEMORY_CACHE'),
    MCP_STDIO_POOL: flag('MCP_STDIO_POOL'),
    ...rollout,
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
 * What the environment says about background refresh (S4-07, S4-19, S4-35).
 * @throws ConfigError when `MCP_CONNECTOR_REFRESH_SYNC` is no boolean or `MCP_ROLLOUT_PERCENT` no percentage.
 */
export function parseConnectorFeatureFlags(
  env: Environment = processEnvironment(),
): ConnectorFeatureFlags {
  const flags = resolveFlags(env, { path: '', flags: {} });
  return {
    asyncRefresh: !flags.MCP_CONNECTOR_REFRESH_SYNC.value,
    refreshIntervalMs: readRefreshInterval(env)?.valueMs ?? DEFAULT_REFRESH_INTERVAL_MS,
  };
}
