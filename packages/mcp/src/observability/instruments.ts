import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { BoundHistogram } from './bound-histogram.ts';
import { createCallMetrics } from './call-metrics.ts';
import { createConnectorGauges, type ConnectorFact } from './connector-gauges.ts';
import type { ConnectorInstruments, ConnectorMetrics } from './connector-instruments.ts';
import { createFetchMetrics, createListCounter, type FetchMetrics } from './fetch-metrics.ts';
import { createPoolMetrics, type PoolFact } from './pool-metrics.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { createRuntimeMonitor, type RuntimeMonitor } from './runtime-monitor.ts';
import { plainInstruments, type CreateConnectorInstruments } from './watched-instruments.ts';

/** What is read at scrape time rather than kept up to date. */
export interface ScrapeFacts {
  connectors(): readonly ConnectorFact[];
  /** What the shared endpoint offers, by kind. */
  catalogLists(): Readonly<Record<string, { readonly count: number }>>;
  callsInFlight(): number;
  /** Sessions of legacy clients. */
  sessions(): number;
  /** Whether the service is on its way out. */
  draining(): boolean;
  /** Sockets towards servers; a pool that was not used yet may be left out. */
  pools(): readonly PoolFact[];
  /** `NODE_OPTIONS` of this process; they may limit its heap. */
  readonly nodeOptions?: string | undefined;
}

/** Every metric of one service, in a registry of its own. Durations are in seconds. */
export interface Instruments extends ConnectorMetrics, FetchMetrics {
  readonly registry: Registry;
  readonly runtime: RuntimeMonitor;
  readonly catalogBuildDuration: Histogram;
  readonly catalogItems: Gauge<'kind'>;
  readonly callsInFlight: Gauge;
  readonly sessions: Gauge;
  readonly draining: Gauge;
  /** A client asks for a list, by its method. */
  readonly listRequested: (method: string) => void;
  readonly questions: Counter<'outcome'>;
  /** The bound children of a configured connector, made when first asked for. */
  connector(connectorId: string): ConnectorInstruments;
  /** Those of a connector that `connector` was called for; any other id has no series. */
  find(connectorId: string): ConnectorInstruments | undefined;
  /** Removes the series of connectors that are no longer configured. Every scrape does it too. */
  prune(): void;
}

// Few, since each is a line of every scrape for each connector and outcome. 2 s is the connect deadline, 30 s that of a
// handshake and of a list, 120 s the end of any attempt.
const SYNC_BUCKETS_S: number[] = [0.01, 0.05, 0.1, 0.25, 0.5, 2, 10, 30, 120];
// 3 and 12 ms are the budget of the gateway itself (S3-17), 250 ms that of a call (S4-02), 5 s an alert (R11), 60 s
// and 600 s the deadlines of a call.
const CALL_BUCKETS_S: number[] = [0.003, 0.012, 0.025, 0.05, 0.1, 0.25, 1, 5, 60, 600];
// 5 ms is one slice.
const BUILD_BUCKETS_S: number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];

function createConnectorMetrics(registers: [Registry], prune: () => void): ConnectorMetrics {
  return {
    syncDuration: new Histogram({
      name: 'mcp_connector_sync_duration_seconds',
      help: 'Attempts to sync a connector, from their start to their end (S4-35).',
      labelNames: ['connector', 'outcome'],
      buckets: SYNC_BUCKETS_S,
      registers,
      // Written before the others, so that a scrape shows none of them with a connector that is gone.
      collect: prune,
    }),
    ...createCallMetrics(registers),
    syncRetries: new Counter({
      name: 'mcp_connector_sync_retries_total',
      help: 'Attempts to sync a connector that followed a failed one.',
      labelNames: ['connector'],
      registers,
    }),
    roundTrips: new Counter({
      name: 'mcp_connector_sync_round_trips_total',
      help: 'Round trips of handshakes and lists of a connector over HTTP.',
      labelNames: ['connector'],
      registers,
    }),
    toolCallDuration: new BoundHistogram({
      name: 'mcp_tool_call_duration_seconds',
      help: 'Tool calls, from the parsed request to the end of the answer.',
      labelNames: ['connector', 'outcome'],
      buckets: CALL_BUCKETS_S,
      registers,
    }),
    upstreamDuration: new BoundHistogram({
      name: 'mcp_tool_call_upstream_duration_seconds',
      help: 'The part of tool calls from their last sending to the end of the answer of the server.',
      labelNames: ['connector'],
      buckets: CALL_BUCKETS_S,
      registers,
    }),
  };
}

