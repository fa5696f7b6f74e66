import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  createRegistryApi,
  createRegistryApiGate,
  type RegistryApi,
  type RegistryMemoryCache,
} from '@cortex-os/mcp-registry';
import type { OpenRegistry } from './registry-opening.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** The registry API over an open registry, held in memory or not. */
export interface ApiPort {
  /** Undefined after `close`. */
  current(): Handle | undefined;
  /** Makes the list that the first request would have to wait for. Never rejects. */
  ready(): Promise<void>;
  close(): void;
}

export interface ApiPortOptions {
  /** Undefined lets nobody write. */
  readonly apiKey: string | undefined;
  /** Writers that the gate of the service has recognised. */
  readonly mayWrite: (request: IncomingMessage) => boolean;
  readonly onError: (error: unknown) => void;
}

interface ApiParts extends ApiPortOptions {
  readonly foundAt?: Date;
}

/** Requests that may have the registry open at a time, each with a copy of its own in memory. */
const MAX_OPEN = 32;

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

function createApi(cache: RegistryMemoryCache, parts: ApiParts): RegistryApi {
  return createRegistryApi({ ...parts, cache, now: () => new Date() });
}

function sendUnavailable(response: ServerResponse): void {
  response
    .writeHead(503, {
      'content-type': 'application/json',
      'access-control-allow-origin': '*',
      'retry-after': '1',
    })
    .end('{"error":"unavailable"}\n');
}

/** A registry that is opened for each request, and kept until it is answered. */
function createDirectApi({ handle }: OpenRegistry, options: ApiPortOptions): Handle {
  // The pages of a list fit together only when entries without a date have the same one on all of them.
  const parts = { ...options, foundAt: new Date() };
  const admits = createRegistryApiGate(options.apiKey, options.mayWrite);
  let openCount = 0;
  return (request, response) => {
    if (!admits(request, response)) return;
    if (openCount >= MAX_OPEN) {
      sendUnavailable(response);
      return;
    }
    openCount += 1;
    const use = READING.has(String(request.method)) ? 'read' : 'write';
    handle
      .use(use, async (cache) => {
        const api = createApi(cache, parts);
        const { promise, resolve } = Promise.withResolvers<void>();
        response.once('close', resolve);
        api.handle(request, response);
        await promise;
        api.close();
      })
      .catch((error: unknown) => {
        options.onError(error);
        if (response.headersSent) response.destroy();
        else sendUnavailable(response);
      })
      .finally(() => {
        openCount -= 1;
      });
  };
}

/** @throws RangeError for an `apiKey` of less than 16 characters. */
export function createApiPort(open: OpenRegistry, options: ApiPortOptions): ApiPort {
  const api = open.cache && createApi(open.cache, options);
  let handle: Handle | undefined = api?.handle.bind(api) ?? createDirectApi(open, options);
  return {
    current: () => handle,
    ready: async () => {
      try {
        await api?.ready();
      } catch (error) {
        options.onError(error);
      }
    },
    close: () => {
      api?.close();
      handle = undefined;
    },
  };
}
