import { randomInt } from 'node:crypto';
import { Readable } from 'node:stream';
import type { LoadedConfig } from '../config/config.ts';
import { stateFolder } from '../config/locate-config.ts';
import { serveStdio, type Service } from '../service/service.ts';
import type { CliIo } from './cli-io.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_FAILED, EXIT_OK } from './exit-code.ts';
import { openService, readConfig } from './open-service.ts';
import { openTracing } from './open-tracing.ts';
import { watchService } from './serve.ts';
import { createServiceCredential } from './service-credential.ts';
import { createFixedLocator, createStdioLocator, type StdioLocator } from './stdio-locator.ts';
import { sayNote, withNotes } from './service-note.ts';
import { safeText } from './terminal-text.ts';

const RANDOM_STEPS = 2 ** 32;

function connectorPath(connector: string | undefined): string {
  if (connector === undefined) return '/mcp';
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(connector)) return `/mcp/${connector}`;
  throw new UsageError(
    `${JSON.stringify(connector)} is no connector id`,
    'CONNECTOR_UNKNOWN',
    'see cortex-mcp sync',
  );
}

/** `http://host:port`, or the address of an endpoint there. */
function readUrl(text: string, connector: string | undefined): { url: URL; path: string } {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--url ${JSON.stringify(text)} is no http or https address`);
  }
  if (url.pathname === '/') return { url, path: connectorPath(connector) };
  if (connector === undefined) return { url, path: url.pathname + url.search };
  throw new UsageError('give --connector, or an address with a path, and not both');
}

/** A service without a port, for this client and those that come later. */
async function startOwn(
  context: CommandContext,
  config: LoadedConfig,
  socketPath: string,
): Promise<Pick<Service, 'close'>> {
  const { connectors, settings } = config;
  const logLevel = settings.logLevel.value;
  // Clients ask for the lists once, at once, and may never ask again: the wait begins now.
  const startedAtMs = performance.now();
  const tracing = await openTracing(context.io);
  const options = { connectors, logLevel, lasting: true, socketPath, startedAtMs, tracing };
  const service = openService(context, config, options);
  let unwatch: (() => void) | undefined;
  const close = async (): Promise<void> => {
    unwatch?.();
    await service.close();
    await tracing?.close();
  };
  try {
    await service.start();
    unwatch = watchService(context, config, service);
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

function say(io: CliIo, event: string, text: string): void {
  sayNote(io, { level: 'warn', event, text, plain: `cortex-mcp: ${text}` });
}

async function createLocator(given: CommandContext): Promise<StdioLocator> {
  const { options } = given;
  const connector = options.text('connector');
  const address = options.text('url');
  if (address !== undefined) {
    const { url, path } = readUrl(address, connector);
    const folder = stateFolder({ flag: undefined, ...given.io });
    return createFixedLocator(url, path, createServiceCredential(given.io.env, folder.value));
  }
  const path = connectorPath(connector);
  // A client that starts us cannot be asked: without a configuration there are no tools until some are added.
  const config = await readConfig(given, true);
  const io = withNotes(given.io, config.settings.logLevel.value);
  const context = { ...given, io };
  return createStdioLocator({
    config,
    path,
    credential: createServiceCredential(io.env, config.stateFolder.value),
    startService: async (socketPath) => await startOwn(context, config, socketPath),
    say: (line) => say(io, 'stdio.not-attached', safeText(line)),
  });
}

async function stdio(context: CommandContext): Promise<number> {
  const io = withNotes(context.io);
  const locator = await createLocator({ ...context, io });
  try {
    const end = await serveStdio({
      input: io.stdin,
      output: io.stdout,
      locate: async (lost) => await locator.locate(lost),
      signal: io.signal,
      random: () => randomInt(RANDOM_STEPS) / RANDOM_STEPS,
    });
    if (end !== 'unread') return EXIT_OK;
    io.stdout.abandon?.();
    say(io, 'stdio.unread', 'the client does not read what it is sent');
    return EXIT_FAILED;
  } finally {
    await locator.close();
    // A pipe that is still open would keep the process.
    if (io.stdin instanceof Readable) io.stdin.destroy();
  }
}

export const stdioCommand: Command = {
  name: 'stdio',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['config', 'port', 'host', 'connector', 'url'],
  summary: 'Speak MCP over stdin and stdout, for desktop clients',
  details: [
    'Attaches to the running service of this configuration; when there is none it serves by itself, and',
    'further clients share what it has started. --url names a service instead. Ends with its input; stdout',
    'carries nothing but messages, logs go to stderr.',
  ],
  example: 'cortex-mcp stdio --connector github',
  run: stdio,
};
