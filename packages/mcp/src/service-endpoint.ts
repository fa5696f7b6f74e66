import type { CatalogCell } from './catalog/catalog.ts';
import type { CatalogFeed } from './catalog-feed.ts';
import type { ConnectorSet } from './connector-set.ts';
import type { ConnectorProxyManager } from './connectors/manager.ts';
import { createDegradedReport } from './degraded-report.ts';
import { createEndpoint, type Endpoint } from './gateway/endpoint.ts';
import type { ListDemand } from './gateway/ports.ts';
import type { Instruments } from './observability/instruments.ts';
import type { ServiceOptions } from './service-options.ts';
import { createUpstreamSignal } from './upstream-signal.ts';
import type { UpstreamAccess } from './upstream/upstream.ts';

/** What an endpoint of a service is wired to. */
export interface EndpointParts {
  readonly options: ServiceOptions;
  readonly manager: ConnectorProxyManager;
  readonly connectors: ConnectorSet;
  readonly cell: CatalogCell<UpstreamAccess>;
  readonly feed: CatalogFeed;
  readonly instruments: Instruments;
}

type DemandParts = Pick<EndpointParts, 'manager' | 'connectors' | 'feed'>;

/** What a list asks of the sync side. */
export function createListDemand({ manager, connectors, feed }: DemandParts): ListDemand {
  return {
    listWanted: (id) => {
      const wait = connectors.before(() => manager.listWanted(id));
      // What has just been learned must be in the catalog before the list is answered.
      if (wait !== undefined) return wait.then(async () => await feed.settled());
      return feed.upToDate ? undefined : feed.settled();
    },
    complete: (id) => connectors.settled && manager.complete(id) && feed.upToDate,
    degraded: createDegradedReport(manager),
  };
}

/** The endpoint behind `/mcp`, wired to what a service knows. */
export function createServiceEndpoint(parts: EndpointParts, demand: ListDemand): Endpoint {
  const { manager, cell, instruments } = parts;
  const { settings, logger, version } = parts.options;
  return createEndpoint({
    catalog: cell,
    separator: settings.separator,
    listPageSize: settings.listPageSize,
    identity: { name: 'cortex-mcp', title: 'Cortex MCP', version },
    demand,
    directory: { find: (id) => manager.find(id) },
    instruments,
    signal: createUpstreamSignal(manager, logger),
    onInternalError: (error) => logger.error({ err: error }, 'a request failed inside the gateway'),
  });
}
