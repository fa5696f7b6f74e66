import type { CatalogCell } from '../catalog/catalog.ts';
import type { CatalogFeed } from './catalog-feed.ts';
import type { ConnectorSet } from './connector-set.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import { createDegradedReport } from './degraded-report.ts';
import { DEFAULT_CALL_LIMITS } from '../gateway/call/call-limits.ts';
import { createEndpoint, type Endpoint } from '../gateway/endpoint.ts';
import type { ListDemand } from '../gateway/ports.ts';
import { adoptTraceHeaders } from '../gateway/reply/trace-headers.ts';
import type { Instruments } from '../observability/instruments.ts';
import type { EventLog } from './event-log.ts';
import type { Oversight } from './oversight-part.ts';
import type { ServiceOptions } from './service-options.ts';
import { createSessionMemory } from './session-memory-part.ts';
import type { StateOwner } from './state-owner.ts';
import { createUpstreamSignal } from './upstream-signal.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';

/** What an endpoint of a service is wired to. */
export interface EndpointParts {
  readonly options: ServiceOptions;
  readonly manager: ConnectorProxyManager;
  readonly connectors: ConnectorSet;
  readonly cell: CatalogCell<UpstreamAccess>;
  readonly feed: CatalogFeed;
  readonly instruments: Instruments;
  readonly owner: StateOwner;
  readonly oversight: Pick<Oversight, 'observer'>;
  readonly events: Pick<EventLog, 'callFailed'>;
}

type DemandParts = Pick<EndpointParts, 'manager' | 'connectors' | 'feed' | 'cell'>;

/** What a list asks of the sync side. */
export function createListDemand({ manager, connectors, feed, cell }: DemandParts): ListDemand {
  const listWanted = (id: string | undefined): Promise<void> | undefined => {
    const wait = connectors.before(() => manager.listWanted(id));
    // What has just been learned must be in the catalog before the list is answered.
    if (wait !== undefined) return wait.then(async () => await feed.settled());
    return feed.upToDate ? undefined : feed.settled();
  };
  return {
    listWanted: (id) => {
      if (cell.current.generation > 0) return listWanted(id);
      // The syncs that a list sets off must not hold up the first catalog, which it waits for.
      return feed.settled().then(async () => await listWanted(id));
    },
    complete: (id) => connectors.settled && manager.complete(id) && feed.upToDate,
    degraded: createDegradedReport(manager),
  };
}

/** The endpoint behind `/mcp`, wired to what a service knows. */
export function createServiceEndpoint(parts: EndpointParts, demand: ListDemand): Endpoint {
  const { manager, cell, feed, instruments } = parts;
  const { settings, logger, version, state } = parts.options;
  return createEndpoint({
    catalog: cell,
    separator: settings.separator,
    listPageSize: settings.listPageSize,
    callLimits: {
      maxCalls: settings.maxCalls ?? DEFAULT_CALL_LIMITS.maxCalls,
      maxCallsPerPrincipal:
        settings.maxCallsPerPrincipal ?? DEFAULT_CALL_LIMITS.maxCallsPerPrincipal,
    },
    memory: state && createSessionMemory(state, parts.owner, logger),
    link: parts.owner,
    identity: { name: 'cortex-mcp', title: 'Cortex MCP', version },
    demand,
    directory: { find: (id) => manager.find(id) },
    instruments,
    observer: parts.oversight.observer,
    signal: createUpstreamSignal(manager, feed, parts.events),
    adopt: parts.options.tracing && adoptTraceHeaders,
    onInternalError: (error) => logger.error({ err: error }, 'a request failed inside the gateway'),
  });
}
