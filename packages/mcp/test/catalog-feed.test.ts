import { startFleet, startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { CatalogCell } from '../src/catalog/catalog.ts';
import { feedCatalog } from '../src/service/catalog-feed.ts';
import type { UpstreamAccess } from '../src/upstream/upstream.ts';
import { connectorFor, startGateway } from './e2e/gateway-fixture.ts';

const generationOf = (status: Readonly<Record<string, unknown>>): number =>
  (status['catalog'] as { generation: number }).generation;

test('settled() shows what was served when it was called, without waiting for the rest', async () => {
  await using fleet = await startFleet([{ kind: 'modern-http' }, { kind: 'modern-http' }]);
  const [first, second] = fleet;
  await using gateway = await startGateway([connectorFor(first, 'a')]);
  const { service } = gateway;
  await service.manager.sync();
  await service.settled();
  expect(new Set(service.tools().map(({ connectorId }) => connectorId))).toEqual(new Set(['a']));
  await service.apply([connectorFor(first, 'a'), connectorFor(second, 'b')]);
  expect(new Set(service.tools().map(({ connectorId }) => connectorId))).toEqual(
    new Set(['a', 'b']),
  );
});

test('connectors that come up together share their builds', async () => {
  await using fleet = await startFleet(
    Array.from({ length: 30 }, () => ({ kind: 'modern-http' as const, toolCount: 20 })),
  );
  const connectors = fleet.map((upstream, index) => connectorFor(upstream, `c${index}`));
  await using gateway = await startGateway(connectors, { backgroundRefresh: false });
  const { service } = gateway;
  await service.manager.sync();
  await service.settled();
  expect(service.tools()).toHaveLength(30 * 28);
  expect(generationOf(service.status())).toBeLessThan(15);
});

test('settled() builds nothing when nothing has changed', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await using gateway = await startGateway([connectorFor(upstream, 'm')], {
    backgroundRefresh: false,
  });
  const { service } = gateway;
  await service.manager.sync();
  await service.settled();
  const before = generationOf(service.status());
  await service.settled();
  expect(generationOf(service.status())).toBe(before);
});

test('a build that fails at once is told, and the next change is built', async () => {
  const errors: unknown[] = [];
  const broken = new Error('cannot be read');
  let failing = true;
  const listeners: (() => void)[] = [];
  const cell = new CatalogCell<UpstreamAccess>();
  const feed = feedCatalog(
    {
      syncing: false,
      served: () => {
        if (failing) throw broken;
        return [];
      },
      onChange: (listener) => {
        listeners.push(listener);
        return () => undefined;
      },
    },
    cell,
    { separator: '__', prebuilt: true, duration: { observe: () => undefined } },
    (error) => errors.push(error),
  );
  await feed.settled();
  expect(errors).toEqual([broken]);
  expect(cell.current.generation).toBe(0);
  failing = false;
  for (const listener of listeners) listener();
  expect(feed.upToDate).toBe(false);
  await feed.settled();
  expect(cell.current.generation).toBe(1);
  expect(feed.upToDate).toBe(true);
  feed.stop();
});
