import type { Endpoint } from './gateway/endpoint.ts';
import type { SseEndpoint } from './gateway/sse-endpoint.ts';
import type { Route } from './http/listener.ts';

/** `/sse`, `/sse/{connector}` and `/messages`, when they are served. */
export interface SseRoutes {
  readonly routes: readonly (readonly [string, Route])[];
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
  const open: Route['handle'] = (request, response, rest) =>
    void served().then((sse) => sse.open(request, response, rest === '' ? undefined : rest));
  return [
    ['/sse', { auth: 'client', handle: (req, res) => open(req, res, '') }],
    ['/sse/', { auth: 'client', handle: open }],
    [
      '/messages',
      { auth: 'client', handle: (req, res) => void served().then((sse) => sse.post(req, res)) },
    ],
  ];
}

/** The routes for clients of the older HTTP+SSE transport, in front of the endpoint of all others. */
export function createSseRoutes(
  endpoint: Pick<Endpoint, 'handle'>,
  { sse = false, knows, random }: SseRoutesOptions,
): SseRoutes {
  if (!sse) return { routes: [], close: async () => await Promise.resolve() };
  let loading: Promise<SseEndpoint> | undefined;
  const load = async (): Promise<SseEndpoint> => {
    const { createSseEndpoint } = await import('./gateway/sse-endpoint.ts');
    return createSseEndpoint({
      handle: (request, response, id) => endpoint.handle(request, response, id),
      knows,
      random,
    });
  };
  const served = async (): Promise<SseEndpoint> => await (loading ??= load());
  return {
    routes: routesOf(served),
    close: async () => {
      await (await loading)?.close();
    },
  };
}
