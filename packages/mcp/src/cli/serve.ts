import { type LoadedConfig, loadConfig } from '../config/config.ts';
import { packageVersion } from '../config/package-version.ts';
import { watchConfig } from '../config/watch-config.ts';
import type { Service } from '../service/service.ts';
import { announceReady } from './announce-ready.ts';
import type { CliIo } from './cli-io.ts';
import { clientLines } from './client-lines.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { openService, readConfig, showWarnings } from './open-service.ts';
import { openTracing } from './open-tracing.ts';
import { createReload } from './reload-config.ts';
import { endService } from './serve-end.ts';
import { reportConnectors } from './serve-report.ts';
import { createPaint } from './terminal-text.ts';

/** With `firstListWaitMs` 0 no list waits, but the table still gives the first pass a moment. */
const MIN_TABLE_WAIT_MS = 1500;

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

/** An address that cannot be listened on is the user's to change: one line, exit code 2. */
function listenError(error: unknown, config: LoadedConfig): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const port = config.settings.port.value;
  const host = config.settings.host.value;
  if (code === 'EADDRINUSE') {
    return new UsageError(
      `port ${port} on ${host} is in use; stop what listens there or choose another with --port`,
    );
  }
  if (code === 'EACCES') {
    return new UsageError(`port ${port} may not be opened by this user; choose one above 1023`);
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new UsageError(`${host} is no address of this machine; correct --host`);
  }
  return error;
}

/** Connectors that the registry gave at the start. */
function registryCount(service: Service): number {
  const registry = service.status()['registry'];
  if (typeof registry !== 'object' || registry === null || !('used' in registry)) return 0;
  return Number(registry.used);
}

function banner(io: CliIo, config: LoadedConfig, service: Service, endpoint: string): string {
  const paint = createPaint(io);
  const count = config.connectors.length;
  const more = registryCount(service);
  const others = more === 0 ? '' : `, ${more} from the registry`;
  return [
    `Cortex MCP ${packageVersion()}, ${count} ${count === 1 ? 'connector' : 'connectors'} from ${config.configPath}${others}`,
    `Endpoint: ${paint('bold', endpoint)}`,
    '',
    clientLines(endpoint, paint),
  ].join('\n');
}

/** Watches the file of the map, when it is one; returns a function that ends it. */
function watchMap({ serviceMap }: LoadedConfig, service: Service): () => void {
  const source = serviceMap?.source;
  if (source?.kind !== 'file') return () => undefined;
  const watcher = watchConfig(source.path, async () => await service.refreshMap());
  return () => watcher.close();
}

/** Picks up edits of the configuration and of a map file. @returns a function that ends it. */
export function watchService(
  context: CommandContext,
  config: LoadedConfig,
  service: Service,
): () => void {
  const { io, flags } = context;
  const warned = new Set(config.warnings);
  let unwatchMap = watchMap(config, service);
  let ended = false;
  const reload = createReload(config, {
    load: async () => {
      const next = await loadConfig({
        flags: { ...flags, config: config.configPath },
        env: io.env,
        cwd: io.cwd,
        home: io.home,
      });
      const news = next.warnings.filter((warning) => !warned.has(warning));
      for (const warning of news) warned.add(warning);
      showWarnings(io, news);
      return next;
    },
    apply: async (next) => {
      await service.apply(next.connectors);
    },
    applyMap: async (next) => {
      await service.followMap(next.serviceMap);
      if (ended) return;
      unwatchMap();
      unwatchMap = watchMap(next, service);
    },
    say: (line) => io.stderr.write(`${line}\n`),
  });
  const watcher = watchConfig(config.configPath, reload);
  // What was edited between the first reading and now would be missed otherwise.
  void watcher.ready.then(reload);
  return () => {
    ended = true;
    watcher.close();
    unwatchMap();
  };
}

async function serve(context: CommandContext): Promise<number> {
  const { io } = context;
  const config = await readConfig(context);
  const { connectors, settings } = config;
  const logLevel = settings.logLevel.value;
  const tracing = await openTracing(io);
  const service = openService(context, config, { connectors, logLevel, lasting: true, tracing });
  const undo: (() => void)[] = [];
  let isClosing = false;
  try {
    const { url } = await service.start().catch((error: unknown) => {
      throw listenError(error, config);
    });
    io.stdout.write(banner(io, config, service, new URL('/mcp', url).href));
    const waitMs = Math.max(MIN_TABLE_WAIT_MS, settings.firstListWaitMs.value);
    undo.push(
      reportConnectors(service.manager, io, waitMs),
      watchService(context, config, service),
    );
    announceReady(io);
    await aborted(io.signal);
    for (const end of undo.splice(0)) end();
    isClosing = true;
    return await endService(service, io, config);
  } finally {
    for (const end of undo) end();
    if (!isClosing) await service.close();
    await tracing?.close();
  }
}

export const serveCommand: Command = {
  name: 'serve',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host'],
  summary: 'Serve all connectors at one endpoint',
  details: [
    'Prints the endpoint at once, lines to paste into clients, and a table of connectors when the first',
    'pass has settled. Edits of the configuration file are picked up. Logs go to stderr. Ctrl-C ends it,',
    'once clients have had time to move on and calls have ended; a second Ctrl-C at once.',
  ],
  example: 'cortex-mcp serve --config ~/.cursor/mcp.json --port 4000',
  run: serve,
};
