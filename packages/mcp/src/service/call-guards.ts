import type { Logger } from 'pino';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import { createConnectorGates } from '../guards/connector-gate.ts';
import { DEFAULT_BULKHEAD } from '../guards/bulkhead.ts';
import { createTracedGates } from '../guards/traced-gate.ts';
import type { Instruments } from '../observability/instruments.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { ServiceSettings } from './service-options.ts';
import type { CallGate } from '../upstream/upstream.ts';

export interface CallGuardsParts {
  readonly settings: Pick<ServiceSettings, 'maxInFlight' | 'maxQueued' | 'queueTimeoutMs'>;
  readonly instruments: Pick<Instruments, 'find'>;
  /** Records calls. Default: nothing is recorded. */
  readonly tracing?: Tracing | undefined;
  readonly logger: Pick<Logger, 'warn' | 'info'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The connections of this connector fail: it is to be asked for its lists, so that it is known when it is back. */
  readonly lost: (connectorId: string) => void;
}

/** What stands before the connections of each connector, wired to what the service measures and logs. */
export function createCallGuards(
  parts: CallGuardsParts,
): (definition: ConnectorDefinition) => CallGate {
  const { settings, instruments, logger, random, tracing } = parts;
  const gateOf = createConnectorGates({
    random,
    bulkhead: {
      maxInFlight: settings.maxInFlight ?? DEFAULT_BULKHEAD.maxInFlight,
      maxQueued: settings.maxQueued ?? DEFAULT_BULKHEAD.maxQueued,
      queueTimeoutMs: settings.queueTimeoutMs ?? DEFAULT_BULKHEAD.queueTimeoutMs,
    },
    events: {
      refused: (connector, reason) => instruments.find(connector)?.callRefused(reason),
      retried: (connector) => instruments.find(connector)?.callRetried(),
      answered(connector, method, ms) {
        if (method === 'tools/call') instruments.find(connector)?.toolCallAnswered(ms);
      },
      waited: (connector, ms) => instruments.find(connector)?.callWaited(ms),
      opened(connector, openMs, lists) {
        logger.warn(
          { event: 'breaker.opened', connector, openMs: Math.round(openMs) },
          'too many calls failed: none is sent',
        );
        if (lists) parts.lost(connector);
      },
      closed: (connector) =>
        logger.info({ event: 'breaker.closed', connector }, 'calls are sent again'),
    },
  });
  return tracing === undefined ? gateOf : createTracedGates(gateOf, tracing);
}
