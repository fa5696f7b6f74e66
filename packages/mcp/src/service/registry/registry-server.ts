import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { Secret } from '../../connectors/secret.ts';
import { createListener } from '../../http/listener.ts';
import { CommandError } from '../../protocol/command-error.ts';
import { RegistryPart } from './registry-part.ts';

export interface RegistryServerOptions {
  readonly stateFolder: string;
  /** Lets writers in; undefined lets nobody write by HTTP. */
  readonly apiKey: Secret<string> | undefined;
  readonly logger: Logger;
  readonly random: () => number;
}

/** The registry alone: its API and the way for the command line to write, no connectors. */
export interface RegistryServer {
  /** Opens the registry and listens on 127.0.0.1. @throws the socket's error, or why the registry cannot be opened. */
  start(port: number): Promise<{ readonly url: string }>;
  /** Stops listening, flushes and releases the registry. */
  close(): Promise<void>;
}

const CLOSE_GRACE_MS = 500;
const HOST = '127.0.0.1';

/** Opens and listens to nothing before `start`. */
export function createRegistryServer(options: RegistryServerOptions): RegistryServer {
  const { logger, stateFolder } = options;
  const part = new RegistryPart({
    ...options,
    memoryCache: true,
    tools: false,
    http: true,
    lasting: true,
    version: '',
    metrics: new Registry(),
    changed: async () => await Promise.resolve(),
    policy: () => ({ stateFolder, home: '', trust: {}, sharedKeyFor: [], env: {} }),
  });
  const listener = createListener({
    routes: new Map(part.routes()),
    onError: (error) => logger.error({ err: error }, 'a route failed'),
  });
  return {
    start: async (port) => {
      await part.open();
      const { failure } = part.status();
      if (failure !== undefined) throw new CommandError('REGISTRY_UNUSABLE', failure);
      const address = await listener.listen(port, HOST);
      const url = `http://${HOST}:${address.port}`;
      await part.listening(url);
      return { url };
    },
    close: async () => {
      await listener.close(CLOSE_GRACE_MS);
      await part.close();
    },
  };
}
