import type { Logger } from 'pino';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import { drainService, type CutCall, type DrainOptions, type DrainReport } from './drain.ts';
import type { Endpoint } from '../gateway/endpoint.ts';
import type { Listener } from '../http/listener.ts';
import type { PagePart } from '../page/page-routes.ts';
import type { RegistryPart } from './registry/registry-part.ts';
import type { ServiceLog } from './service-log.ts';
import type { SseRoutes } from './sse-routes.ts';
import type { StateOwner } from './state-owner.ts';

/** What a service is made of, as far as it goes step by step. */
export interface DrainedService {
  readonly endpoint: Endpoint;
  readonly listener: Listener;
  readonly manager: ConnectorProxyManager;
  readonly sse: SseRoutes;
  readonly page: PagePart;
  readonly owner: StateOwner;
  readonly logger: Logger;
  readonly log: Pick<ServiceLog, 'draining' | 'released'>;
  readonly registry: Pick<RegistryPart, 'close'> | undefined;
  readonly close: () => Promise<void>;
}

/** Calls whose clients wait; one that is parked has none. */
function callsOf({ answerer }: Endpoint): readonly CutCall[] {
  const now = performance.now();
  return answerer
    .calls()
    .filter((call) => !call.parked)
    .map((call) => ({
      connector: call.connectorId,
      method: call.current.method,
      ageMs: Math.round(now - call.startedAtMs),
    }));
}

/** Modern `subscriptions/listen` gets its last result, a session's stream ends; clients may open both again elsewhere. */
function endStreams({ answerer, sessionStore }: Endpoint): void {
  answerer.listens.close();
  for (const session of sessionStore.all()) {
    session.channel?.close();
    session.channel = undefined;
  }
}

/** Drains a service; see `drainService`. */
export async function drainGateway(
  service: DrainedService,
  options: DrainOptions,
): Promise<DrainReport> {
  const { endpoint, listener, manager, sse } = service;
  service.log.draining(options);
  const report = await drainService(
    {
      connections: listener.connections,
      quiesce: async () => await manager.pause(),
      handOver: async (maxMs) => {
        await Promise.allSettled([manager.releaseExclusive(maxMs)]);
        await Promise.allSettled([service.registry?.close()]);
        // Last: whoever has it next takes all of it.
        await service.owner.release();
        service.log.released();
      },
      endStreams: () => {
        service.page.close();
        endStreams(endpoint);
      },
      answerStreams: () => sse.streams,
      callsInFlight: () => callsOf(endpoint),
      close: service.close,
    },
    options,
  );
  logReport(report, service.logger);
  return report;
}

/** Calls that are named in one line of the log. */
const MAX_NAMED = 100;

function logReport({ kind, cut }: DrainReport, logger: Logger): void {
  const calls = cut.slice(0, MAX_NAMED);
  const count = cut.length;
  if (kind === 'stuck') logger.error({ calls, count }, 'the service did not close in time');
  else if (count > 0) logger.warn({ calls, count }, 'calls were ended before their answer came');
}
