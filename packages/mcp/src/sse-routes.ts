import type { Endpoint } from './gateway/endpoint.ts';
import { createSseEndpoint, type SseEndpoint } from './gateway/sse-endpoint.ts';
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

function routesOf(sse: SseEndpoint): SseRoutes['routes'] {
  return [
    ['/sse', { auth: 'client', handle: (req, res) => sse.open(req, res, undefined) }],
    ['/sse/', { auth: 'client', handle: (req, res, rest) => sse.open(req, res, rest) }],
    ['/messages', { auth: 'client', handle: (req, res) => sse.post(req, res) }],
  ];
}

/** The routes for clients of the older HTTP+SSE transport, in front of the endpoint of all others. */
export function createSseRoutes(
  endpoint: Pick<Endpoint, 'handle'>,
  { sse = false, knows, random }: SseRoutesOptions,
): SseRoutes {
  if (!sse) return { routes: [], close: async () => await Promise.resolve() };
  const served = createSseEndpoint({
    handle: (request, response, id) => endpoint.handle(request, response, id),
    knows,
    random,
  });
  return { routes: routesOf(served), close: async () => await served.close() };
}
