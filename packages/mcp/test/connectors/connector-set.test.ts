import { DEFAULT_SETTINGS } from '../../src/service/default-settings.ts';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { waitUntil } from '@cortex-os/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { createConnectorSet, type ConnectorSet } from '../../src/service/connector-set.ts';
import type { ServiceMapSettings } from '../../src/connectors/map/map-settings.ts';
import { Secret } from '../../src/connectors/secret.ts';
import { hmacKey, type HmacKey } from '../../src/connectors/map/signature-keys.ts';
import { signServiceMap } from '../../src/connectors/map/signature.ts';
import type { ServiceSettings } from '../../src/service/service-options.ts';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import { startCensus } from '../proofs/resource-census.ts';
import { entry, KEY, mapWith, tempFolder, useClosers } from './service-map-fixture.ts';

useClosers();

/** A producer of maps with these connectors; how it answers may be changed. */
async function producer(ids: readonly string[], key: HmacKey = KEY) {
  const it = {
    url: '',
    requests: 0,
    ids,
    key,
    mode: 'serve' as 'serve' | 'refuse' | 'hang' | 'replay',
  };
  let generatedAtMs = Date.now() - 60_000;
  const server = createServer((_request, response) => {
    it.requests += 1;
    if (it.mode === 'hang') return;
    if (it.mode === 'refuse') {
      response.writeHead(500).end();
      return;
    }
    generatedAtMs += 1;
    const backMs = it.mode === 'replay' ? 60_000 : 0;
    const generatedAt = new Date(generatedAtMs - backMs).toISOString();
    const connectors = it.ids.map((id) => entry(id));
    response.end(JSON.stringify(signServiceMap(mapWith({ generatedAt, connectors }), it.key)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  it.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/map`;
  return it;
}

function settingsFor(url: string, more: Partial<ServiceMapSettings> = {}): ServiceMapSettings {
  return {
    source: { kind: 'url', url: new Secret(url), apiKey: undefined },
    shown: url,
    keys: new Secret([KEY]),
    allowHosts: [],
    allowCommands: [],
    allowVariables: [],
    sharedKeyFor: [],
    maxStaleMs: undefined,
    timeoutMs: 1_000,
    maxBytes: undefined,
    ...more,
  };
}

/** What a list waits for after the map. */
const nothing = (): undefined => undefined;

interface Rig {
  readonly set: ConnectorSet;
  /** What `changed` was told, ids only. */
  readonly told: string[];
  readonly ids: () => string;
}

function rig(
  serviceMap: ServiceMapSettings | undefined,
  more: { readonly mapFolder?: string; readonly settings?: Partial<ServiceSettings> } = {},
): Rig {
  const agents = createSharedAgents();
  const told: string[] = [];
  const set = createConnectorSet({
    connectors: [],
    serviceMap,
    mapFolder: more.mapFolder,
    baseEnv: {},
    settings: { ...DEFAULT_SETTINGS, ...more.settings },
    logger: pino({ level: 'silent' }),
    random: () => 0.5,
    agents,
    changed: (connectors) => {
      told.push(connectors.map(({ id }) => id).join());
      return Promise.resolve();
    },
  });
  onTestFinished(async () => {
    await set.stop();
    await agents.close();
  });
  const ids = (): string =>
    set
      .current()
      .map(({ id }) => id)
      .join();
  return { set, told, ids };
}

/** Started, with the first map in force. */
async function started(...args: Parameters<typeof rig>): Promise<Rig> {
  const it = rig(...args);
  it.set.start();
  await waitUntil(() => it.told.length === 1, { describe: 'the first map is there' });
  return it;
}

test('setMap() follows another URL; the old map stays in force until the new one is there (S4-07)', async () => {
  const one = await producer(['a', 'b']);
  const two = await producer(['b', 'c']);
  const { set, told, ids } = await started(settingsFor(one.url));
  two.mode = 'hang';
  const switching = set.setMap(settingsFor(two.url, { timeoutMs: 300 }));
  await waitUntil(() => two.requests === 1, { describe: 'the new producer is asked' });
  expect(ids()).toBe('a,b');
  two.mode = 'serve';
  await switching;
  // The first fetch of the new source failed: nothing of the old one is authoritative any more.
  expect(ids()).toBe('');
  await set.refresh();
  expect(ids()).toBe('b,c');
  expect(set.status()?.source).toBe(two.url);
  expect(told).toEqual(['a,b', '', 'b,c']);
  const asked = one.requests;
  await set.refresh();
  expect(one.requests).toBe(asked);
});

test('setMap() to a source that answers changes the connectors in one step, told once', async () => {
  const one = await producer(['a']);
  const two = await producer(['b']);
  const { set, told } = await started(settingsFor(one.url));
  await set.setMap(settingsFor(two.url));
  expect(told).toEqual(['a', 'b']);
});

test.each([true, false])(
  'setMap() keeps the map of the same source through an outage, by the new settings (kept on disk: %s)',
  async (onDisk) => {
    const maps = await producer(['a']);
    const mapFolder = onDisk ? { mapFolder: await tempFolder() } : {};
    const { set, ids } = await started(settingsFor(maps.url), mapFolder);
    maps.ids = ['other'];
    maps.mode = 'refuse';
    const before = set.status();
    await set.setMap(settingsFor(maps.url, { timeoutMs: 2_000, allowHosts: ['h.example'] }));
    expect(ids()).toBe('a');
    expect(set.allowedHosts).toEqual(['h.example']);
    expect(set.status()).toMatchObject({ state: 'fresh', generatedAt: before?.generatedAt });
    // The time of the map goes on as it was.
    expect(set.status()?.usableForMs).toBeLessThanOrEqual(before?.usableForMs ?? 0);
    await waitUntil(() => set.status()?.failuresInARow === 1, { describe: 'it is fetched anew' });
  },
);

test('what the policy allows takes effect with setMap(), without another map', async () => {
  const maps = await producer(['a']);
  const { set } = await started(settingsFor(maps.url));
  maps.mode = 'refuse';
  expect(set.current()[0]?.problem).toBeUndefined();
  await set.setMap(settingsFor(maps.url, { sharedKeyFor: ['a'] }));
  const [kept] = set.current();
  await set.setMap(settingsFor(maps.url, { sharedKeyFor: ['a'] }));
  // Read anew by other settings, the same all the same.
  expect(set.current()).toEqual([kept]);
});

test('setMap() drops a map that the new keys do not verify, and takes one that they do (B3)', async () => {
  const maps = await producer(['a']);
  const { set, ids } = await started(settingsFor(maps.url));
  const next = hmacKey('the next secret');
  maps.mode = 'refuse';
  await set.setMap(settingsFor(maps.url, { keys: new Secret([next]) }));
  expect(ids()).toBe('');
  maps.mode = 'serve';
  maps.key = next;
  await set.setMap(settingsFor(maps.url, { keys: new Secret([next, KEY]) }));
  expect(ids()).toBe('a');
  maps.mode = 'refuse';
  await set.setMap(settingsFor(maps.url, { keys: new Secret([KEY]) }));
  expect(ids()).toBe('');
});

test('setMap() never goes back behind a map that was accepted before (defect 12)', async () => {
  const maps = await producer(['a']);
  const { set, ids } = await started(settingsFor(maps.url));
  maps.mode = 'replay';
  await set.setMap(settingsFor(maps.url, { timeoutMs: 900 }));
  await set.refresh();
  expect(ids()).toBe('a');
  expect(set.status()?.lastError?.code).toBe('MAP_REPLAYED');
});

test('setMap(undefined) ends following; a map may begin to be followed later', async () => {
  const maps = await producer(['a']);
  const { set, told, ids } = await started(settingsFor(maps.url));
  await set.setMap(undefined);
  expect([ids(), set.status(), set.settled, set.allowedHosts]).toEqual(['', undefined, true, []]);
  await set.refresh();
  await set.setMap(settingsFor(maps.url));
  expect(told).toEqual(['a', '', 'a']);
});

test('setMap() before the start fetches nothing', async () => {
  const maps = await producer(['a']);
  const { set } = rig(undefined);
  await set.setMap(settingsFor(maps.url));
  expect(maps.requests).toBe(0);
  set.start();
  await waitUntil(() => set.current().length === 1, { describe: 'the map is there' });
});

test('of changes at once the last wins; stop() ends one that is under way', async () => {
  const all = await Promise.all([producer(['a']), producer(['b']), producer(['c'])]);
  const [one, two, three] = all;
  const { set, ids } = await started(settingsFor(one.url));
  await Promise.all([
    set.setMap(settingsFor(two.url)),
    set.setMap(settingsFor(one.url)),
    set.setMap(settingsFor(three.url)),
  ]);
  expect(ids()).toBe('c');
  two.mode = 'hang';
  const switching = set.setMap(settingsFor(two.url, { timeoutMs: 60_000 }));
  const asked = two.requests;
  await waitUntil(() => two.requests > asked, { describe: 'the new producer is asked' });
  const startedAt = performance.now();
  await set.stop();
  await switching;
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  await set.setMap(settingsFor(one.url));
  expect(two.requests).toBe(asked + 1);
});

test('a hundred changes leave no timer and no socket behind', async () => {
  const [one, two] = await Promise.all([producer(['a']), producer(['b'])]);
  const { set } = await started(settingsFor(one.url));
  await set.setMap(settingsFor(two.url));
  await set.setMap(settingsFor(one.url));
  const idle = (): Readonly<Record<string, number>> => ({ ...census.opened() });
  using census = startCensus();
  for (let change = 0; change < 100; change += 1) {
    await set.setMap(settingsFor(change % 2 === 0 ? two.url : one.url));
  }
  await set.stop();
  // Those of the agents are reused; timers of fetches and refreshes are all gone.
  await waitUntil(() => (idle()['Timeout'] ?? 0) <= 2, { describe: 'no timers are left' });
  expect(idle()['TCPWRAP'] ?? 0).toBeLessThanOrEqual(4);
});

test('MCP_CONNECTOR_REFRESH_SYNC: a list waits for a map that is due, and none is fetched without a list (S4-19)', async () => {
  const maps = await producer(['a']);
  const { set, told } = await started(settingsFor(maps.url), {
    settings: { backgroundRefresh: false },
  });
  expect(set.before(nothing)).toBeUndefined();
  expect(maps.requests).toBe(1);
  maps.mode = 'refuse';
  await set.refresh();
  maps.mode = 'serve';
  maps.ids = ['b'];
  // The refused map is fetched again only when a list comes after its backoff.
  let waiting: Promise<void> | undefined;
  await waitUntil(() => set.status()?.nextFetchInMs === 0, { describe: 'the retry is due' });
  expect(maps.requests).toBe(2);
  await waitUntil(() => (waiting = set.before(nothing)) !== undefined, {
    describe: 'a list waits',
  });
  await waiting;
  expect(maps.requests).toBe(3);
  expect(told.at(-1)).toBe('b');
});
