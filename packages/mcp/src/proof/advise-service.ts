import { MEMORY_TIERS } from '../config/memory-schema.ts';
import type { RuleInput } from './advise-connector.ts';
import {
  type Advice,
  type AdviseFacts,
  type ConnectorFacts,
  measured,
  type ServiceFacts,
} from './advise-facts.ts';
import { dissuade, type Judged, recommend, undecided } from './advise-verdict.ts';

type ServiceRule = (facts: AdviseFacts, input: RuleInput) => Advice | undefined;

/** S1-38: throughput is not enough when calls wait or are refused, and there are many of them. */
const FREQUENT_PER_MINUTE = 50;
/** What a call may take in the gateway itself (S3-17, conflicts C4 row 1). */
const GATEWAY_BUDGET_MS = 12;
/** S1-B4. */
const GC_SHARE = 0.1;
const MIN_COLLECTIONS = 50;
const TIERS_MB = [16, 32, 64] as const;
/** Beyond this the loop cannot hold what one slice is promised in (contract.md, event loop). */
const LOOP_STALL_MS = 50;
const MIN_LISTS = 20;
const STALE_SHARE = 0.05;
const MIB = 1_048_576;

function total(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}

/** The gate before any pooling at all (S1-38). */
const gate: ServiceRule = ({ connectors }, { effortAccepted }) => {
  const turnedAway = total(connectors.flatMap((one) => [one.waited, one.refusedPlaces]));
  const rates = connectors.flatMap(({ callsPerMinute }) => callsPerMinute ?? []);
  const busiest = rates.length === 0 ? undefined : Math.max(...rates);
  const judge = (): Judged => {
    if (busiest === undefined || turnedAway === undefined) {
      return undecided('calls and waits were not measured', 'cortex-mcp advise --seconds 300');
    }
    if (turnedAway === 0) return dissuade('throughput is enough: no call waited or was refused');
    if (busiest <= FREQUENT_PER_MINUTE)
      return dissuade('no server gets more than 50 calls a minute');
    if (!effortAccepted) {
      return undecided(
        'the effort is not said to be accepted',
        'cortex-mcp advise --accept-effort',
      );
    }
    return recommend(
      'throughput is short and servers are called often',
      'what S1-51 says of each connector',
    );
  };
  return {
    rule: 'S1-38',
    connector: undefined,
    measured: measured({ waitedOrRefused: turnedAway, busiestPerMinute: busiest }),
    ...judge(),
  };
};

/** Where the time of a call goes, and what that asks for. */
function largestCost(service: ServiceFacts): Judged {
  const { callMeanMs, upstreamMeanMs, waitMeanMs = 0, gcShare = 0, loopP99Ms = 0 } = service;
  if (callMeanMs === undefined || upstreamMeanMs === undefined) {
    return undecided(
      'no calls were measured',
      'cortex-mcp advise --seconds 300 while tools are called',
    );
  }
  const own = Math.max(0, callMeanMs - upstreamMeanMs - waitMeanMs);
  if (waitMeanMs > Math.max(own, upstreamMeanMs)) {
    return recommend('calls mostly wait for a place: throughput → pool', 'what S1-51 says');
  }
  if (gcShare > GC_SHARE) {
    return recommend('the collector holds calls up: garbage → young generation', 'what S1-B4 says');
  }
  if (own > GATEWAY_BUDGET_MS || loopP99Ms > LOOP_STALL_MS) {
    const next =
      'cortex-mcp profile cpu --seconds 60 under this load, and MCP_LIST_PREBUILT=true if it is off';
    return recommend('the gateway itself takes longer than its 12 ms: find out where', next);
  }
  return dissuade('time is spent at the servers, where no setting here helps');
}

/** S3-08: from what costs most to what helps against it. */
const tree: ServiceRule = ({ service }) => ({
  rule: 'S3-08',
  connector: undefined,
  measured: measured({
    callMeanMs: service.callMeanMs,
    upstreamMeanMs: service.upstreamMeanMs,
    waitMeanMs: service.waitMeanMs,
    gcShare: service.gcShare,
    loopP99Ms: service.loopP99Ms,
  }),
  ...largestCost(service),
});

/** A larger young generation when collections take a tenth of the run time (S1-05, S1-B4). */
const semiSpace: ServiceRule = ({ service }) => {
  const { gcShare, minorCollections, semiSpaceMb } = service;
  const judge = (): Judged => {
    if (gcShare === undefined || (minorCollections ?? 0) < MIN_COLLECTIONS) {
      const next = 'ask again after 50 minor collections: mcp_gc_pause_seconds_count{kind="minor"}';
      return undecided('too few collections to judge by', next);
    }
    if (gcShare <= GC_SHARE) return dissuade('collections take no tenth of its run time');
    const larger = TIERS_MB.find((tier) => tier > (semiSpaceMb ?? 0));
    if (larger === undefined) {
      const next = 'cortex-mcp profile heap --seconds 60 shows who allocates';
      return undecided('the largest tier is in use already', next);
    }
    return recommend(
      'collections take more than a tenth of its run time',
      `NODE_OPTIONS=--max-semi-space-size=${larger} cortex-mcp serve; in a drop-in of a unit Environment="NODE_OPTIONS=--max-semi-space-size=${larger}", for pm2 MCP_SEMI_SPACE_MB=${larger}`,
    );
  };
  return {
    rule: 'S1-B4',
    connector: undefined,
    measured: measured({ gcShare, minorCollections, semiSpaceMb }),
    ...judge(),
  };
};

