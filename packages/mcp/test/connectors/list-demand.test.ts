import { expect, test } from 'vitest';
import { ConnectorProxyManager } from '../../src/connectors/manager.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { listsOf, pass, scripted, useFakeClock } from './manager-fixture.ts';

useFakeClock();

const HTTP = { kind: 'http', url: 'http://127.0.0.1/', headers: {} } as const;
const TTL_MS = 10_000;

/** Lists of `b` every 1.3 s, with or without a busy neighbour, for 2 min. @returns how often each was asked. */
async function refreshesBeside(neighbour: 'none' | 'own list' | 'all'): Promise<number> {
  const asked = { a: 0, b: 0 };
  const manager = new ConnectorProxyManager({
    connectors: [connector('a', HTTP), connector('b', HTTP)],
    random: () => 0.5,
    createUpstream: ({ id }) =>
      scripted(id, (method) => {
        if (method === 'tools/list') asked[id === 'a' ? 'a' : 'b'] += 1;
        return listsOf(method, TTL_MS);
      }),
  });
  manager.start();
  for (let ms = 0; ms < 120_000; ms += 50) {
    await pass(manager, 50);
    if (neighbour === 'own list') void manager.listWanted('a');
    if (neighbour === 'all' && ms > 110_000) void manager.listWanted(undefined);
    if (ms % 1_300 === 0) void manager.listWanted('b');
  }
  await manager.disconnect();
  return asked.b;
}

test('lists of one endpoint do not hide those of another from the refresh (S4-20)', async () => {
  const alone = await refreshesBeside('none');
  expect(alone).toBeGreaterThan(10);
  expect(await refreshesBeside('own list')).toBe(alone);
  expect(await refreshesBeside('all')).toBe(alone);
});

test('a list of all connectors is demand for each, and one of an unknown connector for none', async () => {
  const asked: string[] = [];
  const manager = new ConnectorProxyManager({
    connectors: [connector('a', HTTP), connector('b', HTTP)],
    random: () => 0.5,
    createUpstream: ({ id }) =>
      scripted(id, (method) => {
        if (method === 'tools/list') asked.push(id);
        return listsOf(method, TTL_MS);
      }),
  });
  manager.start();
  await pass(manager, 1_600);
  expect(asked.toSorted()).toEqual(['a', 'b']);
  expect(manager.listWanted('nobody')).toBeUndefined();
  await pass(manager, 20_000);
  expect(asked).toHaveLength(2);
  expect(manager.listWanted(undefined)).toBeUndefined();
  await pass(manager, 200);
  expect(asked.toSorted()).toEqual(['a', 'a', 'b', 'b']);
  await manager.disconnect();
});
