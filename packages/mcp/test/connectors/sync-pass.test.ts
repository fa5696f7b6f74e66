import { expect, test } from 'vitest';
import { ConnectorProxyManager } from '../../src/connectors/manager.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { listsOf, scripted } from './manager-fixture.ts';

const HTTP = { kind: 'http', url: 'http://127.0.0.1/', headers: {} } as const;

/** Two connectors in memory, nothing by itself; those in `held` answer when they are let go. */
function rig(held: Map<string, Promise<void>> = new Map()) {
  const asked: string[] = [];
  const manager = new ConnectorProxyManager({
    connectors: [connector('a', HTTP), connector('b', HTTP)],
    random: () => 0.5,
    backgroundRefresh: false,
    createUpstream: ({ id }) =>
      scripted(id, async (method) => {
        if (method === 'tools/list') asked.push(id);
        await held.get(id);
        return listsOf(method, 60_000);
      }),
  });
  return { manager, asked, held };
}

test('sync() reports a connector that is still fresh as unchanged, after 0 attempts', async () => {
  const { manager, asked } = rig();
  expect((await manager.sync()).outcomes).toMatchObject([
    { kind: 'synced', id: 'a', attempts: 1 },
    { kind: 'synced', id: 'b', attempts: 1 },
  ]);
  const { outcomes } = await manager.sync();
  expect(outcomes).toEqual(
    ['a', 'b'].map((id) => ({
      kind: 'unchanged',
      id,
      durationMs: 0,
      attempts: 0,
      era: 'modern',
      tools: 1,
      prompts: 1,
      resources: 0,
      warnings: [],
    })),
  );
  expect(asked).toEqual(['a', 'b']);
  await manager.disconnect();
});

test('sync(true) that joins a pass then asks those the pass left out, and only those', async () => {
  const { manager, asked, held } = rig();
  await manager.sync();
  asked.length = 0;
  const gate = Promise.withResolvers<void>();
  held.set('b', gate.promise);
  manager.outdated('b');
  const pass = manager.sync();
  const forced = [manager.sync(true), manager.sync(true)];
  const joining = manager.sync();
  gate.resolve();
  expect((await pass).outcomes).toMatchObject([
    { id: 'a', kind: 'unchanged', attempts: 0 },
    { id: 'b', kind: 'unchanged', attempts: 1 },
  ]);
  const reports = await Promise.all([...forced, joining]);
  for (const { outcomes } of reports) {
    expect(outcomes).toMatchObject([
      { id: 'a', kind: 'unchanged', attempts: 1 },
      { id: 'b', kind: 'unchanged', attempts: 1 },
    ]);
  }
  expect(asked).toEqual(['b', 'a']);
  await manager.disconnect();
});

test('sync(true) asks a connector again whose earlier failure still holds, also when it joins', async () => {
  let isUp = false;
  const manager = new ConnectorProxyManager({
    connectors: [connector('a', HTTP)],
    random: () => 0.5,
    backgroundRefresh: false,
    createUpstream: ({ id }) =>
      scripted(id, (method) => {
        if (!isUp) throw new SyntaxError('nonsense');
        return listsOf(method, 60_000);
      }),
  });
  expect((await manager.sync()).outcomes).toMatchObject([{ kind: 'failed', attempts: 1 }]);
  isUp = true;
  const [held, forced] = await Promise.all([manager.sync(), manager.sync(true)]);
  expect(held.outcomes).toMatchObject([{ kind: 'failed', attempts: 0 }]);
  expect(forced.outcomes).toMatchObject([{ kind: 'synced', attempts: 1 }]);
  await manager.disconnect();
});

test('disconnect() ends a pass under way and what waits behind it', async () => {
  const gate = Promise.withResolvers<void>();
  const { manager, asked } = rig(new Map([['b', gate.promise]]));
  const pass = manager.sync();
  const forced = manager.sync(true);
  await manager.disconnect();
  expect((await pass).outcomes.map(({ kind }) => kind)).toContain('failed');
  await forced;
  const before = asked.length;
  expect((await manager.sync(true)).outcomes).toEqual([]);
  expect(asked).toHaveLength(before);
});
