import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RegistryMemoryCache } from '../memory-cache.ts';
import { RegistryApiError, toApiError } from './api-error.ts';
import { createWriteGuard } from './api-key.ts';
import { createCommits } from './commits.ts';
import { ListedServers } from './listed-servers.ts';
import { readRoute } from './read-routes.ts';
import { sendBody, sendError, sendOptions } from './reply.ts';
import { findRegistryRoute, routeMethods, type RegistryRoute } from './route.ts';
import { createScanTurns } from './scan-turns.ts';
import { createServerClock, fixedTime } from './server-time.ts';
import { writeRoute } from './write-routes.ts';

/** Choices of {@link createRegistryApi}. */
export interface RegistryApiOptions {
  /** The registry that is served. */
  readonly cache: RegistryMemoryCache;
  /** Key for the writing routes, at least 16 characters. Without one they answer 501. */
  readonly apiKey?: string | undefined;
  /** Lets in writers that somebody in front of the API has recognised. Default: none. */
  readonly mayWrite?: ((request: IncomingMessage) => boolean) | undefined;
  /**
   * Whether entries without a `server.json` are shown, as far as one can be made of them. Their commands, arguments and
   * environment never are. Default: false.
   */
  readonly includeLocal?: boolean;
  /** The wall clock, for the dates of entries. */
  readonly now: () => Date;
  /**
   * The date shown for entries that have none. Default: when the registry is read in. Who builds an API for each request
   * passes the same date to all of them, or the pages of a list do not fit together.
   */
  readonly foundAt?: Date | undefined;
  /** Told of a failure that the client sees as 500 or 5xx of the store. */
  readonly onError?: (error: unknown) => void;
}

/** What the API shows of the registry. */
export interface RegistryApiCounts {
  readonly listed: number;
  /** Entries of the registry that are not shown: local, or not valid by the schema as far as they have been read. */
  readonly leftOut: number;
}

/** The official registry API v0.1 over a registry. It opens no socket. */
export interface RegistryApi {
  /** Answers one request for a path under `/v0.1/`. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Reads the registry in, which otherwise the first request does. */
  ready(): Promise<void>;
  counts(): RegistryApiCounts;
  /** Stops following the registry. */
  close(): void;
}

/** @throws RegistryApiError 404 for another path, 405 for another method. */
function routeOf(path: string, method: string): RegistryRoute {
  const route = findRegistryRoute(path);
  if (route === undefined) throw new RegistryApiError(404, 'NOT_FOUND', 'Path not found');
  const methods = routeMethods[route.kind];
  if (methods.includes(method)) return route;
  throw new RegistryApiError(405, 'METHOD_NOT_ALLOWED', `${method} is not allowed here`, {
    allow: methods.join(', '),
  });
}

function targetOf({ url = '' }: IncomingMessage): [path: string, query: string] {
  const [path = '', query = ''] = url.split(/\?(.*)/su, 2);
  return [path, query];
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Whether a request may go on to the registry; one that may not has been answered. */
export type RegistryApiGate = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Answers, before a registry is opened for them, the requests that need none: an unknown path, another method, `OPTIONS`,
 * a write without the key.
 * @throws RangeError for an `apiKey` of less than 16 characters.
 */
export function createRegistryApiGate(
  apiKey: string | undefined,
  mayWrite?: (request: IncomingMessage) => boolean,
): RegistryApiGate {
  const guard = createWriteGuard(apiKey, mayWrite);
  return (request, response) => {
    try {
      const { method = '' } = request;
      const route = routeOf(targetOf(request)[0], method);
      if (method === 'OPTIONS') {
        sendOptions(response, routeMethods[route.kind]);
        return false;
      }
      if (!isReading(request)) guard(request);
      return true;
    } catch (error) {
      sendError(request, response, toApiError(error));
      return false;
    }
  };
}

/**
 * Serves the official registry API v0.1 (`/v0.1/servers…`, `/v0.1/publish`). Reading is open to anybody; writing needs
 * `Authorization: Bearer <apiKey>`. What is written by HTTP is data of origin `remote` and is never run.
 * @throws RangeError for an `apiKey` of less than 16 characters.
 */
export function createRegistryApi(options: RegistryApiOptions): RegistryApi {
  const { cache, includeLocal = false, onError = () => undefined, foundAt } = options;
  const clock = createServerClock(options.now);
  const turns = createScanTurns();
  const servers = new ListedServers({
    cache,
    clock,
    includeLocal,
    turns,
    foundAt: fixedTime(foundAt),
  });
  const target = { cache, servers, clock, commits: createCommits(cache) };
  const admits = createRegistryApiGate(options.apiKey, options.mayWrite);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!admits(request, response)) return;
    const [path, query] = targetOf(request);
    const route = routeOf(path, request.method ?? '');
    await servers.ready();
    const body = isReading(request)
      ? await readRoute({ servers, turns }, route, new URLSearchParams(query), response)
      : await writeRoute(target, route, request);
    if (!response.destroyed) sendBody(request, response, body);
  }

  return {
    handle: (request, response) => {
      answer(request, response)
        .catch((error: unknown) => {
          const failure = toApiError(error);
          sendError(request, response, failure);
          // A client that went away while sending is no failure of ours.
          const isCut = request.destroyed && !request.complete;
          if (failure.status >= 500 && failure.status !== 501 && !isCut) onError(error);
        })
        .catch(() => response.destroy());
    },
    ready: async () => servers.ready(),
    counts: () => ({ listed: servers.size, leftOut: cache.size - servers.size }),
    close: () => servers.close(),
  };
}
