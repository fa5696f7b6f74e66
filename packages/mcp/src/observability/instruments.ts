import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { createBreakerGauge, createCallMetrics } from './call-metrics.ts';
import { ConnectorInstruments, type ConnectorMetrics } from './connector-instruments.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { createRuntimeMonitor, type RuntimeMonitor } from './runtime-monitor.ts';

type State = 'fresh' | 'stale' | 'unavailable' | 'disabled';
const STATES: readonly State[] = ['fresh', 'stale', 'unavailable', 'disabled'];

/** One configured connector as it stands now. */
export interface ConnectorFact {
  readonly id: string;
  readonly state: State;
  /** Of the manifest in hand, in milliseconds; undefined without one. */
  readonly ageMs: number | undefined;
  /** Set when the last attempt failed, or the connection has been lost since. */
  readonly failure: unknown;
  /** How its calls fare. */
  readonly calls?: { readonly breaker: 'closed' | 'open' | 'half-open' } | undefined;
}

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
}

/** Every metric of one service, in a registry of its own. Durations are in seconds. */
export interface Instruments extends ConnectorMetrics {
  readonly registry: Registry;
  readonly runtime: RuntimeMonitor;
  readonly proxyUp: Gauge<'connector'>;
  readonly connectorState: Gauge<'connector' | 'state'>;
  readonly manifestAge: Gauge<'connector'>;
  readonly breakerState: Gauge<'connector'>;
  readonly catalogBuildDuration: Histogram;
  readonly catalogItems: Gauge<'kind'>;
  readonly callsInFlight: Gauge;
  readonly sessions: Gauge;
  readonly draining: Gauge;
  readonly listRequests: Counter<'method'>;
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

type ConnectorGauges = Pick<
  Instruments,
  'proxyUp' | 'connectorState' | 'manifestAge' | 'breakerState'
>;

function createConnectorGauges(registers: [Registry], facts: ScrapeFacts): ConnectorGauges {
  return {
    proxyUp: new Gauge({
      name: 'brainwav_mcp_connector_proxy_up',
      help: '1 when the connector is served and its last attempt did not fail, else 0.',
      labelNames: ['connector'],
      registers,
      collect() {
        this.reset();
        for (const { id, state, failure } of facts.connectors()) {
          const served = state === 'fresh' || state === 'stale';
          this.set({ connector: id }, served && failure === undefined ? 1 : 0);
        }
      },
    }),
    connectorState: new Gauge({
      name: 'mcp_connector_state',
      help: '1 for the state a connector is in, 0 for the others.',
      labelNames: ['connector', 'state'],
      registers,
      collect() {
        this.reset();
        for (const { id, state: current } of facts.connectors()) {
          for (const state of STATES) {
            this.set({ connector: id, state }, state === current ? 1 : 0);
          }
        }
      },
    }),
    breakerState: createBreakerGauge(registers, () => facts.connectors()),
    manifestAge: new Gauge({
      name: 'mcp_manifest_age_seconds',
      help: 'Time since the manifest in hand was received; none without a manifest.',
      labelNames: ['connector'],
      registers,
      collect() {
        this.reset();
        for (const { id, ageMs } of facts.connectors()) {
          if (ageMs !== undefined) this.set({ connector: id }, ageMs / 1000);
        }
      },
    }),
  };
}

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
    toolCallDuration: new Histogram({
      name: 'mcp_tool_call_duration_seconds',
      help: 'Tool calls, from the parsed request to the end of the answer.',
      labelNames: ['connector', 'outcome'],
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
  | 'listRequests'
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
    listRequests: new Counter({
      name: 'mcp_list_requests_total',
      help: 'Lists that clients asked for.',
      labelNames: ['method'],
      registers,
    }),
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
 */
export function createInstruments(source: ScrapeFacts): Instruments {
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
  const instruments: Instruments = {
    registry,
    ...metrics,
    ...createConnectorGauges(registers, facts),
    ...createServiceMetrics(registers, facts),
    runtime: createRuntimeMonitor(registry),
    connector: (connectorId) => {
      const known = bound.get(connectorId);
      if (known !== undefined) return known;
      const made = new ConnectorInstruments(connectorId, metrics);
      bound.set(connectorId, made);
      return made;
    },
    find: (connectorId) => bound.get(connectorId),
    prune,
  };
  registerProcessMetrics(registry);
  return instruments;
}
