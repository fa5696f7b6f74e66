import { startFleet } from '@cortex-os/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CatalogChange } from '../src/catalog/catalog-change.ts';
import { createAnnouncer } from '../src/service/catalog-announcer.ts';
import type { ListKind } from '../src/protocol/list-kind.ts';
import { openListen } from './e2e/listen-client.ts';
import { connectorFor, startGateway } from './e2e/gateway-fixture.ts';

const change = (connector: string, ...kinds: ListKind[]): CatalogChange => ({
  all: new Set(kinds),
  connectors: new Map([[connector, new Set(kinds)]]),
});

function setUp() {
  const told: CatalogChange[] = [];
  const pass = { syncing: false };
  const cell = { announce: (one: CatalogChange) => void told.push(one) };
  return { told, pass, announcer: createAnnouncer(cell, () => pass.syncing) };
}

describe('createAnnouncer()', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('tells at once when no pass is under way, and nothing when nothing differs', () => {
    const { told, announcer } = setUp();
    announcer.add(change('a', 'tools'));
    announcer.add({ all: new Set(), connectors: new Map() });
    expect(told).toEqual([change('a', 'tools')]);
  });

  test('tells of a whole pass once, with all that it changed', () => {
    const { told, pass, announcer } = setUp();
    pass.syncing = true;
    announcer.add(change('a', 'tools'));
    announcer.add(change('b', 'tools', 'prompts'));
    announcer.add(change('a', 'resources'));
    expect(told).toEqual([]);
    pass.syncing = false;
    announcer.add({ all: new Set(), connectors: new Map() });
    expect(told).toEqual([
      {
        all: new Set(['tools', 'prompts', 'resources']),
        connectors: new Map([
          ['a', new Set(['tools', 'resources'])],
          ['b', new Set(['tools', 'prompts'])],
        ]),
      },
    ]);
  });

  test('does not wait for a pass that lasts, and leaves no timer', () => {
    const { told, pass, announcer } = setUp();
    pass.syncing = true;
    announcer.add(change('a', 'tools'));
    vi.advanceTimersByTime(2_999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toHaveLength(1);
    announcer.add(change('b', 'tools'));
    announcer.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('a reconcile of twenty connectors tells a client once of each kind of list (S4-31)', async () => {
  await using fleet = await startFleet(
    Array.from({ length: 20 }, (_, index) => ({
      kind: 'modern-http' as const,
      latencyMs: index * 10,
    })),
  );
  await using gateway = await startGateway([]);
  await using listen = await openListen(gateway.url(), {
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
  });
  await listen.next();
  await gateway.service.apply(fleet.map((upstream, index) => connectorFor(upstream, `c${index}`)));
  const methods = new Set<unknown>();
  for (let count = 0; count < 3; count += 1) {
    methods.add(Reflect.get(Object(await listen.next()), 'method'));
  }
  expect(methods).toEqual(
    new Set([
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
      'notifications/resources/list_changed',
    ]),
  );
  // The next thing it hears of is the next pass.
  fleet[0]?.setTools(['added']);
  await gateway.service.manager.sync(true);
  expect(await listen.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
  await gateway.service.apply([]);
  expect(await listen.next()).toMatchObject({ method: 'notifications/tools/list_changed' });
});
