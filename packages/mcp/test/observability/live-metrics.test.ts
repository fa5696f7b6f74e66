import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import {
  entryFor,
  hostOf,
  mapSettings,
  signedMap,
  startMapGateway,
  startMapServer,
} from '../e2e/map-fixture.ts';
import { answerCall, startPathServer } from '../e2e/path-server.ts';
import { send, sendModern } from '../gateway/raw-client.ts';
import { call, scrape, startSynced } from '../http/scrape.ts';
import { createFetchMetrics } from '../../src/observability/fetch-metrics.ts';
import { Registry } from 'prom-client';
import { parseExposition, type Exposition } from './exposition.ts';

/** Places of connector `c`: all, in use, and calls that wait for one. */
const places = (seen: Exposition) =>
  ['mcp_pool_places', 'mcp_pool_places_in_use', 'mcp_pool_places_waiting'].map((name) =>
    seen.value(name, { connector: 'c' }),
  );

test('mcp_pool_places… and mcp_pool_wait_seconds show who is busy and who waits, by connector (R10, S2-35)', async () => {
  const held: (() => void)[] = [];
  await using server = await startPathServer((_path, seen, response) => {
    held.push(() => answerCall(seen, response));
  });
  const bulkhead = { maxInFlight: 2, maxQueued: 1 };
  await using gateway = await startSynced([server.connector('c', { bulkhead })]);
  expect(places(await scrape(gateway))).toEqual([2, 0, 0]);
  const calls = [1, 2, 3].map(async () => await call(gateway, 'c__echo'));
  await waitUntil(async () => places(await scrape(gateway))[2] === 1, { describe: 'one waits' });
  const busy = await scrape(gateway);
  expect(places(busy)).toEqual([2, 2, 1]);
  const requests = { pool: 'requests', origin: 'local' };
  expect(busy.value('mcp_pool_sockets', { ...requests, state: 'busy' })).toBe(2);
  expect(busy.value('mcp_pool_wait_seconds_count', { connector: 'c' })).toBeUndefined();
  for (const answer of held.splice(0)) answer();
  await waitUntil(() => held.length === 1, { describe: 'the third was sent' });
  held[0]?.();
  await Promise.all(calls);
  const after = await scrape(gateway);
  expect(places(after)).toEqual([2, 0, 0]);
  expect(after.value('mcp_pool_wait_seconds_count', { connector: 'c' })).toBe(1);
  expect(after.value('mcp_pool_sockets', { ...requests, state: 'busy' })).toBe(0);
  expect(after.value('mcp_pool_sockets', { ...requests, state: 'idle' })).toBeGreaterThan(0);
  // The series of a connector go with it.
  await gateway.service.apply([]);
  const gone = (await scrape(gateway)).samples.filter(({ labels }) => labels['connector'] === 'c');
  expect(gone).toEqual([]);
});

test('a call that waits in vain counts as a wait too', async () => {
  await using server = await startPathServer(() => undefined);
  const bulkhead = { maxInFlight: 1, maxQueued: 1, queueTimeoutMs: 20 };
  await using gateway = await startSynced([server.connector('c', { bulkhead })]);
  const hung = call(gateway, 'c__echo').catch(() => undefined); // ends with the gateway
  await waitUntil(() => server.hits('/c') === 1, { describe: 'the place is taken' });
  await call(gateway, 'c__echo');
  const seen = await scrape(gateway);
  expect(seen.value('mcp_pool_wait_seconds_count', { connector: 'c' })).toBe(1);
  await gateway.service.close();
  await hung;
});

test('mcp_tool_call_upstream_duration_seconds is the server’s part of mcp_tool_call_duration_seconds (R10)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 40 });
  await using gateway = await startSynced([connectorFor(upstream, 'm')]);
  await call(gateway, 'm__echo', { message: 'a' });
  await sendModern(gateway.url(), 'resources/read', { uri: 'test://no/such' });
  const { value } = await scrape(gateway);
  const whole = value('mcp_tool_call_duration_seconds_sum', { connector: 'm', outcome: 'ok' }) ?? 0;
  const part = value('mcp_tool_call_upstream_duration_seconds_sum', { connector: 'm' }) ?? 0;
  expect(value('mcp_tool_call_upstream_duration_seconds_count', { connector: 'm' })).toBe(1);
  expect(part).toBeGreaterThan(0.035);
  expect(part).toBeLessThanOrEqual(whole);
});

/** Lists that were hits, stale, and misses. */
async function lists(gateway: TestGateway): Promise<(number | undefined)[]> {
  const { value } = await scrape(gateway);
  return ['hit', 'stale', 'miss'].map((result) =>
    value('mcp_manifest_cache_requests_total', { result }),
  );
}

test('mcp_manifest_cache_requests_total tells lists from memory from those that waited (R10)', async () => {
  await using server = await startPathServer((_path, seen, response) => answerCall(seen, response));
  await using gateway = await startGateway([server.connector('m')], {
    backgroundRefresh: false,
    manifestCache: false,
  });
  await using cached = await startSynced([server.connector('m')]);
  expect(await lists(cached)).toEqual([0, 0, 0]);
  await sendModern(cached.url(), 'tools/list');
  expect(await lists(cached)).toEqual([1, 0, 0]);
  // Without the cache every list asks the servers.
  await sendModern(gateway.url(), 'tools/list');
  expect(await lists(gateway)).toEqual([0, 0, 1]);
});

test('a list that is not whole counts as stale', async () => {
  const registry = new Registry();
  const metrics = createFetchMetrics([registry]);
  metrics.listAnswered(false, true);
  metrics.listAnswered(true, true);
  const { value } = parseExposition(await registry.metrics());
  expect(value('mcp_manifest_cache_requests_total', { result: 'stale' })).toBe(1);
  expect(value('mcp_manifest_cache_requests_total', { result: 'miss' })).toBe(1);
});

test('mcp_service_map_fetches_total tells forged maps from those that cannot be had (R11)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  const map = signedMap([entryFor(upstream, 'one')]);
  await using maps = await startMapServer(map);
  await using gateway = await startMapGateway(
    mapSettings(maps.url, { allowHosts: [hostOf(upstream)] }),
    { settings: { backgroundRefresh: false } },
  );
  const counts = async () => {
    const { text } = await send(`${gateway.origin}/metrics`, { method: 'GET' });
    const { value } = parseExposition(text);
    return Object.fromEntries(
      ['ok', 'signature', 'time', 'content', 'unreachable'].map((outcome) => [
        outcome,
        value('mcp_service_map_fetches_total', { outcome }),
      ]),
    );
  };
  await gateway.service.refreshMap();
  const before = await counts();
  expect(before['ok']).toBeGreaterThan(0);
  maps.answer = { body: JSON.stringify({ ...map, brand: 'forged' }) };
  await gateway.service.refreshMap();
  maps.answer = { body: 'no JSON' };
  await gateway.service.refreshMap();
  maps.answer = { body: '', status: 503 };
  await gateway.service.refreshMap();
  expect(await counts()).toEqual({
    ...before,
    signature: 1,
    content: 1,
    unreachable: 1,
  });
});
