import type { CallGateStatus, ReplicaStatus } from '../upstream/upstream.ts';
import type { Era } from '../protocol/revision.ts';
import type { ConnectorPhase } from '../upstream/upstream-error.ts';
import type { ConnectorFailure, ConnectorOrigin, ConnectorTransport } from './connector.ts';
import type { ServedManifest } from './entry/served-manifest.ts';

/** What one pass did with one connector. Times in milliseconds. */
export type SyncOutcome =
  | {
      readonly kind: 'synced' | 'unchanged';
      readonly id: string;
      readonly durationMs: number;
      /** Times the server was asked: more than 1 when the first failed in a way that may pass. */
      readonly attempts: number;
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
      /** As above; 0 when an earlier failure still forbids asking. */
      readonly attempts: number;
      readonly phase: ConnectorPhase;
      readonly code: string;
      readonly message: string;
      /** What to do about it, in one line; undefined for codes without any. */
      readonly remedy?: string;
      /** Where the documentation says more. */
      readonly docs?: string;
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
  readonly transport: ConnectorTransport['kind'] | undefined;
  /** Where its definition came from. */
  readonly origin?: ConnectorOrigin;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly state: ConnectorState;
  /** The step under way, or the last one tried. */
  readonly phase: ConnectorPhase;
  /** True while a connect or list is under way. */
  readonly busy: boolean;
  /** How long the attempt under way has taken so far, in milliseconds; undefined when there is none. */
  readonly busyMs?: number;
  /** True while its process is stopped because nobody needs it (`idleStopMs`); the next call wakes it. */
  readonly asleep?: boolean;
  /** The processes of its shared connection that run now, when it is a command; each leads a process group. */
  readonly pids?: readonly number[];
  /** How often its shared connection, or process, ended without our doing. Default: never. */
  readonly losses?: number;
  /** The servers behind it, when there are several. */
  readonly replicas?: readonly ReplicaStatus[] | undefined;
  /** How its calls fare; undefined while nothing is called. */
  readonly calls?: CallGateStatus | undefined;
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

/** What a status says of the manifest in hand. */
export function offeredBy(
  served: ServedManifest | undefined,
): Pick<ConnectorStatus, 'tools' | 'prompts' | 'resources' | 'warnings' | 'ageMs'> {
  if (served === undefined) {
    return { tools: 0, prompts: 0, resources: 0, warnings: [], ageMs: undefined };
  }
  const { lists, warnings } = served.manifest;
  return {
    tools: lists.tools.length,
    prompts: lists.prompts.length,
    resources: lists.resources.length,
    warnings,
    ageMs: performance.now() - served.receivedAtMs,
  };
}
