import type { CatalogFeed } from './catalog-feed.ts';
import type { EventLog } from './event-log.ts';
import type { ConnectorProxyManager } from '../connectors/manager.ts';
import type { UpstreamSignal } from '../gateway/ports.ts';

/** How long a call waits for the lists of a server that refused its headers. */
const LIST_MS = 5_000;
/** A server that goes on refusing is asked no more often than this. */
const LIST_FLOOR_MS = 1_000;

const NOT_SENT: ReadonlySet<string> = new Set(['BREAKER_OPEN', 'BULKHEAD_FULL', 'QUOTA_EXCEEDED']);

/** Asks for the lists of a connector again: once for all calls that were refused meanwhile. */
function createListRenewal(
  manager: Pick<ConnectorProxyManager, 'find' | 'outdated' | 'syncOne'>,
  feed: Pick<CatalogFeed, 'settled'>,
): (connectorId: string) => Promise<void> {
  const renewals = new Map<string, Promise<void>>();

  async function renew(connectorId: string): Promise<void> {
    try {
      manager.outdated(connectorId);
      await manager.syncOne(connectorId);
      await feed.settled();
    } finally {
      setTimeout(() => renewals.delete(connectorId), LIST_FLOOR_MS).unref();
    }
  }

  return async (connectorId) => {
    let renewal = renewals.get(connectorId);
    if (renewal === undefined && manager.find(connectorId) !== undefined) {
      // How it went shows in the catalog.
      renewal = renew(connectorId).catch(() => undefined);
      renewals.set(connectorId, renewal);
    }
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LIST_MS);
    await Promise.race([renewal, late]);
    clearTimeout(timer);
  };
}

/** What calls reveal about servers, told to the side that syncs them. */
export function createUpstreamSignal(
  manager: Pick<ConnectorProxyManager, 'find' | 'outdated' | 'syncOne'>,
  feed: Pick<CatalogFeed, 'settled'>,
  log: Pick<EventLog, 'callFailed'>,
): UpstreamSignal {
  return {
    callFailed(connector, code) {
      // What was not even sent is counted, and may be a great deal.
      if (!NOT_SENT.has(code)) log.callFailed(connector, code);
      return manager.find(connector)?.nextAttemptMs;
    },
    headersRefused: createListRenewal(manager, feed),
  };
}
