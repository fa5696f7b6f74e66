import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createRoundTrips } from '../../src/upstream/streamable-http/round-trips.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';

test('createRoundTrips() counts requests that are under way together once', () => {
  let counted = 0;
  const trips = createRoundTrips(() => {
    counted += 1;
  });
  const [one, two] = [trips.begin(), trips.begin()];
  expect(counted).toBe(1);
  one();
  const three = trips.begin();
  expect(counted).toBe(2);
  two();
  three();
  trips.begin();
  expect(counted).toBe(3);
});

test('the metric counts two round trips for a modern server, and goes with its connector (S4-35)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', toolCount: 1, latencyMs: 20 });
  await using gateway = await startGateway([connectorFor(upstream, 'm')], {
    backgroundRefresh: false,
  });
  await gateway.service.manager.sync();
  const scrape = async (): Promise<string> =>
    await (await fetch(`${gateway.origin}/metrics`)).text();
  expect(await scrape()).toContain('mcp_connector_sync_round_trips_total{connector="m"} 2');
  await gateway.service.apply([]);
  expect(await scrape()).not.toContain('connector="m"');
});
