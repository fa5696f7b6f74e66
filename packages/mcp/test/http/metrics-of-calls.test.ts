import { request as httpRequest } from 'node:http';
import { startFleet, startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { connectorFor } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, sendModern } from '../gateway/raw-client.ts';
import { call, outcomes, scrape, startSynced } from './scrape.ts';

const CALL = 'mcp_tool_call_duration_seconds';

test.each(['modern-http', 'legacy-stdio'] as const)(
  'mcp_tool_call_duration_seconds counts results, errors and tool errors of a %s server',
  async (kind) => {
    await using upstream = await startUpstream({ kind });
    await using gateway = await startSynced([connectorFor(upstream, 'm')]);
    const session = await openSession(gateway.url());
    await session.send('tools/call', { name: 'm__echo', arguments: { message: 'a' } });
    await call(gateway, 'm__echo', { message: 'a' });
    await call(gateway, 'm__echo', { message: '"error"' });
    await call(gateway, 'm__fail');
    await call(gateway, 'm__big', { bytes: 600_000 });
    await call(gateway, 'm__throw');
    await call(gateway, 'm__no_such_tool');
    // Only tools are tool calls.
    await sendModern(gateway.url(), 'resources/read', { uri: 'test://no/such' });
    const seen = await scrape(gateway);
    expect(outcomes(seen, CALL, 'm')).toEqual({ ok: 5, error: 1 });
    expect(seen.value('mcp_calls_in_flight')).toBe(0);
    expect(seen.value('mcp_sessions_current')).toBe(1);
  },
);

test('mcp_tool_call_duration_seconds measures from the request to the answer (S4-02)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', latencyMs: 60 });
  await using gateway = await startSynced([connectorFor(upstream, 'm')]);
  const startedAt = performance.now();
  await call(gateway, 'm__echo', { message: 'a' });
  const tookS = (performance.now() - startedAt) / 1000;
  const seen = await scrape(gateway);
  const sum =
    seen.value('mcp_tool_call_duration_seconds_sum', { connector: 'm', outcome: 'ok' }) ?? 0;
  expect(sum).toBeGreaterThanOrEqual(0.055);
  expect(sum).toBeLessThanOrEqual(tookS);
});

test('mcp_tool_call_duration_seconds tells calls without an answer apart: timeout, failed, unavailable', async () => {
  await using fleet = await startFleet([
    { kind: 'modern-http', faults: [{ kind: 'hang-before-headers', method: 'tools/call' }] },
    { kind: 'modern-http', faults: [{ kind: 'reset', method: 'tools/call' }] },
    { kind: 'modern-http', faults: [{ kind: 'status', status: 500 }] },
  ]);
  const [hung, reset, broken] = fleet;
  const timeouts = { ...DEFAULT_TIMEOUTS, idleTimeoutMs: 300 };
  await using gateway = await startSynced([
    connectorFor(hung, 'hung', { timeouts }),
    connectorFor(reset, 'reset'),
    connectorFor(broken, 'broken'),
  ]);
  await Promise.all(
    ['hung', 'reset', 'broken'].map(async (id) => await call(gateway, `${id}__echo`)),
  );
  const seen = await scrape(gateway);
  expect(outcomes(seen, CALL, 'hung')).toEqual({ timeout: 1 });
  expect(outcomes(seen, CALL, 'reset')).toEqual({ failed: 1 });
  expect(outcomes(seen, CALL, 'broken')).toEqual({ unavailable: 1 });
});

test('mcp_calls_in_flight counts a call under way; one that its client gives up ends as cancelled', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  await using gateway = await startSynced([connectorFor(upstream, 'm')]);
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...modernHeaders('tools/call', 'm__slow'),
  };
  const outgoing = httpRequest(gateway.url(), { method: 'POST', headers });
  outgoing.on('error', () => undefined); // our own hanging up
  const slow = { name: 'm__slow', arguments: { ms: 60_000, steps: 1 } };
  outgoing.end(modernBody('tools/call', slow));
  const inFlight = async () => (await scrape(gateway)).value('mcp_calls_in_flight');
  await waitUntil(async () => (await inFlight()) === 1, { describe: 'the call is on its way' });
  outgoing.destroy();
  await waitUntil(async () => (await inFlight()) === 0, { describe: 'the call is over' });
  expect(outcomes(await scrape(gateway), CALL, 'm')).toEqual({ cancelled: 1 });
});

test('mcp_tool_call_duration_seconds gets no series from names that nobody offers (S16)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await using gateway = await startSynced([connectorFor(upstream, 'm')]);
  const series = async () =>
    (await scrape(gateway)).samples.filter(({ labels }) => 'connector' in labels).length;
  const before = await series();
  for (let index = 0; index < 50; index += 1) await call(gateway, `nobody-${index}__t`);
  await Promise.all([call(gateway, 'm__no_such_tool'), call(gateway, '__proto__')]);
  expect(await series()).toBe(before);
});
