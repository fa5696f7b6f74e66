import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startFleet, startUpstream } from '@cortex-os/testkit';
import { Gauge, Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import { metricsRoute } from '../../src/http/metrics.ts';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { openSession, send, sendModern } from '../gateway/raw-client.ts';
import { parseExposition, type Exposition } from '../observability/exposition.ts';
import { byConnector, call, ids, outcomes, scrape, startSynced } from './scrape.ts';

const quiet = { backgroundRefresh: false } as const;
const UP = 'brainwav_mcp_connector_proxy_up';
const SYNC = 'mcp_connector_sync_duration_seconds';
const CALL = 'mcp_tool_call_duration_seconds';

describe('GET /metrics', () => {
  test('answers in the text format of Prometheus; HEAD without a body, other methods not at all', async () => {
    await using gateway = await startGateway([], quiet);
    const url = `${gateway.origin}/metrics`;
    const answer = await send(url, { method: 'GET' });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(Number(answer.headers['content-length'])).toBe(Buffer.byteLength(answer.text));
    expect(parseExposition(answer.text).names).toContain('process_cpu_seconds_total');
    const head = await send(url, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    expect((await send(url)).status).toBe(405);
  });

  test('is refused to a page that rebinds its name (S1)', async () => {
    await using gateway = await startGateway([], quiet);
    const headers = { origin: 'http://evil.test' };
    const answer = await send(`${gateway.origin}/metrics`, { method: 'GET', headers });
    expect(answer.status).toBe(403);
  });

  test('shows each connector right after a pass (S4-35, S4-46)', async () => {
    await using fleet = await startFleet([
      { kind: 'modern-http', toolCount: 3, ttlMs: 60_000 },
      { kind: 'legacy-stdio' },
      { kind: 'legacy-http-session', faults: [{ kind: 'status', status: 500 }] },
    ]);
    const [modern, stdio, broken] = fleet;
    await using gateway = await startSynced([
      connectorFor(modern, 'good'),
      connectorFor(stdio, 'child'),
      connectorFor(broken, 'broken'),
      connector('off', undefined, { enabled: false }),
      connector('unset', undefined, { problem: 'variable TOKEN is not set' }),
    ]);
    const seen = await scrape(gateway);
    expect(byConnector(seen, UP)).toEqual({ good: 1, child: 1, broken: 0, off: 0, unset: 0 });
    expect(outcomes(seen, SYNC, 'good')).toEqual({ synced: 1 });
    expect(outcomes(seen, SYNC, 'child')).toEqual({ synced: 1 });
    expect(outcomes(seen, SYNC, 'broken')).toEqual({ failed: 1 });
    // Nothing was tried for these two.
    expect([outcomes(seen, SYNC, 'off'), outcomes(seen, SYNC, 'unset')]).toEqual([{}, {}]);
    const state = (id: string, name: string) =>
      seen.value('mcp_connector_state', { connector: id, state: name });
    expect([state('good', 'fresh'), state('good', 'stale')]).toEqual([1, 0]);
    expect([state('broken', 'unavailable'), state('off', 'disabled')]).toEqual([1, 1]);
    expect(Object.keys(byConnector(seen, 'mcp_manifest_age_seconds')).toSorted()).toEqual([
      'child',
      'good',
    ]);
    const tools = gateway.service.tools().length;
    expect(tools).toBeGreaterThan(3);
    expect(seen.value('mcp_catalog_items', { kind: 'tools' })).toBe(tools);
    expect(seen.value('mcp_catalog_build_duration_seconds_count')).toBeGreaterThan(0);
  });

  test('shows a failure, its retry and the recovery; the manifest stays and grows older', async () => {
    await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    const { manager } = gateway.service;
    await manager.sync();
    const before = await scrape(gateway);
    expect([before.value(UP), before.value('mcp_connector_sync_retries_total')]).toEqual([1, 0]);

    upstream.setFaults([{ kind: 'status', status: 503, headers: {} }]);
    await manager.sync(true);
    const failed = await scrape(gateway);
    expect(failed.value(UP)).toBe(0);
    expect(failed.value('mcp_connector_state', { state: 'unavailable' })).toBe(0);
    expect(failed.value('mcp_connector_sync_retries_total')).toBe(2);
    const age = 'mcp_manifest_age_seconds';
    expect(failed.value(age)).toBeGreaterThan(before.value(age) ?? Infinity);

    upstream.setFaults([]);
    await manager.sync(true);
    const recovered = await scrape(gateway);
    expect(recovered.value(UP)).toBe(1);
    expect(recovered.value('mcp_connector_sync_retries_total')).toBe(3);
    expect(outcomes(recovered, SYNC, 'm')).toEqual({ synced: 1, failed: 1, unchanged: 1 });
  });

  test('an attempt that an earlier failure forbids is neither a sync nor a retry', async () => {
    await using upstream = await startUpstream({
      kind: 'modern-http',
      faults: [{ kind: 'status', status: 500 }],
    });
    await using gateway = await startGateway([connectorFor(upstream, 'm')], quiet);
    await gateway.service.manager.sync();
    await gateway.service.manager.sync();
    const seen = await scrape(gateway);
    expect(outcomes(seen, SYNC, 'm')).toEqual({ failed: 1 });
    // Those of the one sync that was made.
    expect(seen.value('mcp_connector_sync_retries_total')).toBe(2);
  });

  test('a hundred scrapes at once are answered', async () => {
    await using gateway = await startGateway([], quiet);
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => await scrape(gateway)),
    );
    expect(new Set(answers.map(({ names }) => names.length)).size).toBe(1);
  });
});

