import type { Era } from '../protocol/revision.ts';
import type { ConnectorPhase } from '../upstream/upstream-error.ts';
import type { ConnectorFailure, ConnectorOrigin } from './connector.ts';

/** What one pass did with one connector. Times in milliseconds. */
export type SyncOutcome =
  | {
      readonly kind: 'synced' | 'unchanged';
      readonly id: string;
      readonly durationMs: number;
      readonly era: Era;
      readonly tools: number;
      readonly prompts: number;
      readonly resources: number;
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'failed';
      readonly id: string;
      readonly durationMs: number;
      readonly phase: ConnectorPhase;
      readonly code: string;
      readonly message: string;
      /** When it is tried again by itself; undefined when it is not. */
      readonly nextAttemptMs: number | undefined;
    }
  | { readonly kind: 'disabled' | 'removed'; readonly id: string };

/** One pass over all connectors. */
export interface SyncReport {
  readonly durationMs: number;
  /** In order of connector id. */
  readonly outcomes: readonly SyncOutcome[];
}

export type ConnectorState = 'fresh' | 'stale' | 'unavailable' | 'disabled';

/** One connector as status and command line show it. */
export interface ConnectorStatus {
  readonly id: string;
  readonly title: string;
  readonly transport: 'stdio' | 'http' | undefined;
  /** Where its definition came from. */
  readonly origin?: ConnectorOrigin;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly state: ConnectorState;
  /** The step under way, or the last one tried. */
  readonly phase: ConnectorPhase;
  /** True while a connect or list is under way. */
  readonly busy: boolean;
  readonly era: Era | undefined;
  readonly protocolVersion: string | undefined;
  readonly serverInfo: Readonly<Record<string, unknown>> | undefined;
  readonly tools: number;
  readonly prompts: number;
  readonly resources: number;
  /** Milliseconds since the shown manifest was received. */
  readonly ageMs: number | undefined;
  /** How long the last successful sync took. */
  readonly durationMs: number | undefined;
  /** Why the last attempt failed, or what the one under way is waiting for; undefined when all is well. */
  readonly failure: ConnectorFailure | undefined;
  readonly warnings: readonly string[];
}
