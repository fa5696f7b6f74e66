import { availableParallelism } from 'node:os';
import { BlockList, isIP } from 'node:net';
import { DEFAULT_CALL_SETTINGS } from './call-schema.ts';
import { ConfigError, type ConfigPlace } from './config-error.ts';
import { checkSetting, type GivenSettings, type SettingValues } from './config-schema.ts';
import { type Environment, readVariable } from './environment.ts';
import { parseBoolean, readRefreshInterval, REFRESH_INTERVAL_VARIABLE } from './flags.ts';
import type { Setting, SettingOrigin } from './setting.ts';

type SettingKey = keyof SettingValues;

export type Settings = { readonly [K in SettingKey]: Setting<SettingValues[K]> };

/** What the command line said, as typed. */
export interface ConfigFlags {
  readonly config?: string | undefined;
  readonly port?: string | undefined;
  readonly host?: string | undefined;
}

/** Variables by setting; the first that is set wins. */
const VARIABLES: Readonly<Partial<Record<SettingKey, readonly string[]>>> = {
  port: ['MCP_PORT', 'PORT'],
  host: ['MCP_HOST'],
  logLevel: ['MCP_LOG_LEVEL'],
  syncConcurrency: ['MCP_CONNECTOR_SYNC_CONCURRENCY'],
  listPageSize: ['MCP_LIST_PAGE_SIZE'],
  idleStopMs: ['MCP_IDLE_STOP_MS'],
  drainLameDuckMs: ['MCP_DRAIN_LAME_DUCK_MS'],
  drainMaxMs: ['MCP_DRAIN_MAX_MS'],
  heapSlackMiB: ['MCP_HEAP_SLACK_MIB'],
  sse: ['MCP_SSE'],
  page: ['MCP_PAGE'],
};
const NUMERIC: ReadonlySet<SettingKey> = new Set([
  'port',
  'syncConcurrency',
  'listPageSize',
  'idleStopMs',
  'drainLameDuckMs',
  'drainMaxMs',
  'heapSlackMiB',
]);

function defaults(): SettingValues {
  return {
    port: 3024,
    host: '127.0.0.1',
    logLevel: 'info',
    firstListWaitMs: 1500,
    syncConcurrency: 128,
    processStartConcurrency: 2 * availableParallelism(),
    refreshIntervalMs: 300_000,
    separator: '__',
    listPageSize: 0,
    idleStopMs: 0,
    ...DEFAULT_CALL_SETTINGS,
    drainLameDuckMs: 6_000,
    drainMaxMs: 300_000,
    heapSlackMiB: 32,
    sse: false,
    page: true,
  };
}

interface Candidate {
  readonly raw: string;
  readonly name: string;
  readonly origin: SettingOrigin;
}

function candidate(key: SettingKey, flags: ConfigFlags, env: Environment): Candidate | undefined {
  const flag = key === 'port' || key === 'host' ? flags[key] : undefined;
  if (flag !== undefined) {
    return { raw: flag, name: `--${key}`, origin: { kind: 'flag', name: `--${key}` } };
  }
  for (const variable of VARIABLES[key] ?? []) {
    const raw = readVariable(env, variable);
    if (raw !== undefined)
      return { raw, name: variable, origin: { kind: 'environment', variable } };
  }
  return undefined;
}

/** Text as the schema of the file wants it; what it cannot be is left for the schema to refuse. */
function typedValue(key: SettingKey, raw: string): string | number | boolean {
  if (NUMERIC.has(key)) return /^\d+$/.test(raw) ? Number(raw) : raw;
  if (key === 'sse' || key === 'page') return parseBoolean(raw) ?? raw;
  return key === 'logLevel' ? raw.toLowerCase() : raw;
}

/** Text from a flag or variable, checked by the rule that the file's value obeys. */
function checkText(key: SettingKey, given: Candidate): GivenSettings {
  const checked = checkSetting(key, typedValue(key, given.raw));
  if (checked.kind === 'valid') return checked.value;
  const what = `"${given.raw}" is not a valid value`;
  throw new ConfigError('CONFIG_BAD_VALUE', what, `it ${checked.message}`, { path: given.name });
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Off loopback only with authentication configured (contract.md). */
export function openHostError(host: string, place: ConfigPlace = {}): ConfigError {
  return new ConfigError(
    'CONFIG_BAD_VALUE',
    `${host} can be reached by other machines, and no authentication is configured`,
    'make a key with cortex-mcp keys create, or set MCP_API_KEY; or listen on 127.0.0.1',
    place,
  );
}

/** What the file gave; `path` names it as the origin. */
export interface SettingsFile {
  readonly path: string;
  readonly values: GivenSettings;
}

/**
 * Resolves every setting: flag, then environment, then file, then default.
 * @throws ConfigError naming the flag or variable that is wrong.
 */
export function resolveSettings(
  flags: ConfigFlags,
  env: Environment,
  file: SettingsFile,
): { readonly settings: Settings; readonly warnings: readonly string[] } {
  const fallback = defaults();
  const fileOrigin: SettingOrigin = { kind: 'file', path: file.path };
  function setting<K extends SettingKey>(key: K): Setting<SettingValues[K]> {
    const given = candidate(key, flags, env);
    const values: GivenSettings = given === undefined ? file.values : checkText(key, given);
    const value = values[key];
    if (value === undefined) return { value: fallback[key], origin: { kind: 'default' } };
    return { value, origin: given?.origin ?? fileOrigin };
  }
  const interval = readRefreshInterval(env);
  const settings: Settings = {
    port: setting('port'),
    host: setting('host'),
    logLevel: setting('logLevel'),
    firstListWaitMs: setting('firstListWaitMs'),
    syncConcurrency: setting('syncConcurrency'),
    processStartConcurrency: setting('processStartConcurrency'),
    refreshIntervalMs:
      interval === undefined
        ? setting('refreshIntervalMs')
        : {
            value: interval.valueMs,
            origin: { kind: 'environment', variable: REFRESH_INTERVAL_VARIABLE },
          },
    separator: setting('separator'),
    listPageSize: setting('listPageSize'),
    idleStopMs: setting('idleStopMs'),
    maxInFlight: setting('maxInFlight'),
    maxQueued: setting('maxQueued'),
    queueTimeoutMs: setting('queueTimeoutMs'),
    maxCalls: setting('maxCalls'),
    maxCallsPerPrincipal: setting('maxCallsPerPrincipal'),
    drainLameDuckMs: setting('drainLameDuckMs'),
    drainMaxMs: setting('drainMaxMs'),
    heapSlackMiB: setting('heapSlackMiB'),
    sse: setting('sse'),
    page: setting('page'),
  };
  return { settings, warnings: interval?.warning === undefined ? [] : [interval.warning] };
}
