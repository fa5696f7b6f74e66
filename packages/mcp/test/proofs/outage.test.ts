import { expect, test } from 'vitest';
import { CatalogCell } from '../../src/catalog/catalog.ts';
import { feedCatalog } from '../../src/service/catalog-feed.ts';
import { definitionsOfMap } from '../../src/connectors/map/map-definition.ts';
import { MapFollower } from '../../src/connectors/map/map-follower.ts';
import { ConnectorProxyManager } from '../../src/connectors/manager.ts';
import { loadConnectorServiceMap } from '../../src/connectors/map/service-map.ts';
import { ServiceMapError } from '../../src/connectors/map/service-map-error.ts';
import { LIST_KINDS } from '../../src/protocol/list-kind.ts';
import type { Upstream, UpstreamAccess } from '../../src/upstream/upstream.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { advance, useFakeTime } from '../connectors/fake-time.ts';
import { seeded } from '../connectors/refresh-scheduler-fixture.ts';
import { entry, keys, signed } from '../connectors/service-map-fixture.ts';

useFakeTime();

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const INTERVAL = 5 * MINUTE;
const MAX_BACKOFF_MS = 5 * MINUTE;
const CONNECTORS = 10;
/** A day is simulated in seconds, but the machine may be busy. */
const PATIENT = { timeout: 60_000 };
const IDS = Array.from({ length: CONNECTORS }, (_, index) => `c${index}`);

interface Server {
  isUp: boolean;
  readonly ttlMs: number;
  /** When it was asked to connect, in milliseconds since the start of the test. */
  readonly attempts: number[];
}

/** An upstream in memory: connected as long as its server is up, and asked again when it is not. */
function inMemory(connectorId: string, server: Server, startMs: number): Upstream {
  const info = {
    era: 'modern',
    protocolVersion: '2026-07-28',
    capabilities: { tools: {}, prompts: {} },
    serverInfo: { name: connectorId, version: '1' },
    instructions: undefined,
  } as const;
  const ask = (phase: 'connect' | 'list'): void => {
    if (server.isUp) return;
    throw new UpstreamError('CONNECT_FAILED', 'nothing listens there', { connectorId, phase });
  };
  const { ttlMs } = server;
  return {
    connectorId,
    info: undefined,
    phase: 'connect',
    connect: async () => {
      server.attempts.push(performance.now() - startMs);
      ask('connect');
      return info;
    },
    request: async (method) => {
      ask('list');
      const kind = method === 'tools/list' ? 'tools' : 'prompts';
      const items = [{ name: `${kind}_one` }, { name: `${kind}_two` }];
      return JSON.stringify({ [kind]: items, ttlMs, cacheScope: 'public' });
    },
    forward: () => {
      throw new Error('nothing is called here');
    },
    setInterest: async () => undefined,
    close: async () => undefined,
  };
}

/** Map, manager and catalog as the service wires them, over servers in memory. */
async function startRig(ttlMs: number, mapTtlSeconds = 300) {
  const startMs = performance.now();
  const random = seeded(42);
  const servers = new Map<string, Server>(
    IDS.map((id) => [id, { isUp: true, ttlMs, attempts: [] }]),
  );
  const policy = {
    trust: { allowedHosts: [], allowedCommands: [] },
    sharedKeyFor: [],
    env: {},
  };
  const state = { mapIsUp: true, mapFetches: 0 };
  const manager = new ConnectorProxyManager({
    connectors: [],
    random,
    refreshIntervalMs: INTERVAL,
    createUpstream: ({ id }) => {
      const server = servers.get(id);
      if (server === undefined) throw new RangeError(`no server ${id}`);
      return inMemory(id, server, startMs);
    },
  });
  const follower = new MapFollower({
    source: 'https://maps.example/map',
    fetch: async () => {
      state.mapFetches += 1;
      if (!state.mapIsUp) throw new ServiceMapError('MAP_UNREACHABLE', 'The map cannot be read');
      const ttlSeconds = mapTtlSeconds;
      const map = signed({ connectors: IDS.map((id) => entry(id)), ttlSeconds });
      return await loadConnectorServiceMap({ keys, source: { kind: 'inline', map } });
    },
    restore: async () => undefined,
    onMap: async (map) => {
      await manager.apply(map === undefined ? [] : definitionsOfMap(map, policy));
    },
    random,
    onError: () => undefined, // an outage is what this is about
  });
  const cell = new CatalogCell<UpstreamAccess>();
  const feed = feedCatalog(
    manager,
    cell,
    { separator: '__', prebuilt: true, duration: { observe: () => undefined } },
    (error) => {
      throw error;
    },
  );
  manager.start();
  follower.start();
  return {
    state,
    servers,
    manager,
    follower,
    lists: () => {
      void manager.listWanted(undefined); // a client asks
      return LIST_KINDS.map((kind) => cell.current.all.lists[kind].bytes('modern').toString()).join(
        '\n',
      );
    },
    stop: async () => {
      await follower.stop();
      feed.stop();
      await manager.disconnect();
    },
  };
}

