import { expect } from 'vitest';
import { startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { send, sendModern } from '../gateway/raw-client.ts';
import { parseExposition, type Exposition } from '../observability/exposition.ts';

export async function scrape({ origin }: TestGateway): Promise<Exposition> {
  const { status, text } = await send(`${origin}/metrics`, { method: 'GET' });
  expect(status).toBe(200);
  return parseExposition(text);
}

/** The counts of a histogram, by outcome; one that has not happened has none. */
export function outcomes(
  { samples }: Exposition,
  histogram: string,
  id: string,
): Record<string, number> {
  const own = samples.filter(
    ({ name, labels }) => name === `${histogram}_count` && labels['connector'] === id,
  );
  return Object.fromEntries(own.map(({ labels, value }) => [labels['outcome'], value]));
}

/** The values of a gauge by connector. */
export function byConnector({ samples }: Exposition, gauge: string): Record<string, number> {
  const own = samples.filter(({ name }) => name === gauge);
  return Object.fromEntries(own.map(({ labels, value }) => [labels['connector'], value]));
}

/** The connectors that have any series. */
export function ids({ samples }: Exposition): string[] {
  return [...new Set(samples.flatMap(({ labels }) => labels['connector'] ?? []))].toSorted();
}

/** Calls a tool of the shared endpoint as a modern client. */
export async function call(gateway: TestGateway, name: string, args: object = {}): Promise<void> {
  await sendModern(gateway.url(), 'tools/call', { name, arguments: args });
}

/** A gateway that refreshes nothing by itself, after its first pass. */
export async function startSynced(
  connectors: Parameters<typeof startGateway>[0],
): Promise<TestGateway> {
  const gateway = await startGateway(connectors, { backgroundRefresh: false });
  await gateway.service.manager.sync();
  await gateway.service.settled();
  return gateway;
}
