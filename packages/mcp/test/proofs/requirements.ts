/** A test that shows a requirement: its file below `packages/mcp`, and its name as it stands in the source. */
export interface Citation {
  readonly file: string;
  readonly name: string;
}

const cite = (file: string, ...names: readonly string[]): readonly Citation[] =>
  names.map((name) => ({ file: `test/${file}.test.ts`, name }));

/** Defects of the earlier build (B7) that concern connectors and the remote proxy, with the tests that show them gone. */
export const DEFECTS: Readonly<Record<string, readonly Citation[]>> = {
  'B7.1': cite(
    'connectors/cache',
    'defect 1: after expiry the last good value is served, never the one before',
  ),
  'B7.2': cite(
    'connectors/cache',
    'defect 2: a value past its TTL is fetched again, is told from a fresh one, and has an end',
  ),
  'B7.3': [
    ...cite(
      'connectors/cache-failure',
      'defect 3: a held-back or failing upstream never hides a usable value',
    ),
    ...cite(
      'connectors/map-follower',
      'an outage leaves the last good map in force as stale, with the reason by name, and ends within one interval (B7.3)',
    ),
    ...cite(
      'proofs/outage',
      '24 hours with the map and half the upstreams down change no list; all is well one interval later (S4-08, S4-30, B7.3): TTL $ttl, of the map $mapTtlSeconds s',
    ),
  ],
  'B7.4': [
    ...cite(
      'connectors/manager',
      'adds, replaces and removes, and leaves no child of what it took away (B7.4, B7.5)',
    ),
    ...cite(
      'e2e/service-map',
      'B7.4 a connector that leaves the map, or is disabled in it, takes its tools along; an added one brings its own',
    ),
    ...cite(
      'http/metrics',
      'apply() makes the series of a removed connector vanish, and those of the others stay (S4-B9)',
    ),
  ],
  'B7.5': [
    ...cite(
      'e2e/service-map',
      'B7.5 a changed endpoint of an id is followed: later calls reach the new server only',
    ),
    ...cite(
      'upstream/late-upstream',
      'a changed value makes a new upstream at the next connect; calls on the old one end first',
    ),
  ],
  'B7.6': cite(
    'connectors/manager',
    'reports every connector, isolates failures and names their phase (S4-09, B7.6)',
    'a connector that was down at the start is there by itself once it is up (B7.6)',
  ),
  'B7.7': [
    ...cite('connectors/manager', 'three calls at once make one pass (B7.7)'),
    ...cite('connectors/cache', 'defect 7: any number of callers share one fetch (M5)'),
  ],
  'B7.8': [
    ...cite(
      'connectors/refresh-scheduler',
      'defect 8: forceRefresh() moves the timer and never adds one',
      'defect 8: a connector is never refreshed twice at once; a forced one follows the running one',
    ),
    ...cite(
      'connectors/refresh-scheduler-process',
      'defect 8: an armed scheduler keeps no process alive',
    ),
  ],
  'B7.9': [
    ...cite(
      'connectors/refresh-scheduler',
      'defect 9: nothing runs before start(), and the first refresh comes at once',
      'defect 9: stop() signals and awaits running refreshes; start() takes up again (S4-24)',
    ),
    ...cite(
      'connectors/manager',
      'disconnect() during a pass ends it and resurrects nothing (B7.9, B7.15)',
    ),
  ],
  'B7.10': [
    ...cite('config/flags', 'readBooleanVariable() reads %j as %j (B7.10)'),
    ...cite(
      'config/config',
      'loadConfig() keeps an unusable refresh interval of the earlier build working, with a warning (B1, B7.10)',
    ),
    ...cite('connectors/flags', 'a list asks what is stale and shows what it learned'),
  ],
  'B7.11': [
    ...cite(
      'connectors/service-map-source',
      'defect 11: a body over the cap is refused as it arrives, before its end',
      'defect 11: the deadline covers the body, not only the headers',
      'defect 11: the body %j is refused by name',
    ),
    ...cite(
      'e2e/service-map',
      'B7.11, B7.12 a map that is bad, replayed, future, oversize or slow is refused by name, and the last good one stays',
    ),
  ],
  'B7.12': [
    ...cite(
      'connectors/service-map',
      'defect 12: expired, future and never-fresh maps are refused by name',
      'defect 12: a replayed map is refused, the newest stays, and the operator may override',
    ),
    ...cite(
      'e2e/map-credentials',
      'quotas of the map are enforced with QUOTA_EXCEEDED and retryAfterMs, and survive a change of the entry (B7.12)',
      'timeouts and TTL of the map are enforced for that connector (B7.12)',
    ),
  ],
  'B7.13': [
    ...cite(
      'connectors/service-map-source',
      'defect 13: redirects are refused, the target is never asked',
    ),
    ...cite(
      'e2e/service-map',
      'B7.13 remote entries are held to trust: no command, no plain http, no private host, unless allowed by name',
    ),
    ...cite(
      'e2e/map-credentials',
      'B7.13 each connector is sent its own key and nobody else sees it; no inbound Authorization is passed on (S8)',
    ),
    ...cite(
      'connectors/manager',
      'a thousand tools are the most of one connector; the rest is left out and named',
    ),
  ],
  'B7.14': [
    ...cite(
      'proofs/remote-proxy',
      'B7.14 errors of one user’s calls leave a %s connector, its connection and the calls of others alone',
    ),
    ...cite(
      'gateway/call-deadlines',
      'a call without progress expires at its idle timeout, within a tick',
      'progress resets the idle timeout, and the hard cap ends even a busy call',
    ),
    ...cite('gateway/endpoint', 'closing the request cancels the call upstream'),
    ...cite(
      'upstream/stdio-upstream',
      'a program that does not read its input fails calls that would queue without bound',
    ),
  ],
  'B7.15': [
    ...cite(
      'proofs/leaks',
      'a hundred reconnects leave no timer, socket, child or listener behind (S4-32, B7.15)',
    ),
    ...cite(
      'upstream/stdio-upstream',
      'close() fails calls with CLOSED, ends the process, and nothing starts it again (B7.15)',
    ),
    ...cite(
      'upstream/notification-stream-policy',
      'delayMs() grows with every short life, from the floor to the cap',
    ),
  ],
  'B7.16': [
    ...cite('connectors/manager', 'every page of a list is fetched'),
    ...cite(
      'e2e/list-changed',
      'a tool added to a %s server is in the catalog within 3 s, without being asked for (M10)',
    ),
    ...cite(
      'upstream/notification-stream-bounds',
      'fifty reconnects leave one stream, and close() leaves no socket and no timer',
    ),
  ],
  'B7.17': cite(
    'proofs/remote-proxy',
    'B7.17 neither arguments nor results of a call are logged at info, whatever becomes of it',
  ),
  'B7.18': [
    ...cite(
      'proofs/remote-proxy',
      'B7.18 a %s client gets results as the server gives them: isError, structured content, images; error codes are those of JSON-RPC',
    ),
    ...cite(
      'gateway/endpoint',
      'initialize answers with the client’s revision and opens a session',
      'the GET stream tells of a list that changed, once, and is the only one of its session',
    ),
  ],
};