function serverOf(rig: Rig, id: string): Server {
  const server = rig.servers.get(id);
  if (server === undefined) throw new RangeError(`no server ${id}`);
  return server;
}

type Rig = Awaited<ReturnType<typeof startRig>>;

function setOutage(rig: Rig, servers: readonly Server[], isUp: boolean): void {
  rig.state.mapIsUp = isUp;
  for (const server of servers) server.isUp = isUp;
}

/** Connectors whose last sync failed, or that have none. */
const troubled = (rig: Rig): readonly string[] =>
  rig.manager
    .listConnectors()
    .filter(({ state, failure }) => state === 'unavailable' || failure !== undefined)
    .map(({ id }) => id);

/** A client looks once a minute. @returns the minutes in which a list differed from `expected`. */
async function watchLists(rig: Rig, minutes: number, expected: string): Promise<readonly number[]> {
  const differing: number[] = [];
  for (let minute = 1; minute <= minutes; minute += 1) {
    await advance(MINUTE);
    if (rig.lists() !== expected) differing.push(minute);
  }
  return differing;
}

interface Outage {
  /** Minutes in which a list differed, during the outage and in the interval after it. */
  readonly differing: readonly number[];
  /** Times a server that was down was asked. */
  readonly attempts: readonly number[];
  readonly mapFetches: number;
}

/** Half the servers and the map are down for so long, then one interval passes. Checks the recovery. */
async function liveThrough(rig: Rig, outageMs: number): Promise<Outage> {
  const down = IDS.filter((_, index) => index % 2 === 0).map((id) => serverOf(rig, id));
  await advance(20 * MINUTE);
  const before = rig.lists();
  expect(before.match(/__tools_two/g)).toHaveLength(CONNECTORS);
  const asked = down.map(({ attempts }) => attempts.length);
  const { mapFetches } = rig.state;
  setOutage(rig, down, false);
  const during = await watchLists(rig, outageMs / MINUTE, before);
  expect(rig.follower.status()).toMatchObject({ lastError: { code: 'MAP_UNREACHABLE' } });
  const outage = {
    attempts: down.map(({ attempts }, index) => attempts.length - (asked[index] ?? 0)),
    mapFetches: rig.state.mapFetches - mapFetches,
  };
  setOutage(rig, down, true);
  const after = await watchLists(rig, INTERVAL / MINUTE, before);
  // A refresh that began in the last minute takes turns of its own: the clock was moved past it.
  await advance(1);
  expect(troubled(rig)).toEqual([]);
  expect(rig.follower.status()).toMatchObject({ state: 'fresh', failuresInARow: 0 });
  return { ...outage, differing: [...during, ...after] };
}

/** Waits are drawn from [0, cap): half of it on average, and a second draw may be made for those who ask for a list. */
function expectBounded(attempts: readonly number[], outageMs: number, capMs: number): void {
  for (const count of attempts) {
    expect(count).toBeGreaterThan(outageMs / capMs);
    expect(count).toBeLessThan((2 * outageMs) / (capMs / 2));
  }
}

test.each([
  { ttl: '1 h', ttlMs: HOUR, mapTtlSeconds: 60 },
  { ttl: '1 h', ttlMs: HOUR, mapTtlSeconds: 300 },
  { ttl: '10 h', ttlMs: 10 * HOUR, mapTtlSeconds: 3_600 },
])(
  '24 hours with the map and half the upstreams down change no list; all is well one interval later (S4-08, S4-30, B7.3): TTL $ttl, of the map $mapTtlSeconds s',
  PATIENT,
  async ({ ttlMs, mapTtlSeconds }) => {
    const rig = await startRig(ttlMs, mapTtlSeconds);
    const { differing, attempts, mapFetches } = await liveThrough(rig, DAY);
    expect(differing).toEqual([]);
    expectBounded(attempts, DAY, MAX_BACKOFF_MS);
    expectBounded([mapFetches], DAY, Math.min(MAX_BACKOFF_MS, mapTtlSeconds * 1_000));
    await rig.stop();
  },
);

test.each([
  { ttl: 'none', ttlMs: 0, capMs: MAX_BACKOFF_MS },
  { ttl: '1 min', ttlMs: MINUTE, capMs: MINUTE },
  { ttl: '5 min', ttlMs: 5 * MINUTE, capMs: MAX_BACKOFF_MS },
])(
  'an outage of 24 hours changes no list, however short its TTL (S4-08, B7.3): TTL $ttl',
  PATIENT,
  async ({ ttlMs, capMs }) => {
    const outageMs = DAY;
    const rig = await startRig(ttlMs);
    const { differing, attempts } = await liveThrough(rig, outageMs);
    expect(differing).toEqual([]);
    expectBounded(attempts, outageMs, capMs);
    await rig.stop();
  },
);
