import type { Endpoint } from '../gateway/endpoint.ts';
import type { SseEndpoint } from '../gateway/bridge/sse-endpoint.ts';
import type { Route } from '../http/route.ts';

/** `/sse`, `/sse/{connector}` and `/messages`, when they are served. */
export interface SseRoutes {
  readonly routes: readonly (readonly [string, Route])[];
  /** Streams open now. */
  readonly streams: number;
  /** Ends all streams. */
  close(): Promise<void>;
}

export interface SseRoutesOptions {
  /** False serves none of it. */
  readonly sse?: boolean | undefined;
  readonly knows: (connectorId: string) => boolean;
  readonly random: () => number;
}

/** @param served loads the endpoint with the first request: most services are never asked. */
function routesOf(served: () => Promise<SseEndpoint>): SseRoutes['routes'] {
  const open: Route['handle'] = (request, response, rest, principal) =>
    void served().then((sse) =>
      sse.open(request, response, rest === '' ? undefined : rest, principal),
    );
  return [
    ['/sse', { auth: 'client', handle: open }],
    ['/sse/', { auth: 'client', handle: open }],
    [
      '/messages',
      {
        auth: 'client',
        handle: (req, res, _rest, principal) =>
          void served().then((sse) => sse.post(req, res, principal)),
      },
    ],
  ];
}

/** The routes for clients of the older HTTP+SSE transport, in front of the endpoint of all others. */
export function createSseRoutes(
  endpoint: Pick<Endpoint, 'handle'>,
  { sse = false, knows, random }: SseRoutesOptions,
): SseRoutes {
  if (!sse) return { routes: [], streams: 0, close: async () => await Promise.resolve() };
  let loaded: SseEndpoint | undefined;
  let loading: Promise<SseEndpoint> | undefined;
  const load = async (): Promise<SseEndpoint> => {
    const { createSseEndpoint } = await import('../gateway/bridge/sse-endpoint.ts');
    loaded = createSseEndpoint({
      handle: (request, response, id, principal) =>
        endpoint.handle(request, response, id, principal),
      knows,
      random,
    });
    return loaded;
  };
  const served = async (): Promise<SseEndpoint> => await (loading ??= load());
  return {
    routes: routesOf(served),
    get streams() {
      return loaded?.streams ?? 0;
    },
    close: async () => {
      await (await loading)?.close();
    },
  };
}
