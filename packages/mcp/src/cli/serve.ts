import { type LoadedConfig, loadConfig } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { readVariable } from '../config/environment.ts';
import { secretTexts } from '../config/secret-texts.ts';
import { watchConfig } from '../config/watch-config.ts';
import { keepHeapSlack } from '../service/heap-slack.ts';
import type { Service } from '../service/service.ts';
import { announceReady } from './announce-ready.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { exitCodeOfSignal } from './exit-code.ts';
import type { FirstStartReport } from './first-start.ts';
import { openService, readConfig, showWarnings } from './open-service.ts';
import { openTracing } from './open-tracing.ts';
import { createReload } from './reload-config.ts';
import { endService } from './serve-end.ts';
import { createServeOutput } from './serve-output.ts';
import { sayNote, withNotes } from './service-note.ts';

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
      `port ${port} on ${host} is in use`,
      'PORT_IN_USE',
      'stop what listens there or choose another with --port',
    );
  }
  if (code === 'EACCES') {
    return new UsageError(
      `port ${port} may not be opened by this user`,
      'PORT_FORBIDDEN',
      'choose one above 1023',
    );
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new UsageError(
      `${host} is no address of this machine`,
      'HOST_UNKNOWN',
      'correct --host',
    );
  }
  return error;
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
        // There may have been none from the start.
        orEmpty: config.configOrigin.kind === 'default',
      });
      const news = next.warnings.filter((warning) => !warned.has(warning));
      for (const warning of news) warned.add(warning);
      showWarnings(io, news);
      io.hide?.(() => secretTexts(next));
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
    say: (note) => sayNote(io, note),
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

/** What to serve; on a machine where nothing is configured, after what is said and asked then. */
async function openConfig(
  context: CommandContext,
): Promise<{ readonly config: LoadedConfig; readonly first?: FirstStartReport }> {
  try {
    return { config: await readConfig(context) };
  } catch (error) {
    const { flags, io, json } = context;
    const isMissing = error instanceof ConfigError && error.code === 'CONFIG_NOT_FOUND';
    const named = flags.config ?? readVariable(io.env, 'MCP_CONFIG');
    if (!isMissing || named !== undefined) throw error;
    const { firstStart } = await import('./first-start.ts');
    const first = await firstStart(io, !json);
    return { config: await readConfig(context, true), first };
  }
}

/** Node's own, over which several services of one machine would contend. */
const USUAL_INSPECTOR_PORT = 9_229;

async function serve(context: CommandContext): Promise<number> {
  // Opened only by SIGUSR1, as `cortex-mcp profile` sends it, and then wherever there is a free one.
  if (process.debugPort === USUAL_INSPECTOR_PORT) process.debugPort = 0;
  const { config, first } = await openConfig({ ...context, io: withNotes(context.io) });
  const { signal } = context.io;
  if (signal.aborted) return exitCodeOfSignal(signal.reason);
  const { connectors, settings } = config;
  const logLevel = settings.logLevel.value;
  const output = createServeOutput(withNotes(context.io, logLevel), config, context.json);
  const { io } = output;
  const tracing = await openTracing(io);
  const heard = { ...context, io };
  const service = openService(heard, config, { connectors, logLevel, lasting: true, tracing });
  const undo: (() => void)[] = [];
  let isClosing = false;
  try {
    const { url } = await service.start().catch((error: unknown) => {
      throw listenError(error, config);
    });
    output.listening(service, new URL('/mcp', url).href, first);
    undo.push(output.follow(service), watchService(heard, config, service));
    undo.push(keepHeapSlack(settings.heapSlackMiB.value));
    announceReady(io);
    await aborted(signal);
    for (const end of undo.splice(0)) end();
    isClosing = true;
    output.stopping();
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
  options: ['config', 'port', 'host', 'json'],
  summary: 'Serve all connectors at one endpoint',
  details: [
    'Prints the endpoint at once, lines to paste into clients, and a table of connectors when the first',
    'pass has settled. Edits of the configuration file are picked up. Logs go to stderr. Ctrl-C ends it,',
    'once clients have had time to move on and calls have ended; a second Ctrl-C at once.',
    'Without a configuration it looks for servers that clients on this machine have: on a terminal it offers',
    'to take them over, elsewhere it says how. --json prints one object a line and never asks.',
  ],
  example: 'cortex-mcp serve --config ~/.cursor/mcp.json --port 4000',
  run: serve,
};