/** Lists that are often served stale, because their connectors are asked too seldom. */
const ttlLong: ServiceRule = ({ service }) => {
  const { lists, staleLists, refreshIntervalMs } = service;
  const judge = (): Judged => {
    if (lists === undefined || staleLists === undefined || lists < MIN_LISTS) {
      const next = 'ask again after 20 lists: mcp_manifest_cache_requests_total';
      return undecided('too few lists were asked for', next);
    }
    if (staleLists / lists <= STALE_SHARE)
      return dissuade('lists are fresh when they are asked for');
    const shorter = Math.max(1_000, Math.floor((refreshIntervalMs ?? 300_000) / 2));
    return recommend('more than 5 % of lists are stale', `"refreshIntervalMs": ${shorter}`);
  };
  return {
    rule: 'ttl-long',
    connector: undefined,
    measured: measured({ lists, staleLists, refreshIntervalMs }),
    ...judge(),
  };
};

/** So many syncs at a time are no load. */
const FEW_CONNECTORS = 16;

/** How many connectors are asked at a time (S4-09). */
const syncConcurrency: ServiceRule = ({ service, connectors }) => {
  const { syncConcurrency: limit, syncP95Ms, loopP99Ms } = service;
  const judge = (): Judged => {
    if (limit === undefined || syncP95Ms === undefined) {
      return undecided('no sync was measured', 'cortex-mcp sync, then ask again');
    }
    if (connectors.length > limit) {
      const next = `MCP_CONNECTOR_SYNC_CONCURRENCY=${Math.min(1_024, connectors.length)}`;
      return recommend('connectors wait for each other at a start', next);
    }
    if ((loopP99Ms ?? 0) <= LOOP_STALL_MS) {
      return dissuade('all connectors are asked at once, and the loop stays free');
    }
    // A handful of connectors holds up nothing: something else does.
    if (connectors.length <= FEW_CONNECTORS) {
      return undecided(
        'the event loop is held up, not by so few connectors',
        'cortex-mcp profile cpu',
      );
    }
    const next = `MCP_CONNECTOR_SYNC_CONCURRENCY=${Math.floor(connectors.length / 2)}`;
    return recommend('the event loop is held up', next);
  };
  return {
    rule: 'sync-concurrency',
    connector: undefined,
    measured: measured({ limit, connectors: connectors.length, syncP95Ms, loopP99Ms }),
    ...judge(),
  };
};

/** Compressed lists, which each client asks for by itself. */
const compression: ServiceRule = ({ service }) => {
  const { host, lists } = service;
  const isHere = host === '127.0.0.1' || host === '::1' || host === 'localhost';
  const next =
    "compare curl -so /dev/null -w '%{size_download}' with and without --compressed for tools/list, over the network of the clients";
  const judged = isHere
    ? dissuade('only this machine reaches it, where bytes cost less than compressing them')
    : undecided(
        'sizes are not measured, and only clients can ask for it (Accept-Encoding: gzip)',
        next,
      );
  return {
    rule: 'compression',
    connector: undefined,
    measured: measured({ host, lists }),
    ...judged,
  };
};

/** S1-B1: the soft limit. */
const HIGH = 0.8;

/** Who holds too much, and what bounds it. */
function tooLarge(connectors: readonly ConnectorFacts[]): string {
  const monitor = 'cortex-mcp monitor shows who holds it';
  const [most] = connectors
    .filter(({ rssBytes }) => rssBytes !== undefined)
    .toSorted((a, b) => (b.rssBytes ?? 0) - (a.rssBytes ?? 0));
  if (most === undefined) return monitor;
  return `${monitor}; if ${most.id} is a Node server, "memory": {"tier": "light"} in mcpServers.${most.id} bounds its heap, "maxRssBytes" all it holds`;
}

/** The smallest tier in which the service and its processes take at most the soft limit. */
const memoryTier: ServiceRule = ({ service, connectors }) => {
  const { rssBytes, memoryLimitBytes, uptimeSeconds } = service;
  const processes = total(connectors.map((one) => one.rssBytes));
  const heldMiB = rssBytes === undefined ? undefined : (rssBytes + (processes ?? 0)) / MIB;
  const judge = (): Judged => {
    if (heldMiB === undefined || uptimeSeconds === undefined || uptimeSeconds < 600) {
      return undecided('it has not run for ten minutes', 'ask again later, under the usual load');
    }
    const tiers = Object.entries(MEMORY_TIERS);
    const tier = tiers.find(([, { memoryMiB }]) => heldMiB <= memoryMiB * HIGH);
    if (tier === undefined) {
      return undecided('it holds more than the largest tier', tooLarge(connectors));
    }
    const [name, { memoryMiB: maxMiB, heapMiB: heap }] = tier;
    if (memoryLimitBytes !== undefined && memoryLimitBytes <= maxMiB * MIB * 1.05) {
      return dissuade('it has a limit that fits');
    }
    return recommend(
      `it fits the tier ${name}, and has no limit that would stop it from taking more`,
      `MemoryMax=${maxMiB}M MemoryHigh=${Math.floor(maxMiB * HIGH)}M MemorySwapMax=0 and NODE_OPTIONS=--max-old-space-size=${heap} in a drop-in of the unit; for pm2 MCP_HEAP_MB=${heap} MCP_MAX_MEMORY=${maxMiB}M`,
    );
  };
  return {
    rule: 'S1-B5',
    connector: undefined,
    measured: measured({
      heldMiB,
      memoryLimitMiB: memoryLimitBytes && memoryLimitBytes / MIB,
      uptimeSeconds,
    }),
    ...judge(),
  };
};

/** The rules that look at the whole service. */
export const SERVICE_RULES: readonly ServiceRule[] = [
  gate,
  tree,
  semiSpace,
  memoryTier,
  ttlLong,
  syncConcurrency,
  compression,
];
