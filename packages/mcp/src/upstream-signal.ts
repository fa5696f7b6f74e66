import type { Logger } from 'pino';
import type { ConnectorProxyManager } from './connectors/manager.ts';
import type { UpstreamSignal } from './gateway/ports.ts';

/** What calls reveal about servers, told to the side that syncs them. */
export function createUpstreamSignal(
  manager: Pick<ConnectorProxyManager, 'find' | 'outdated'>,
  logger: Pick<Logger, 'warn'>,
): UpstreamSignal {
  return {
    callFailed(connector, code) {
      logger.warn({ connector, code }, 'a call failed');
      return manager.find(connector)?.nextAttemptMs;
    },
    headersRefused: (connector) => manager.outdated(connector),
  };
}