/**
 * What the source document asks of the gateway (S4-01 to S4-38). Not here: documents, effort, dependencies, file names
 * (S4-04, 05, 11 to 18, 21 to 23) and the registry (S4-03, 10, 28, 33). S4-01 is shown by `bench/sync-cold.bench.ts`.
 */
export const REQUIREMENTS: Readonly<Record<string, readonly Citation[]>> = {
  'S4-02': cite(
    'http/metrics-of-calls',
    'mcp_tool_call_duration_seconds measures from the request to the answer (S4-02)',
  ),
  'S4-06': cite('upstream/agent', 'requests reuse one socket when they follow each other'),
  'S4-07': cite(
    'connectors/refresh-scheduler-due',
    '1,000 replicas spread: no 1 %% slice of the jitter window has over 3 %% of refreshes %s (S4-07)',
  ),
  'S4-08': cite(
    'connectors/cache',
    'get() goes from missing to fresh, stale and expired by the TTL (S4-25, S4-08)',
  ),
  'S4-09': cite(
    'connectors/manager',
    'reports every connector, isolates failures and names their phase (S4-09, B7.6)',
    'connectors are synced at the same time; a bound of 1 is one after the other',
  ),
  'S4-19': cite('config/flags', 'parseConnectorFeatureFlags(%j) is %j (B1, B7.10, S4-19)'),
  'S4-20': cite(
    'config/config',
    'loadConfig() keeps an unusable refresh interval of the earlier build working, with a warning (B1, B7.10)',
  ),
  'S4-24': cite(
    'connectors/refresh-scheduler-due',
    'the interval is a cap, and jitter only takes off it: [0.8, 1] × interval (S4-24, S4-B1)',
  ),
  'S4-25': cite(
    'connectors/cache',
    'invalidate() makes the value stale at once and lifts the wait (M10, S4-25)',
  ),
  'S4-26': cite('connectors/flags', 'every list asks the servers, whatever their TTL'),
  'S4-27': cite(
    'connectors/service-map',
    'loadConnectorServiceMap() refuses unsigned and wrongly signed maps from a URL',
  ),
  'S4-29': cite(
    'connectors/cache',
    'the least TTL of all pages counts, capped at 24 h (M1, S4-29)',
  ),
  'S4-30': cite(
    'connectors/cache-failure',
    'a malformed answer keeps the good value but no longer calls it fresh (S4-30)',
  ),
  'S4-31': cite(
    'proofs/leaks',
    'a hundred reconciles leave no timer, socket, child, listener or metric behind (S4-31, S4-32, B7.4)',
  ),
  'S4-32': cite(
    'proofs/leaks',
    'a hundred refreshes leave no timer, socket, child or listener behind (S4-32)',
  ),
  'S4-34': cite(
    'config/rollout',
    'outside the cohort MCP_CONNECTOR_REFRESH_SYNC is on, and says why',
  ),
  'S4-35': cite(
    'config/rollout',
    'a rollout of %i percent takes that share of the instances (S4-35)',
  ),
  'S4-36': cite('config/rollout', 'raising the percentage only adds instances (S4-36, S4-37)'),
  'S4-37': cite('config/rollout', 'raising the percentage only adds instances (S4-36, S4-37)'),
  'S4-38': [
    {
      file: 'test-long/pm2-rollback.test.ts',
      name: 'MCP_CONNECTOR_REFRESH_SYNC=true pm2 restart cortex-mcp --update-env ends background refresh, =false brings it back (S4-19, S4-38, B7.28)',
    },
  ],
};
