import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, send } from '../gateway/raw-client.ts';
import { ask, bearer, startGuarded } from './guarded-gateway.ts';

/** What becomes of an answer that is open: `open`, until it is over. */
interface Opened {
  readonly status: number;
  readonly state: () => 'open' | 'over';
}

async function open(url: string, init: RequestInit): Promise<Opened> {
  let state: 'open' | 'over' = 'open';
  const response = await fetch(url, init);
  void response
    .text()
    .catch(() => undefined)
    .finally(() => {
      state = 'over';
    });
  return { status: response.status, state: () => state };
}

const STREAM = { accept: 'text/event-stream, application/json' };

test('what was open before the first key was made ends with it: streams, sessions, subscriptions (S4)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http' });
  const { gateway } = await startGuarded([connectorFor(upstream, 'one')], {
    settings: { sse: true },
  });
  await using running = gateway;
  await running.service.manager.sync();
  const { id } = await openSession(running.url());
  const session = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
  const notifications = { toolsListChanged: true };
  const streams = [
    await open(running.url(), { headers: { ...STREAM, ...session } }),
    await open(`${running.origin}/sse`, { headers: STREAM }),
    await open(running.url(), {
      method: 'POST',
      headers: {
        ...STREAM,
        'content-type': 'application/json',
        ...modernHeaders('subscriptions/listen'),
      },
      body: modernBody('subscriptions/listen', { notifications }),
    }),
  ];
  expect(streams.map(({ status, state }) => [status, state()])).toEqual(
    streams.map(() => [200, 'open']),
  );
  const key = await running.key();
  await waitUntil(() => streams.every(({ state }) => state() === 'over'), {
    describe: 'every stream has ended',
  });
  expect((await ask(running.url(), undefined, 'tools/list')).status).toBe(401);
  // Nor is the session anybody's now.
  const again = await send(running.url(), {
    headers: { ...session, ...bearer(key) },
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  });
  expect(again.status).toBe(404);
  expect((await ask(running.url(), key, 'tools/list')).text).toContain('one__echo');
}, 20_000);

test('a second key ends nothing that the first one has open', async () => {
  const { gateway, keys } = await startGuarded([], { keys: [{}] });
  await using running = gateway;
  const stream = await open(running.url(), {
    method: 'POST',
    headers: {
      ...STREAM,
      ...bearer(keys[0]),
      'content-type': 'application/json',
      ...modernHeaders('subscriptions/listen'),
    },
    body: modernBody('subscriptions/listen', { notifications: { toolsListChanged: true } }),
  });
  const second = await running.key();
  const isIn = async (): Promise<boolean> =>
    (await ask(running.url(), second, 'tools/list')).status === 200;
  await waitUntil(isIn, { timeoutMs: 10_000, describe: 'the second key is in force' });
  expect([stream.status, stream.state()]).toEqual([200, 'open']);
}, 20_000);
