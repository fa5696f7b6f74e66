import { join } from 'node:path';
import { shownAccessSettings } from '../config/access-settings.ts';
import { type LoadedConfig, loadConfig } from '../config/config.ts';
import { credentialsOptions } from '../config/credentials-options.ts';
import { shownRegistrySettings } from '../config/registry-settings.ts';
import { definedVariables } from '../config/environment.ts';
import type { LogLevel } from '../config/config-schema.ts';
import { packageVersion } from '../config/package-version.ts';
import { secretTexts } from '../config/secret-texts.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { Tracing } from '../observability/tracing.ts';
import {
  createService,
  type Service,
  type ServiceOptions,
  type ServiceSettings,
} from '../service/service.ts';
import { accessOptions } from './access-options.ts';
import type { CliIo } from './cli-io.ts';
import type { CommandContext } from './command.ts';
import { exitCodeOfSignal } from './exit-code.ts';
import { createLogger } from './logger.ts';
import { oversightOptions } from './oversight-options.ts';
import { sayNote } from './service-note.ts';

/**
 * Loads the configuration as the command line and environment say, and shows its warnings on stderr.
 * @param orEmpty whether a machine without a configuration has an empty one. Default: false, it is an error.
 */
export async function readConfig(context: CommandContext, orEmpty = false): Promise<LoadedConfig> {
  const { io, flags } = context;
  const config = await loadConfig({ flags, env: io.env, cwd: io.cwd, home: io.home, orEmpty });
  io.hide?.(() => secretTexts(config));
  showWarnings(io, config.warnings);
  return config;
}

/** One line each on stderr; those of a service whose stderr is no terminal go into its log. */
export function showWarnings(io: CliIo, warnings: readonly string[]): void {
  for (const text of warnings) sayNote(io, { level: 'warn', event: 'warning', text });
}

/** What the service is told of the configuration. */
export function serviceSettings(config: LoadedConfig, lasting: boolean): ServiceSettings {
  const { settings, flags, stateFolder } = config;
  const persist = lasting && flags.MCP_CONNECTOR_PERSIST_MANIFESTS.value;
  return {
    port: settings.port.value,
    host: settings.host.value,
    firstListWaitMs: settings.firstListWaitMs.value,
    syncConcurrency: settings.syncConcurrency.value,
    processStartConcurrency: settings.processStartConcurrency.value,
    refreshIntervalMs: settings.refreshIntervalMs.value,
    separator: settings.separator.value,
    parallelSync: flags.MCP_CONNECTOR_PARALLEL_SYNC.value,
    sharedAgent: flags.MCP_CONNECTOR_SHARED_AGENT.value,
    manifestCache: flags.MCP_CONNECTOR_MANIFEST_CACHE.value,
    backgroundRefresh: lasting && !flags.MCP_CONNECTOR_REFRESH_SYNC.value,
    manifestFolder: persist ? join(stateFolder.value, 'manifests') : undefined,
    listPrebuilt: flags.MCP_LIST_PREBUILT.value,
    stdioPool: flags.MCP_STDIO_POOL.value,
    listPageSize: settings.listPageSize.value,
    idleStopMs: settings.idleStopMs.value,
    maxInFlight: settings.maxInFlight.value,
    maxQueued: settings.maxQueued.value,
    queueTimeoutMs: settings.queueTimeoutMs.value,
    maxCalls: settings.maxCalls.value,
    maxCallsPerPrincipal: settings.maxCallsPerPrincipal.value,
    sse: settings.sse.value,
    page: settings.page.value,
  };
}

/** What the service is told of the registry; undefined when it is switched off. */
function registryOptions(
  { registry, flags, stateFolder }: LoadedConfig,
  lasting: boolean,
): ServiceOptions['registry'] {
  if (!registry.enabled.value) return undefined;
  return {
    stateFolder: stateFolder.value,
    memoryCache: flags.MCP_REGISTRY_MEMORY_CACHE.value,
    tools: registry.tools.value,
    http: registry.http.value,
    apiKey: registry.apiKey.value,
    lasting,
  };
}

export interface OpenServiceOptions {
  readonly connectors: readonly ConnectorDefinition[];
  readonly logLevel: LogLevel;
  /** False for commands that end: they refresh nothing and leave the files of a running service alone. */
  readonly lasting: boolean;
  /** Listens on this socket of the file system in place of a port. */
  readonly socketPath?: string;
  /** Records what the service does. Default: nothing is recorded. */
  readonly tracing?: Tracing | undefined;
  /** When the wait of a first list began. Default 0: the start of the process, from which the user counts. */
  readonly startedAtMs?: number;
}

/** A service that has not been started. */
export function openService(
  context: CommandContext,
  config: LoadedConfig,
  options: OpenServiceOptions,
): Service {
  const { io } = context;
  const { configPath, configOrigin, settings, flags, stateFolder } = config;
  const file = { value: configPath, origin: configOrigin };
  const { serviceMap, publishedMap } = config;
  // A command that needs only some local connectors needs no map.
  const whole = options.connectors === config.connectors;
  return createService({
    connectors: options.connectors,
    serviceMap: whole ? serviceMap : undefined,
    publishedMap: options.lasting ? publishedMap : undefined,
    registry: whole ? registryOptions(config, options.lasting) : undefined,
    ...oversightOptions(config),
    auth: accessOptions(config, options.lasting),
    mapFolder: options.lasting ? stateFolder.value : undefined,
    state: options.lasting ? { stateFolder: stateFolder.value, configPath } : undefined,
    credentials: credentialsOptions(stateFolder.value, io.env),
    settings: { ...serviceSettings(config, options.lasting), socketPath: options.socketPath },
    logger: createLogger(options.logLevel, io, options.tracing),
    // `serve` shows people what becomes of connectors.
    quietEvents: io.stderrIsTty,
    tracing: options.tracing,
    baseEnv: definedVariables(io.env),
    version: packageVersion(),
    // Not from when the modules were loaded.
    startedAtMs: options.startedAtMs ?? 0,
    describeSettings: () => ({
      config: file,
      ...settings,
      ...flags,
      ...shownRegistrySettings(config.registry),
      ...shownAccessSettings(config.access),
      ...config.oversight,
      stateFolder,
      serviceMap,
    }),
  });
}

/** Commands that end say what failed themselves: unless a level was asked for, only errors are logged. */
function quietLevel(config: LoadedConfig): LogLevel {
  const { logLevel } = config.settings;
  return logLevel.origin.kind === 'default' ? 'error' : logLevel.value;
}

/**
 * Runs `use` with a service that does not listen, and closes it whatever happens. A signal closes it at once, and
 * its exit code is then the answer.
 */
export async function withService(
  context: CommandContext,
  scope: {
    readonly config: LoadedConfig;
    readonly connectors: readonly ConnectorDefinition[];
  },
  use: (service: Service) => Promise<number>,
): Promise<number> {
  const { signal } = context.io;
  const { config, connectors } = scope;
  const service = openService(context, config, {
    connectors,
    logLevel: quietLevel(config),
    lasting: false,
  });
  const stopped = Promise.withResolvers<number>();
  const stop = (): void => stopped.resolve(exitCodeOfSignal(signal.reason));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const run = async (): Promise<number> => {
      await service.prepare();
      return await use(service);
    };
    return await Promise.race([run(), stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    await service.close();
  }
}