test('mcp_list_requests_total counts each method from zero', async () => {
  await using gateway = await startGateway([], quiet);
  const before = await scrape(gateway);
  const methods = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'];
  const counts = (seen: Exposition) =>
    methods.map((method) => seen.value('mcp_list_requests_total', { method }));
  expect(counts(before)).toEqual([0, 0, 0, 0]);
  const session = await openSession(gateway.url());
  await session.send('tools/list');
  await sendModern(gateway.url(), 'tools/list');
  await sendModern(gateway.url(), 'resources/templates/list');
  expect(counts(await scrape(gateway))).toEqual([2, 0, 0, 1]);
});

test('apply() makes the series of a removed connector vanish, and those of the others stay (S4-B9)', async () => {
  await using fleet = await startFleet([{ kind: 'modern-http' }, { kind: 'modern-http' }]);
  const [first, second] = fleet;
  const [a, b] = [connectorFor(first, 'a'), connectorFor(second, 'b')];
  await using gateway = await startSynced([a, b]);
  await call(gateway, 'a__echo', { message: 'x' });
  await call(gateway, 'b__echo', { message: 'x' });
  expect(ids(await scrape(gateway))).toEqual(['a', 'b']);

  await gateway.service.apply([b]);
  const seen = await scrape(gateway);
  expect(ids(seen)).toEqual(['b']);
  expect(outcomes(seen, CALL, 'b')).toEqual({ ok: 1 });

  // A changed definition keeps its series.
  await gateway.service.apply([{ ...b, isolation: 'session' }]);
  expect(outcomes(await scrape(gateway), SYNC, 'b')).toEqual({ synced: 1, unchanged: 1 });
});

test('two services in one process have metrics of their own', async () => {
  await using fleet = await startFleet([{ kind: 'modern-http' }, { kind: 'modern-http' }]);
  const [first, second] = fleet;
  await using one = await startGateway([connectorFor(first, 'one')], quiet);
  await one.service.manager.sync();
  await using two = await startGateway([connectorFor(second, 'two')], quiet);
  await two.service.manager.sync();
  await one.service.manager.sync(true);
  expect(byConnector(await scrape(one), UP)).toEqual({ one: 1 });
  expect(byConnector(await scrape(two), UP)).toEqual({ two: 1 });
  expect(outcomes(await scrape(one), SYNC, 'one')).toEqual({ synced: 1, unchanged: 1 });
  expect(outcomes(await scrape(two), SYNC, 'two')).toEqual({ synced: 1 });
});

test('metricsRoute() shares a scrape, and answers 500 when a metric cannot be read', async () => {
  let reads = 0;
  const first = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  const registry = new Registry();
  const gauge: Gauge = new Gauge({
    name: 'mcp_test',
    help: 'A test.',
    registers: [],
    async collect() {
      reads += 1;
      if (reads > 1) throw new Error('unreadable');
      await first.promise;
    },
  });
  registry.registerMetric(gauge);
  const [path, route] = metricsRoute(registry, (error) => errors.push(error));
  expect([path, route.auth]).toEqual(['/metrics', 'operator']);
  let arrived = 0;
  await using server = createServer((request, response) => {
    route.handle(request, response, '', ANONYMOUS);
    arrived += 1;
    if (arrived === 3) first.resolve();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const get = async () => await send(`http://127.0.0.1:${port}/`, { method: 'GET' });
  const answers = await Promise.all([get(), get(), get()]);
  const text = '# HELP mcp_test A test.\n# TYPE mcp_test gauge\nmcp_test 0\n';
  expect(answers.map((answer) => answer.text)).toEqual([text, text, text]);
  expect(reads).toBe(1);
  const failed = await get();
  expect([failed.status, failed.text]).toEqual([500, 'The metrics cannot be read\n']);
  expect(errors).toMatchObject([{ message: 'unreadable' }]);
});
