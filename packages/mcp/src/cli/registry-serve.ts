import { readRegistryConfig } from '../config/registry-settings.ts';
import { createRegistryServer } from '../service/service.ts';
import { type Command, type CommandContext, UsageError } from './command.ts';
import { EXIT_OK } from './exit-code.ts';
import { createLogger } from './logger.ts';
import { chance, locateRegistry } from './registry-location.ts';

/** Beside the gateway's own 3024, and the ports the earlier build used. */
const DEFAULT_PORT = 3029;

function portOf(text: string | undefined): number {
  const port = Number(text ?? DEFAULT_PORT);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UsageError('--port needs a whole number from 0 to 65535');
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

async function serve({ io, flags, json }: CommandContext): Promise<number> {
  const port = portOf(flags.port);
  const { registry } = await readRegistryConfig(io.env);
  const server = await createRegistryServer({
    stateFolder: locateRegistry(io).stateFolder,
    apiKey: registry.apiKey.value,
    logger: createLogger('warn', io),
    random: chance,
  });
  try {
    const { url } = await server.start(port).catch((error: unknown) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EACCES')
        throw new UsageError(`port ${port} may not be opened by this user`, 'PORT_FORBIDDEN');
      if (code !== 'EADDRINUSE') throw error;
      throw new UsageError(`port ${port} is in use`, 'PORT_IN_USE', 'choose another with --port');
    });
    const servers = `${url}/v0.1/servers`;
    const listening = `${JSON.stringify({ event: 'listening', servers })}\n`;
    io.stdout.write(json ? listening : `Registry: ${servers}\n`);
    await aborted(io.signal);
    io.stdout.write(json ? '{"event":"stopping"}\n' : 'stopping\n');
    return EXIT_OK;
  } finally {
    await server.close();
  }
}

export const registryServeCommand: Command = {
  name: 'registry serve',
  argumentsUsage: '',
  minArguments: 0,
  maxArguments: 0,
  options: ['port', 'json'],
  summary: 'Serve the registry alone, by the official API v0.1',
  details: [
    `On 127.0.0.1:${DEFAULT_PORT}, or --port (0 takes a free one). A running gateway serves the same at /v0.1.`,
    'Writing needs MCP_REGISTRY_API_KEY; without it nothing can be written by HTTP.',
  ],
  example: 'cortex-mcp registry serve --port 0',
  run: serve,
};