type ServiceMetrics = Pick<
  Instruments,
  | 'catalogBuildDuration'
  | 'catalogItems'
  | 'callsInFlight'
  | 'sessions'
  | 'draining'
  | 'listRequested'
  | 'questions'
>;

function createServiceMetrics(registers: [Registry], facts: ScrapeFacts): ServiceMetrics {
  return {
    catalogBuildDuration: new Histogram({
      name: 'mcp_catalog_build_duration_seconds',
      help: 'Builds of the catalog, pauses between their slices included.',
      buckets: BUILD_BUCKETS_S,
      registers,
    }),
    catalogItems: new Gauge({
      name: 'mcp_catalog_items',
      help: 'What the shared endpoint offers, by kind.',
      labelNames: ['kind'],
      registers,
      collect() {
        for (const [kind, { count }] of Object.entries(facts.catalogLists())) {
          this.set({ kind }, count);
        }
      },
    }),
    callsInFlight: new Gauge({
      name: 'mcp_calls_in_flight',
      help: 'Requests of clients that an upstream is answering.',
      registers,
      collect() {
        this.set(facts.callsInFlight());
      },
    }),
    sessions: new Gauge({
      name: 'mcp_sessions_current',
      help: 'Open sessions of legacy clients.',
      registers,
      collect() {
        this.set(facts.sessions());
      },
    }),
    draining: new Gauge({
      name: 'mcp_gateway_draining',
      help: '1 while the service stops and still answers, else 0.',
      registers,
      collect() {
        this.set(facts.draining() ? 1 : 0);
      },
    }),
    listRequested: createListCounter(registers),
    questions: new Counter({
      name: 'mcp_gateway_questions_total',
      help: 'What servers asked clients: put to the client, refused for it, or never brought to one.',
      labelNames: ['outcome'],
      registers,
    }),
  };
}

/** Reading every connector costs more than writing it: gauges collected in the same turn share one reading. */
function oncePerTurn<T>(read: () => T): () => T {
  let held: { readonly value: T } | undefined;
  return () => {
    if (held === undefined) {
      held = { value: read() };
      queueMicrotask(() => {
        held = undefined;
      });
    }
    return held.value;
  };
}

/**
 * Declares every metric in a registry of its own, so that two services in one process do not clash. Labels come from
 * bounded sets only: the ids of configured connectors and fixed words (reliability-security.md S16).
 * @param createBound makes those of a connector. Default: metrics, and no more.
 */
export function createInstruments(
  source: ScrapeFacts,
  createBound: CreateConnectorInstruments = plainInstruments,
): Instruments {
  const facts = { ...source, connectors: oncePerTurn(() => source.connectors()) };
  const registry = new Registry();
  const registers: [Registry] = [registry];
  const bound = new Map<string, ConnectorInstruments>();
  const prune = (): void => {
    if (bound.size === 0) return;
    const configured = new Set(source.connectors().map(({ id }) => id));
    for (const [id, instruments] of bound) {
      if (configured.has(id)) continue;
      instruments.retire();
      bound.delete(id);
    }
  };
  const metrics = createConnectorMetrics(registers, prune);
  createConnectorGauges(registers, facts.connectors);
  createPoolMetrics(registers, () => source.pools());
  const instruments: Instruments = {
    registry,
    ...metrics,
    ...createFetchMetrics(registers),
    ...createServiceMetrics(registers, facts),
    runtime: createRuntimeMonitor(registry),
    connector: (connectorId) => {
      const known = bound.get(connectorId);
      if (known !== undefined) return known;
      const made = createBound(connectorId, metrics);
      bound.set(connectorId, made);
      return made;
    },
    find: (connectorId) => bound.get(connectorId),
    prune,
  };
  registerProcessMetrics(registry, source.nodeOptions);
  return instruments;
}
