import type { CatalogCell } from '../catalog/catalog.ts';
import { createAuthPart, type AuthPart } from './auth-part.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { ConnectorSet } from './connector-set.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import { createListener, type Listener } from '../http/listener.ts';
import type { Health } from '../http/probes.ts';
import type { RouteTable } from '../http/route.ts';
import type { Instruments } from '../observability/instruments.ts';
import type { PagePart } from '../page/page-routes.ts';
import { createPagePart, type ServiceLife } from './page-part.ts';
import type { RegistryPart } from './registry/registry-part.ts';
import type { ServiceOptions } from './service-options.ts';
import { serviceRoutes } from './service-routes.ts';
import { shutOut } from './shut-out.ts';
import { createSseRoutes, type SseRoutes } from './sse-routes.ts';

/** What the front of a service leads to. */
export interface FrontParts {
  readonly options: ServiceOptions;
  readonly manager: ConnectorProxyManager;
  readonly cell: CatalogCell<unknown>;
  readonly connectors: ConnectorSet;
  readonly endpoint: Endpoint;
  readonly registry: RegistryPart | undefined;
  readonly instruments: Instruments;
  readonly random: () => number;
  readonly health: Health;
  readonly life: ServiceLife;
}

/** What of a service the world meets: the socket, who is let in, and the older transport. */
export interface ServiceFront {
  readonly auth: AuthPart;
  readonly sse: SseRoutes;
  readonly page: PagePart;
  readonly listener: Listener;
  readonly routes: RouteTable;
}

/** All routes behind one gate. Listens to nothing by itself. */
export function createServiceFront(parts: FrontParts): ServiceFront {
  const { options, manager, endpoint, registry, instruments, random, health } = parts;
  const metrics = instruments.registry;
  const auth = createAuthPart(options, { metrics, random });
  const knows = (id: string): boolean => manager.find(id) !== undefined;
  const sse = createSseRoutes(endpoint, { ...options.settings, knows, random });
  const page = createPagePart({ ...parts, sse });
  const routes = serviceRoutes({
    ...options,
    endpoint,
    health,
    metrics,
    publishedMap: options.publishedMap,
    more: [...(registry?.routes() ?? []), ...sse.routes, ...auth.routes, ...page.routes],
  });
  const listener = createListener({
    routes,
    gate: auth.gate,
    allowed: auth.allowed,
    onError: (error) => options.logger.error({ err: error }, 'a route failed'),
  });
  auth.onShut(() => shutOut(endpoint, listener));
  return { auth, sse, page, listener, routes };
}
