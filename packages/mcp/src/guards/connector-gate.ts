import type { BulkheadLimits, ConnectorDefinition } from '../connectors/connector.ts';
import type { RefusalReason } from '../observability/call-metrics.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type {
  CallGate,
  CallGateStatus,
  CallLine,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
} from '../upstream/upstream.ts';
import { Bulkhead, DEFAULT_BULKHEAD } from './bulkhead.ts';
import { createCircuitBreaker, DEFAULT_BREAKER_POLICY } from './circuit-breaker.ts';
import type { GuardParts } from './guard-parts.ts';
import { GuardedCall } from './guarded-call.ts';
import { createQuotaGates } from './quota.ts';
import { RetryBudget } from './retry-budget.ts';

/** What happens at the gates of connectors. Each function is told the connector's id. */
export interface GateEvents {
  refused?(connectorId: string, reason: RefusalReason): void;
  retried?(connectorId: string): void;
  /** A call that was sent is over, after so long since it was sent last. */
  answered?(connectorId: string, method: string, ms: number): void;
  /** A call has waited for its place, with or without success. */
  waited?(connectorId: string, ms: number): void;
  /** Calls are refused for so long; `lists`: or until lists are answered. */
  opened?(connectorId: string, openMs: number, lists: boolean): void;
  closed?(connectorId: string): void;
}

export interface ConnectorGatesOptions {
  /** Where a connector says nothing else. Default: 32 calls, 64 wait for 1 s. */
  readonly bulkhead?: BulkheadLimits | undefined;
  /** Default: nobody is told. */
  readonly events?: GateEvents | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

class ConnectorGate implements CallGate {
  readonly #parts: GuardParts;

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  get status(): CallGateStatus {
    const { breaker, bulkhead } = this.#parts;
    const { state, retryAfterMs } = breaker;
    return {
      breaker: state,
      ...(state === 'open' && { retryAfterMs: Math.ceil(retryAfterMs) }),
      inFlight: bulkhead.inFlight + bulkhead.lent,
      queued: bulkhead.queued,
      places: bulkhead.limits.maxInFlight,
      taken: bulkhead.inFlight,
    };
  }

  forward(request: ForwardRequest, sink: ForwardSink, line: CallLine): ForwardHandle {
    const call = new GuardedCall(this.#parts, request, sink, line);
    call.start();
    return call;
  }

  reached(): void {
    this.#parts.breaker.reached();
  }

  closing(line: CallLine): void {
    const { bulkhead, waiting, refusal } = this.#parts;
    const error = refusal('CLOSED', 'the connector was closed', undefined);
    for (const call of waiting) if (call.line === line) call.abandon(error);
    for (const call of bulkhead.waiting()) {
      if (call instanceof GuardedCall && call.line === line) call.abandon(error);
    }
  }
}

function limitsOf({ bulkhead }: ConnectorDefinition, general: BulkheadLimits): BulkheadLimits {
  return {
    maxInFlight: bulkhead?.maxInFlight ?? general.maxInFlight,
    maxQueued: bulkhead?.maxQueued ?? general.maxQueued,
    queueTimeoutMs: bulkhead?.queueTimeoutMs ?? general.queueTimeoutMs,
  };
}

/**
 * One gate for each connector, whatever the number of its connections: a bulkhead, a breaker, its producer's quotas and
 * a budget of retries. A connector whose definition changes gets a new one, but for what it has used of its quotas.
 */
export function createConnectorGates(
  options: ConnectorGatesOptions,
): (definition: ConnectorDefinition) => CallGate {
  const { random, events = {}, bulkhead = DEFAULT_BULKHEAD } = options;
  const quotaOf = createQuotaGates();
  const gates = new WeakMap<ConnectorDefinition, CallGate>();
  const create = (definition: ConnectorDefinition): CallGate => {
    const { id: connectorId, quotas, trusted = false } = definition;
    const breaker = createCircuitBreaker({
      policy: DEFAULT_BREAKER_POLICY,
      random,
      opened: (openMs, lists) => events.opened?.(connectorId, openMs, lists),
      closed: () => events.closed?.(connectorId),
    });
    return new ConnectorGate({
      breaker,
      bulkhead: new Bulkhead(limitsOf(definition, bulkhead), (ms) =>
        events.waited?.(connectorId, ms),
      ),
      quota: quotaOf(connectorId, quotas),
      budget: new RetryBudget(),
      trusted,
      random,
      waiting: new Set(),
      refused: (reason) => events.refused?.(connectorId, reason),
      retried: () => events.retried?.(connectorId),
      answered: (method, ms) => events.answered?.(connectorId, method, ms),
      refusal(code, message, retryAfterMs) {
        const details = { connectorId, phase: 'ready', unsent: true } as const;
        const retry = retryAfterMs === undefined ? {} : { retryAfterMs };
        return new UpstreamError(code, message, { ...details, ...retry });
      },
    });
  };
  return (definition) => {
    const known = gates.get(definition);
    if (known !== undefined) return known;
    const gate = create(definition);
    gates.set(definition, gate);
    return gate;
  };
}
