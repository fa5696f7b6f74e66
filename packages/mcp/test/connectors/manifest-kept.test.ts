import { expect, test } from 'vitest';
import { ConnectorProxyManager } from '../../src/connectors/manager.ts';
import { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { listsOf, pass, scripted, useFakeClock } from './manager-fixture.ts';

useFakeClock();

const HTTP = { kind: 'http', url: 'http://127.0.0.1/', headers: {} } as const;
const MINUTE = 60_000;
const UNIMPLEMENTED = new UpstreamError('RPC_ERROR', 'Method not found', {
  connectorId: 'c',
  phase: 'list',
  rpcCode: -32_601,
});

/** A server that announces tools and prompts, and has those of which `has` says so. */
function rig(has: { tools: boolean; prompts: boolean }) {
  const state = { asked: 0 };
  const manager = new ConnectorProxyManager({
    connectors: [connector('c', HTTP)],
    random: () => 0.5,
    createUpstream: ({ id }) =>
      scripted(id, (method) => {
        if (method === 'tools/list') state.asked += 1;
        if (!has[method === 'tools/list' ? 'tools' : 'prompts']) throw UNIMPLEMENTED;
        return listsOf(method, 10 * MINUTE);
      }),
  });
  manager.start();
  return { manager, state };
}

test('a list that is said not to exist any more is kept, and asked for again after 5 min (M7)', async () => {
  const has = { tools: true, prompts: true };
  const { manager, state } = rig(has);
  await pass(manager, 0);
  has.tools = false;
  expect((await manager.sync(true)).outcomes).toMatchObject([
    { kind: 'failed', code: 'RPC_ERROR', phase: 'list', nextAttemptMs: 5 * MINUTE },
  ]);
  expect(manager.listConnectors()).toMatchObject([{ tools: 1, prompts: 1 }]);
  expect(manager.find('c')).toMatchObject({ trouble: undefined, nextAttemptMs: 5 * MINUTE });
  const { asked } = state;
  await pass(manager, 5 * MINUTE - 1);
  expect(state.asked).toBe(asked);
  has.tools = true;
  await pass(manager, 1);
  expect(state.asked).toBe(asked + 1);
  expect(manager.listConnectors()).toMatchObject([
    { state: 'fresh', tools: 1, failure: undefined },
  ]);
  await manager.disconnect();
});

test('a list that is announced and never was there is empty, and the others are served', async () => {
  const { manager } = rig({ tools: true, prompts: false });
  await pass(manager, 0);
  expect((await manager.sync(true)).outcomes).toMatchObject([
    {
      kind: 'unchanged',
      tools: 1,
      prompts: 0,
      warnings: ['prompts/list is announced but not implemented'],
    },
  ]);
  await manager.disconnect();
});

test('a list that stays away is given up when it is too old to be served', async () => {
  const has = { tools: true, prompts: true };
  const { manager } = rig(has);
  await pass(manager, 0);
  has.prompts = false;
  for (let hour = 0; hour < 24; hour += 0.1) await pass(manager, 6 * MINUTE);
  expect(manager.listConnectors()).toMatchObject([{ state: 'stale', tools: 1, prompts: 1 }]);
  for (let n = 0; n < 10; n += 1) await pass(manager, 6 * MINUTE);
  expect(manager.listConnectors()).toMatchObject([{ state: 'fresh', tools: 1, prompts: 0 }]);
  await manager.disconnect();
});
