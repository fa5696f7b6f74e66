import type { HttpFault, UpstreamCounts } from '@cortex-os/testkit';
import { startChild } from './child.ts';
import type { FleetAnswer, FleetCommand, FleetGroup } from './fleet-protocol.ts';

/** Real servers in a process of their own. */
export interface FleetProcess extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly pid: number;
  counts(): Promise<readonly UpstreamCounts[]>;
  /** Gives the servers at these places the faults, all others none. */
  setFaults(at: readonly number[], faults: readonly HttpFault[]): Promise<void>;
}

export async function startFleetProcess(groups: readonly FleetGroup[]): Promise<FleetProcess> {
  const child = startChild<FleetCommand, FleetAnswer>('fleet-child.ts');
  const started = await child.ask({ kind: 'start', groups });
  if (started.kind !== 'started') throw new Error(`the fleet answered ${started.kind}`);
  return {
    urls: started.urls,
    pid: child.process.pid ?? 0,
    async counts() {
      const answer = await child.ask({ kind: 'counts' });
      if (answer.kind !== 'counts') throw new Error(`the fleet answered ${answer.kind}`);
      return answer.counts;
    },
    async setFaults(at, faults) {
      await child.ask({ kind: 'faults', at, faults: [...faults] });
    },
    [Symbol.asyncDispose]: async () => await child[Symbol.asyncDispose](),
  };
}

/** What one pass cost at the servers. */
export interface Traffic {
  readonly requests: number;
  readonly connections: number;
  /** Requests of which each came when the one before had been answered, of the connector that needed most. */
  readonly roundTrips: number;
}

/** The difference of two readings. */
export function trafficBetween(
  before: readonly UpstreamCounts[],
  after: readonly UpstreamCounts[],
): Traffic {
  let requests = 0;
  let connections = 0;
  let roundTrips = 0;
  after.forEach((now, index) => {
    const then = before[index];
    requests += now.requests - (then?.requests ?? 0);
    connections += now.connections - (then?.connections ?? 0);
    roundTrips = Math.max(roundTrips, now.roundTrips - (then?.roundTrips ?? 0));
  });
  return { requests, connections, roundTrips };
}
