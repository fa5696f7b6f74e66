import type { Upstream } from '../upstream/upstream.ts';
import { UpstreamError } from '../upstream/upstream-error.ts';
import type { ConnectorDefinition } from './connector.ts';
import { DEFAULT_FETCH_RETRY_POLICY, fetchWithRetries } from './entry/fetch-retry.ts';
import { fetchManifest, type Manifest } from './manifest.ts';

/** A fetch brings its own deadlines, one for each phase; this only ends one that lost them. In milliseconds. */
export const FETCH_BACKSTOP_MS = 120_000;

export interface ManifestFetchOptions {
  readonly upstream: Upstream;
  readonly definition: ConnectorDefinition;
  /** As that of `FetchManifestOptions`. */
  readonly known: Manifest | undefined;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** False after a sync that failed: a server that is down is asked once for each backoff. */
  readonly mayRetry: boolean;
  readonly signal: AbortSignal;
  /** Ends it too: the connector is being closed. */
  readonly closing?: AbortSignal | undefined;
  /** An attempt begins. */
  readonly asked: () => void;
  /** An attempt failed in a way that may pass, and another follows. */
  readonly retrying: (error: UpstreamError) => void;
}

/**
 * How long one sync of a connector may take, retries included: its handshake and its lists. A process has no bound
 * but the backstop, since it may wait for its turn to start.
 */
export function syncDeadlineMs({ transport, timeouts }: ConnectorDefinition): number {
  if (transport?.kind === 'stdio') return FETCH_BACKSTOP_MS;
  return Math.min(timeouts.handshakeTimeoutMs + timeouts.listTimeoutMs, FETCH_BACKSTOP_MS);
}

/**
 * Connects when needed and asks for everything, again after failures that may pass: see `FetchRetryPolicy`. Processes
 * are not asked again: they have a pace of their own at which they are started.
 * @throws UpstreamError of the last attempt, or `TIMEOUT` once the connector's deadline is over.
 */
export async function fetchConnectorManifest(options: ManifestFetchOptions): Promise<Manifest> {
  const { upstream, definition, known, random, mayRetry, signal, closing } = options;
  const { id, timeouts, transport, quotas } = definition;
  const repeats = mayRetry && transport?.kind !== 'stdio';
  const deadlineMs = syncDeadlineMs(definition);
  const attempt = async (scope: AbortSignal): Promise<Manifest> => {
    options.asked();
    const info = await upstream.connect(scope, 'lists');
    return await fetchManifest(upstream, info, {
      signal: scope,
      timeoutMs: timeouts.listTimeoutMs,
      known,
      concurrency: quotas?.concurrent,
    });
  };
  return await fetchWithRetries(attempt, {
    policy: { ...DEFAULT_FETCH_RETRY_POLICY, ...(!repeats && { maxRetries: 0 }) },
    deadlineMs,
    overdue: () => {
      const message = `the connector was not in sync within ${deadlineMs} ms`;
      return new UpstreamError('TIMEOUT', message, { connectorId: id, phase: upstream.phase });
    },
    random,
    signals: closing === undefined ? [signal] : [signal, closing],
    retrying: options.retrying,
  });
}
