import type { CatalogCell } from '../catalog/catalog.ts';
import type { ConnectorSet } from './connector-set.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import { statusDocument, type StatusFacts } from '../http/status-document.ts';
import type { Oversight } from './oversight-part.ts';
import type { RegistryPart } from './registry/registry-part.ts';
import type { ServiceFront } from './service-front.ts';
import type { ServiceOptions } from './service-options.ts';
import type { ServiceSockets } from './service-sockets.ts';

/** What of a service knows how it is doing. */
export interface StatusParts {
  readonly options: Pick<ServiceOptions, 'version' | 'describeSettings'>;
  readonly manager: Pick<ConnectorProxyManager, 'listConnectors'>;
  readonly connectors: Pick<ConnectorSet, 'status'>;
  readonly registry: RegistryPart | undefined;
  readonly front: Pick<ServiceFront, 'auth'>;
  readonly oversight: Pick<Oversight, 'status'>;
  readonly sockets: Pick<ServiceSockets, 'credentials'>;
  readonly cell: CatalogCell<unknown>;
  readonly endpoint: Pick<Endpoint, 'sessions' | 'answerer'>;
}

/** What `/status` answers, put together from the parts of a service. */
export function serviceStatus(
  parts: StatusParts,
  life: Pick<StatusFacts, 'startedAt' | 'url' | 'ready'>,
): Readonly<Record<string, unknown>> {
  const { options, manager, connectors, registry, front, oversight, sockets, cell, endpoint } =
    parts;
  return statusDocument({
    ...life,
    version: options.version,
    connectors: manager.listConnectors(),
    map: connectors.status(),
    registry: registry?.status(),
    auth: front.auth.status(),
    oversight: oversight.status(),
    credentials: sockets.credentials.states(),
    catalog: cell.current,
    sessions: endpoint.sessions,
    callsInFlight: endpoint.answerer.inFlight,
    settings: options.describeSettings?.(),
  });
}
