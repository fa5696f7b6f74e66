import { Gauge, type Registry } from 'prom-client';
import { createBreakerGauge } from './call-metrics.ts';
import { createPlaceGauges } from './pool-metrics.ts';

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
  readonly calls?:
    | {
        readonly breaker: 'closed' | 'open' | 'half-open';
        readonly taken: number;
        readonly queued: number;
        readonly places: number;
      }
    | undefined;
}

/** What is read of each connector at scrape time. */
export function createConnectorGauges(
  registers: [Registry],
  connectors: () => readonly ConnectorFact[],
): void {
  const gauge = <T extends string>(
    about: { readonly name: string; readonly help: string; readonly labelNames: T[] },
    read: (metric: Gauge<T>, fact: ConnectorFact) => void,
  ): Gauge<T> =>
    new Gauge<T>({
      ...about,
      registers,
      collect() {
        this.reset();
        for (const fact of connectors()) read(this, fact);
      },
    });
  gauge(
    {
      name: 'brainwav_mcp_connector_proxy_up',
      help: '1 when the connector is served and its last attempt did not fail, else 0.',
      labelNames: ['connector'],
    },
    (metric, { id, state, failure }) => {
      const served = state === 'fresh' || state === 'stale';
      metric.set({ connector: id }, served && failure === undefined ? 1 : 0);
    },
  );
  gauge(
    {
      name: 'mcp_connector_state',
      help: '1 for the state a connector is in, 0 for the others.',
      labelNames: ['connector', 'state'],
    },
    (metric, { id, state: current }) => {
      for (const state of STATES) metric.set({ connector: id, state }, state === current ? 1 : 0);
    },
  );
  createBreakerGauge(registers, connectors);
  gauge(
    {
      name: 'mcp_manifest_age_seconds',
      help: 'Time since the manifest in hand was received; none without a manifest.',
      labelNames: ['connector'],
    },
    (metric, { id, ageMs }) => {
      if (ageMs !== undefined) metric.set({ connector: id }, ageMs / 1000);
    },
  );
  createPlaceGauges(registers, connectors);
}
