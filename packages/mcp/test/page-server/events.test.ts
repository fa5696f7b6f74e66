import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { send } from '../gateway/raw-client.ts';
import { call } from '../http/scrape.ts';
import { openEvents, overviewOf, rows, type SeenOverview } from './page-gateway.ts';

interface SeenBeat {
  readonly at: number;
  readonly connectors: Readonly<Record<string, Readonly<Record<string, number | null>>>>;
  readonly process: Readonly<Record<string, number | null>>;
}

test('/page/api/events sends the overview at once, and again when a connector changes', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 600_000 });
  await using gateway = await startGateway([connectorFor(upstream, 'm')]);
  await gateway.service.manager.sync();
  const page = await openEvents(gateway.origin);
  expect(page.response.statusCode).toBe(200);
  expect(page.response.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
  });
  const first = (await page.next('overview')).data as SeenOverview;
  expect(page.head()).toBe('retry: 1000\n');
  expect(first.connectors.map(({ id }) => id)).toEqual(['m']);
  expect(first.process['streams']).toBe(1);

  const { service } = gateway;
  await service.apply([connectorFor(upstream, 'm'), connectorFor(upstream, 'n')]);
  const wide = (await page.next(
    'overview',
    (seen: SeenOverview) => rows(seen)['n']?.['state'] === 'ready',
  )) as { data: SeenOverview };
  expect(wide.data.connectors.map(({ id }) => id)).toEqual(['m', 'n']);
  await service.apply([connectorFor(upstream, 'n')]);
  await page.next('overview', (seen: SeenOverview) => seen.connectors.length === 1);
  page.close();
  await expect.poll(async () => (await overviewOf(gateway)).process['streams']).toBe(0);
});

test('/page/api/events beats every two seconds with the numbers of connectors that are called', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 600_000 });
  await using gateway = await startGateway([
    connectorFor(upstream, 'm'),
    connectorFor(upstream, 'idle'),
  ]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
  const page = await openEvents(gateway.origin);
  await page.next('overview');
  await call(gateway, 'm__echo', { message: 'a' });
  const beat = (await page.next('beat', ({ connectors }: SeenBeat) => 'm' in connectors))
    .data as SeenBeat;
  expect(Object.keys(beat.connectors)).toEqual(['m']);
  const { m } = beat.connectors;
  expect(m).toEqual({
    callsPerSecond: expect.any(Number),
    errorsPerSecond: 0,
    p50Ms: expect.any(Number),
    p95Ms: expect.any(Number),
    inFlight: 0,
    ageMs: expect.any(Number),
    nextRefreshInMs: expect.any(Number),
  });
  expect(m?.['callsPerSecond']).toBeGreaterThan(0);
  expect(m?.['callsPerSecond']).toBeLessThanOrEqual(0.2);
  expect(Math.abs(Date.now() - beat.at)).toBeLessThan(10_000);
  // It has slices now, which nothing else tells of.
  const after = (await page.next('overview')).data as SeenOverview;
  expect(rows(after)['m']).toMatchObject({
    latency: { bucketMs: 5_000, calls: expect.any(Array) },
  });
  const watched = (await page.next(
    'beat',
    ({ process: seen }: SeenBeat) =>
      seen['cpuPercent'] !== null && seen['eventLoopDelayP99Ms'] !== null,
  )) as { data: SeenBeat };
  expect(watched.data.process['eventLoopDelayP99Ms']).toBeGreaterThanOrEqual(0);
  page.close();
}, 20_000);

test('/page/api/events takes 32 pages and answers 503 to one more, until one has gone', async () => {
  await using gateway = await startGateway([]);
  const pages = await Promise.all(
    Array.from({ length: 32 }, async () => await openEvents(gateway.origin)),
  );
  expect(pages.map(({ response }) => response.statusCode)).toEqual(pages.map(() => 200));
  const refused = await send(`${gateway.origin}/page/api/events`, { method: 'GET' });
  expect(refused.status).toBe(503);
  expect(refused.headers['retry-after']).toBe('1');
  await Promise.all(pages.map(async (page) => await page.next('overview')));
  pages[0]?.close();
  const opens = async (): Promise<number | undefined> => {
    const page = await openEvents(gateway.origin);
    page.close();
    return page.response.statusCode;
  };
  await expect.poll(opens).toBe(200);
  for (const page of pages) page.close();
});

test('drain() shows pages that the service goes, then ends their streams with `closing` (T7)', async () => {
  await using gateway = await startGateway([]);
  const page = await openEvents(gateway.origin);
  const before = (await page.next('overview')).data as SeenOverview;
  expect(before.service['state']).toBe('ready');
  const drained = gateway.service.drain({ lameDuckMs: 3_000, maxMs: 1_000, yields: false });
  await page.next('overview', (seen: SeenOverview) => seen.service['state'] === 'draining');
  await page.next('closing');
  await expect.poll(() => page.ended()).toBe(true);
  expect(page.events.at(-1)).toEqual({ event: 'closing', data: {} });
  expect((await drained).kind).toBe('ended');
}, 20_000);

test('close() ends the streams of pages', async () => {
  const gateway = await startGateway([]);
  const page = await openEvents(gateway.origin);
  await page.next('overview');
  await gateway.service.close();
  expect((await page.next('closing')).data).toEqual({});
});

test('a page that opens again after a restart sees another start', async () => {
  const first = await startGateway([]);
  const before = await overviewOf(first);
  await first.service.close();
  await using second = await startGateway([], { port: Number(new URL(first.origin).port) });
  const after = await overviewOf(second);
  expect(second.origin).toBe(first.origin);
  expect(after.service['startedAt']).not.toBe(before.service['startedAt']);
});
