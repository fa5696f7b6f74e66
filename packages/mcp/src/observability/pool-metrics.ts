import { Gauge, type Registry } from 'prom-client';

/** Sockets of one pool: `requests` end with their answer, `streams` stay open. */
export interface PoolFact {
  readonly pool: 'requests' | 'streams';
  /** Whose: connectors of our own configuration, or those of a remote map. */
  readonly origin: 'local' | 'remote';
  readonly busy: number;
  readonly idle: number;
  /** Requests that have no socket yet. */
  readonly waiting: number;
}

/** The sockets towards servers. @param pools read at scrape time; a pool that was not used yet is left out. */
export function createPoolMetrics(registers: [Registry], pools: () => readonly PoolFact[]): void {
  const sockets: Gauge<'pool' | 'origin' | 'state'> = new Gauge({
    name: 'mcp_pool_sockets',
    help: 'Sockets towards servers over HTTP, by what they do.',
    labelNames: ['pool', 'origin', 'state'],
    registers,
    collect() {
      for (const { pool, origin, busy, idle } of pools()) {
        this.set({ pool, origin, state: 'busy' }, busy);
        this.set({ pool, origin, state: 'idle' }, idle);
      }
    },
  });
  const waiting: Gauge<'pool' | 'origin'> = new Gauge({
    name: 'mcp_pool_waiting',
    help: 'Requests to servers over HTTP that have no socket yet.',
    labelNames: ['pool', 'origin'],
    registers,
    collect() {
      for (const { pool, origin, waiting: count } of pools()) this.set({ pool, origin }, count);
    },
  });
  for (const pool of ['requests', 'streams']) {
    for (const origin of ['local', 'remote']) {
      waiting.set({ pool, origin }, 0);
      for (const state of ['busy', 'idle']) sockets.set({ pool, origin, state }, 0);
    }
  }
}

/** The places of a connector's calls. */
interface PlaceFact {
  readonly id: string;
  readonly calls?:
    | { readonly taken: number; readonly queued: number; readonly places: number }
    | undefined;
}

type Calls = NonNullable<PlaceFact['calls']>;

export function createPlaceGauges(
  registers: [Registry],
  connectors: () => readonly PlaceFact[],
): void {
  const gauge = (name: string, help: string, read: (calls: Calls) => number): Gauge<'connector'> =>
    new Gauge({
      name,
      help,
      labelNames: ['connector'],
      registers,
      collect() {
        this.reset();
        for (const { id, calls } of connectors()) {
          if (calls !== undefined) this.set({ connector: id }, read(calls));
        }
      },
    });
  gauge('mcp_pool_places', 'Calls that a connector takes at a time.', ({ places }) => places);
  gauge(
    'mcp_pool_places_in_use',
    'Calls of a connector under way, without those that wait for their client.',
    ({ taken }) => taken,
  );
  gauge(
    'mcp_pool_places_waiting',
    'Calls that wait for a place of their connector.',
    ({ queued }) => queued,
  );
}
