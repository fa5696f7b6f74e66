import type { Registry } from 'prom-client';
import type { Logger } from 'pino';
import { createMapPublisher } from '../connectors/map/map-publisher.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import type { Route } from '../http/route.ts';
import { metricsRoute } from '../http/metrics.ts';
import { probeRoutes, type Health } from '../http/probes.ts';
import { serviceMapRoute } from '../http/service-map.ts';
import type { ServiceOptions } from './service-options.ts';

/** What the routes of a service lead to. */
export interface RoutedParts {
  readonly endpoint: Endpoint;
  readonly health: Health;
  readonly metrics: Registry;
  readonly publishedMap: ServiceOptions['publishedMap'];
  readonly logger: Logger;
  /** Routes of parts that are not always there. */
  readonly more: readonly (readonly [string, Route])[];
}

/** The route table of a service: each with its auth class. */
export function serviceRoutes(parts: RoutedParts): Map<string, Route> {
  const { endpoint, health, metrics, publishedMap, logger, more } = parts;
  return new Map<string, Route>([
    [
      '/mcp',
      {
        auth: 'client',
        handle: (req, res, _rest, principal) => endpoint.handle(req, res, undefined, principal),
      },
    ],
    [
      '/mcp/',
      {
        auth: 'client',
        handle: (req, res, rest, principal) => endpoint.handle(req, res, rest, principal),
      },
    ],
    ...probeRoutes(health),
    serviceMapRoute({
      read: publishedMap && createMapPublisher(publishedMap),
      onError: (error) => logger.warn({ err: error }, 'the service map cannot be served'),
    }),
    metricsRoute(metrics, (error) => logger.error({ err: error }, 'a metric')),
    ...more,
  ]);
}
