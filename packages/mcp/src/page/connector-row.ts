import { basename } from 'node:path';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { ServedManifest } from '../connectors/entry/served-manifest.ts';
import type { ConnectorStatus } from '../connectors/sync-report.ts';
import {
  NO_CALLS,
  type CallHistory,
  type CallPulse,
  type CallSeries,
} from '../observability/call-history.ts';
import type { ConnectorSource, WantedConnector } from './page-facts.ts';

/** One connector as the page shows it. Times in milliseconds since 1970, durations in milliseconds. */
export interface ConnectorRow {
  readonly id: string;
  readonly transport: string | null;
  readonly origin: string;
  readonly era: 'modern' | 'legacy' | 'unknown';
  readonly revision: string | null;
  readonly state: 'ready' | 'stale' | 'unavailable' | 'disabled' | 'starting';
  readonly enabled: boolean;
  readonly error: {
    readonly phase: string;
    readonly code: string;
    readonly message: string;
    readonly remedy: string | null;
  } | null;
  readonly counts: {
    readonly tools: number;
    readonly prompts: number;
    readonly resources: number;
    readonly templates: number;
  };
  /** What an attempt under way waits for, while nothing is known of it yet; null otherwise. */
  readonly waiting: { readonly phase: string; readonly since: number } | null;
  /** Another one means other lists, even where the counts are the same; null while there are none. */
  readonly listsDigest: string | null;
  readonly freshness: 'fresh' | 'stale' | 'none';
  readonly ageMs: number | null;
  readonly ttlMs: number | null;
  readonly lastSyncAt: number | null;
  readonly nextRefreshAt: number | null;
  readonly breaker: 'closed' | 'open' | 'half-open';
  /** How often its process ended by itself; null where there is none. */
  readonly restarts: number | null;
  readonly pid: number | null;
  readonly inFlight: number;
  readonly latency: CallSeries;
  readonly source: ConnectorSource;
}

/** What moves between two overviews. */
export interface ConnectorBeat extends CallPulse {
  readonly inFlight: number;
  readonly ageMs: number | null;
  readonly nextRefreshInMs: number | null;
}

export interface RowFacts {
  readonly status: ConnectorStatus;
  readonly wanted: WantedConnector | undefined;
  readonly served: ServedManifest | undefined;
  /** See `PageFacts.listedMark`. */
  readonly listedMark: string | undefined;
  readonly nextAttemptMs: number | undefined;
  readonly history: CallHistory | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Enough of a SHA-256 in base64url to tell two lists of one connector apart. */
const DIGEST_LENGTH = 12;

const whole = (ms: number | undefined): number | null =>
  ms === undefined || !Number.isFinite(ms) ? null : Math.round(ms);

/** What a connector leads to, without anything that could be a secret: a path may hold one, and so may an argument. */
export function originOf(definition: ConnectorDefinition | undefined): string {
  const { transport } = definition ?? {};
  if (transport === undefined) return '';
  if (transport.kind === 'stdio') return basename(transport.command);
  if (transport.kind === 'in-process') return transport.server;
  // Credentials, path, query and fragment are no part of an origin.
  return URL.canParse(transport.url) ? new URL(transport.url).origin : '';
}

function stateOf({ state, failure, busy }: ConnectorStatus): ConnectorRow['state'] {
  if (state === 'fresh') return 'ready';
  const isPending =
    state === 'unavailable' && (failure === undefined || failure.code === 'PENDING');
  return isPending && busy ? 'starting' : state;
}

function ttlOf(facts: RowFacts): number | undefined {
  const { served, wanted } = facts;
  if (served === undefined) return undefined;
  return Math.min(served.manifest.hint.ttlMs, wanted?.definition.maxTtlMs ?? Infinity);
}

type RowError = ConnectorRow['error'];

/** What an attempt under way waits for is no error. */
function errorOf({ failure }: ConnectorStatus): RowError {
  if (failure === undefined || failure.code === 'PENDING') return null;
  const { phase, code, message, remedy } = failure;
  return { phase, code, message, remedy: remedy ?? null };
}

function waitingOf(status: ConnectorStatus, now: number): ConnectorRow['waiting'] {
  const { phase, busyMs } = status;
  if (stateOf(status) !== 'starting' || busyMs === undefined) return null;
  return { phase, since: now - busyMs };
}

function freshnessOf({ state }: ConnectorStatus): ConnectorRow['freshness'] {
  return state === 'fresh' || state === 'stale' ? state : 'none';
}

type Times = Pick<ConnectorRow, 'ageMs' | 'ttlMs' | 'lastSyncAt' | 'nextRefreshAt'>;

function timesOf(facts: RowFacts): Times {
  const { status, now } = facts;
  const age = whole(status.ageMs);
  const next = whole(facts.nextAttemptMs);
  return {
    ageMs: age,
    ttlMs: whole(ttlOf(facts)),
    lastSyncAt: age === null ? null : now - age,
    nextRefreshAt: next === null ? null : now + next,
  };
}

function listsOf({
  status: { tools, prompts, resources },
  served,
  listedMark,
}: RowFacts): Pick<ConnectorRow, 'counts' | 'listsDigest'> {
  const { lists, digest } = served?.manifest ?? {};
  const templates = lists?.resourceTemplates.length ?? 0;
  return {
    counts: { tools, prompts, resources, templates },
    listsDigest: digest === undefined ? null : digest.slice(0, DIGEST_LENGTH) + (listedMark ?? ''),
  };
}

type Calls = Pick<ConnectorRow, 'breaker' | 'inFlight' | 'latency'>;

function callsOf({ status: { calls }, history }: RowFacts): Calls {
  const latency = history?.series() ?? NO_CALLS;
  return { breaker: calls?.breaker ?? 'closed', inFlight: calls?.inFlight ?? 0, latency };
}

export function connectorRow(facts: RowFacts): ConnectorRow {
  const { status, wanted } = facts;
  return {
    id: status.id,
    transport: status.transport ?? null,
    origin: originOf(wanted?.definition),
    era: status.era ?? 'unknown',
    revision: status.protocolVersion ?? null,
    state: stateOf(status),
    enabled: status.state !== 'disabled',
    error: errorOf(status),
    waiting: waitingOf(status, facts.now),
    ...listsOf(facts),
    freshness: freshnessOf(status),
    ...timesOf(facts),
    ...callsOf(facts),
    restarts: status.transport === 'stdio' ? (status.losses ?? 0) : null,
    pid: status.pids?.[0] ?? null,
    source: wanted?.source ?? 'config',
  };
}

type BeatFacts = Pick<RowFacts, 'status' | 'nextAttemptMs' | 'history'>;

const NO_PULSE: CallPulse = { callsPerSecond: 0, errorsPerSecond: 0, p50Ms: null, p95Ms: null };

/** The moving numbers of a connector. */
export function connectorBeat({ status, nextAttemptMs, history }: BeatFacts): ConnectorBeat {
  return {
    ...(history?.pulse() ?? NO_PULSE),
    inFlight: status.calls?.inFlight ?? 0,
    ageMs: whole(status.ageMs),
    nextRefreshInMs: whole(nextAttemptMs),
  };
}
