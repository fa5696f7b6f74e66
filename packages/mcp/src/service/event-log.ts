import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { reachedAlike, type ConnectorDefinition } from '../connectors/connector.ts';
import type { ConnectorState, ConnectorStatus, SyncOutcome } from '../connectors/sync-report.ts';
import { withRemedy } from '../protocol/error-remedies.ts';
import type { UpstreamError } from '../upstream/upstream-error.ts';
import { createConnectorTrack, type ConnectorTrack } from './connector-track.ts';

/** Writes one event: a line with a stable `event`. */
export type Tell = (
  level: 'info' | 'warn',
  facts: Readonly<Record<string, unknown>> & { readonly event: string },
  message: string,
) => void;

/**
 * @param quiet where people are shown the same in another way: everything is logged at `debug`. Default: false.
 */
export function createTell(logger: Pick<Logger, 'debug' | 'info' | 'warn'>, quiet = false): Tell {
  if (quiet) return (_level, facts, message) => logger.debug(facts, message);
  return (level, facts, message) => logger[level](facts, message);
}

/**
 * Tells in the log what becomes of connectors: one line for each change, none for each attempt. A failure that lasts
 * is told once, then once an hour with the number of attempts; a connector has at most 20 lines in an hour.
 */
export interface EventLog {
  /** A sync has ended. @param state what can be served of the connector now. */
  outcome(outcome: SyncOutcome, state: ConnectorState): void;
  /** A process, or a connection, ended without our doing. */
  lost(connectorId: string, error: UpstreamError): void;
  /** A call failed that had been sent. */
  callFailed(connectorId: string, code: string): void;
  /** What is there when the service begins; those that are configured wrongly have failed already. */
  begin(definitions: readonly ConnectorDefinition[], known: readonly ConnectorStatus[]): void;
  /** What should be connected from now on. */
  wanted(definitions: readonly ConnectorDefinition[]): void;
}

/** Failures that we caused ourselves, by closing or by giving up: they say nothing of the server. */
const OURS: ReadonlySet<string> = new Set(['CANCELLED', 'CLOSED']);

class ConnectorEventLog implements EventLog {
  readonly #tell: Tell;
  readonly #nowMs: () => number;
  readonly #tracks = new Map<string, ConnectorTrack>();
  #wanted: ReadonlyMap<string, ConnectorDefinition> | undefined;

  constructor(tell: Tell, nowMs: () => number) {
    this.#tell = tell;
    this.#nowMs = nowMs;
  }

  outcome(outcome: SyncOutcome, state: ConnectorState): void {
    if (outcome.kind === 'failed') {
      if (!OURS.has(outcome.code)) this.#track(outcome.id)?.failed(outcome, state);
    } else if ('tools' in outcome) this.#track(outcome.id)?.synced(outcome);
  }

  lost(connectorId: string, { code, message, exit }: UpstreamError): void {
    this.#track(connectorId)?.lost({ code, message, exit });
  }

  callFailed(connectorId: string, code: string): void {
    this.#track(connectorId)?.callFailed(code);
  }

  begin(definitions: readonly ConnectorDefinition[], known: readonly ConnectorStatus[]): void {
    this.#wanted = new Map(definitions.map((definition) => [definition.id, definition]));
    for (const { id, state, failure, durationMs = 0 } of known) {
      if (failure?.phase !== 'config' || state === 'disabled') continue;
      const about = { id, durationMs, attempts: 0, nextAttemptMs: undefined };
      this.outcome(withRemedy({ kind: 'failed', ...about, ...failure }), state);
    }
  }

  wanted(definitions: readonly ConnectorDefinition[]): void {
    const before = this.#wanted ?? new Map<string, ConnectorDefinition>();
    const now = new Map(definitions.map((definition) => [definition.id, definition]));
    this.#wanted = now;
    for (const connector of before.keys()) {
      if (now.has(connector)) continue;
      this.#tracks.delete(connector);
      this.#tell('info', { event: 'connector.removed', connector }, 'the connector was removed');
    }
    for (const [connector, definition] of now) {
      const old = before.get(connector);
      if (old === undefined) {
        this.#tell('info', { event: 'connector.added', connector }, 'a connector was added');
      } else if (old !== definition && !isDeepStrictEqual(old, definition)) {
        // In other words it is the same.
        if (!reachedAlike(old, definition)) this.#track(connector)?.renewed();
        this.#tell('info', { event: 'connector.changed', connector }, 'the connector was changed');
      }
    }
  }

  /** Undefined for one that has been removed meanwhile. */
  #track(connector: string): ConnectorTrack | undefined {
    const known = this.#tracks.get(connector);
    if (known !== undefined) return known;
    if (this.#wanted?.has(connector) === false) return undefined;
    const track = createConnectorTrack(connector, this.#tell, this.#nowMs);
    this.#tracks.set(connector, track);
    return track;
  }
}

/** @param nowMs a monotonic clock. Default: that of the platform. */
export function createEventLog(
  tell: Tell,
  nowMs: () => number = () => performance.now(),
): EventLog {
  return new ConnectorEventLog(tell, nowMs);
}
