import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { ListCheck } from '../../src/connectors/entry/list-check.ts';
import { connector, connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { openListen } from '../e2e/listen-client.ts';
import { json, legacyAnswer, startWire, type Wire } from '../upstream/http-fixture.ts';

/** A list that is held up for longer than this counts as one more round trip. */
const LATENCY_MS = 200;
const TRIPS = 'mcp_connector_sync_round_trips_total';
/** Lists are looked at again as soon as they can be. */
const EARLY = (): number => 0;
/** Not before the count of the first pass has been read. */
const LATE = (): number => 0.999;

/** A legacy server that adds a tool when it takes `notifications/initialized`: after the first list, if `late`. */
async function startGrowing(late: boolean): Promise<Wire & { lists(): number }> {
  const tools = ['early'];
  let lists = 0;
  const listed = Promise.withResolvers<void>();
  const usual = legacyAnswer((seen, response) => {
    if (seen.message['method'] !== 'tools/list' || seen.headers['mcp-session-id'] === undefined) {
      response.writeHead(405).end();
      return;
    }
    lists += 1;
    const all = tools.map((name) => ({ name, inputSchema: { type: 'object' } }));
    response.once('finish', listed.resolve);
    json(response, { jsonrpc: '2.0', id: seen.message['id'], result: { tools: all } });
  });
  const wire = await startWire(async (seen, response) => {
    if (seen.message['method'] === 'notifications/initialized') {
      if (late) await listed.promise;
      tools.push('grown');
    }
    await usual(seen, response);
  });
  return Object.assign(wire, { lists: () => lists });
}

const inSync = async ({ service: { manager } }: TestGateway): Promise<void> =>
  await waitUntil(() => manager.complete(undefined) && !manager.syncing, {
    describe: 'the first pass is over',
  });

test.for([
  ['by default', {}, 3],
  ['with MCP_CONNECTOR_REFRESH_SYNC', { backgroundRefresh: false }, 4],
  ['without MCP_CONNECTOR_PARALLEL_SYNC', { parallelSync: false }, 4],
  ['without MCP_CONNECTOR_SHARED_AGENT', { sharedAgent: false }, 4],
] as const)(
  'the first pass asks an unknown legacy server %s: round trips counted (S4-01, S4-35)',
  async ([, settings, trips]) => {
    await using upstream = await startUpstream({
      kind: 'legacy-http-session',
      latencyMs: LATENCY_MS,
    });
    const connectors = [connectorFor(upstream, 'l')];
    await using gateway = await startGateway(connectors, settings, { random: LATE });
    await inSync(gateway);
    const metrics = await (await fetch(`${gateway.origin}/metrics`)).text();
    const lines = metrics.split('\n').filter((line) => line.startsWith(TRIPS));
    expect(lines).toEqual([`${TRIPS}{connector="l"} ${trips}`]);
  },
);

test('lists that came before what the server adds are looked at again, and never are stale (S4-07)', async () => {
  await using wire = await startGrowing(true);
  const transport = { kind: 'http', url: wire.url, headers: {} } as const;
  await using gateway = await startGateway([connector('g', transport)], {}, { random: EARLY });
  const { manager } = gateway.service;
  const states = new Set<string>();
  manager.onChange(() => {
    if (manager.served().length > 0) states.add(manager.listConnectors()[0]?.state ?? 'none');
  });
  const names = (): string[] => gateway.service.tools().map(({ name }) => name);
  await waitUntil(() => names().length > 0, { describe: 'the first list' });
  expect(names()).toEqual(['g__early']);
  await using listen = await openListen(gateway.url(), { toolsListChanged: true });
  await listen.next();
  let told = 0;
  do {
    expect(await listen.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
    told += 1;
  } while (names().length < 2);
  // Clients may hear of the first pass as well.
  expect(told).toBeLessThanOrEqual(2);
  expect(names()).toEqual(['g__early', 'g__grown']);
  expect([...states]).toEqual(['fresh']);
  expect(wire.lists()).toBe(2);
});

test('with MCP_CONNECTOR_REFRESH_SYNC lists are complete at once, and nobody looks at them again', async () => {
  await using wire = await startGrowing(false);
  const transport = { kind: 'http', url: wire.url, headers: {} } as const;
  const settings = { backgroundRefresh: false };
  await using gateway = await startGateway([connector('g', transport)], settings);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  expect(gateway.service.tools().map(({ name }) => name)).toEqual(['g__early', 'g__grown']);
  const order = wire.methods().filter((method) => /initialized|tools\/list/.test(method));
  expect(order.slice(-2)).toEqual(['notifications/initialized', 'tools/list']);
});

test('ListCheck has lists looked at that came early, where somebody will and the sync did not fail', () => {
  const checked: string[] = [];
  const checker = { running: true, checkSoon: (id: string) => void checked.push(id) };
  const check = new ListCheck('a', checker);
  check.synced('synced');
  expect(checked).toEqual([]);
  expect(check.expect()).toBe(true);
  check.synced('failed');
  check.synced('synced');
  expect(checked).toEqual([]);
  expect(check.expect()).toBe(true);
  check.synced('unchanged');
  check.synced('unchanged');
  expect(checked).toEqual(['a']);
  expect(new ListCheck('a', { ...checker, running: false }).expect()).toBe(false);
  expect(new ListCheck('a', undefined).expect()).toBe(false);
});
