import { request } from 'node:http';
import { leastMs, startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { modernBody, modernHeaders, openSession, sendModern } from '../gateway/raw-client.ts';
import { connectorFor, startGateway, type TestGateway } from './gateway-fixture.ts';
import { measureHungConnector } from './hung-connector.ts';
import { answerCall, startPathServer } from './path-server.ts';

const call = async (gateway: TestGateway, name: string) =>
  await sendModern(gateway.url(), 'tools/call', { name, arguments: { message: 'm' } });

async function codeOf(answer: ReturnType<typeof call>): Promise<string | undefined> {
  const { error } = (await answer).json() as { error?: { data: { code: string } } };
  return error?.data.code;
}

const callsOf = (gateway: TestGateway, id: string) =>
  gateway.service.manager.listConnectors().find((one) => one.id === id)?.calls;

/** A call whose client can hang up. */
function openCall(gateway: TestGateway, name: string): { hangUp(): void } {
  const sent = request(gateway.url(), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...modernHeaders('tools/call', name),
    },
  });
  sent.on('error', () => undefined);
  sent.end(modernBody('tools/call', { name, arguments: { message: 'm' } }));
  return { hangUp: () => sent.destroy() };
}

test('a connector that hangs has its 32 calls and 64 that wait, and one on the same origin does not notice (T5)', async () => {
  await using server = await startPathServer((path, seen, response) => {
    if (path !== '/hung') answerCall(seen, response);
  });
  // Longer than a loaded machine takes to send what follows.
  const bulkhead = { queueTimeoutMs: 3_000 };
  await using gateway = await startGateway([
    server.connector('hung', { bulkhead }),
    server.connector('well'),
  ]);
  await gateway.service.manager.sync();
  const startedAtMs = performance.now();
  const hung = Array.from({ length: 100 }, async () => await codeOf(call(gateway, 'hung__echo')));
  await waitUntil(() => callsOf(gateway, 'hung')?.queued === 64, { describe: 'all wait' });
  expect(callsOf(gateway, 'hung')).toMatchObject({ inFlight: 32, queued: 64 });
  const measure = async (): Promise<number> => {
    const full = performance.now();
    expect(await codeOf(call(gateway, 'hung__echo'))).toBe('BULKHEAD_FULL');
    return performance.now() - full;
  };
  const least = await leastMs(measure, { belowMs: 150 });
  expect(least, 'its own work is less than 5 ms').toBeLessThan(150);
  for (let n = 0; n < 40; n += 1) expect(await codeOf(call(gateway, 'well__echo'))).toBeUndefined();
  const refused = (await Promise.race([
    Promise.all(hung),
    waitUntil(() => callsOf(gateway, 'hung')?.queued === 0, { describe: 'the queue gave up' }),
  ])) as undefined;
  expect(refused).toBeUndefined();
  expect(performance.now() - startedAtMs).toBeGreaterThan(2_900);
  expect([server.hits('/hung'), server.hits('/well')]).toEqual([32, 40]);
});

test('bounds of a connector win over those of the service, and those over the defaults', async () => {
  await using server = await startPathServer(() => undefined);
  const own = { bulkhead: { maxInFlight: 2, maxQueued: 0 } };
  await using gateway = await startGateway(
    [server.connector('own', own), server.connector('all')],
    {
      maxInFlight: 3,
      maxQueued: 1,
    },
  );
  await gateway.service.manager.sync();
  for (const id of ['own', 'all']) {
    // They are cut off when the gateway ends.
    for (let n = 0; n < 6; n += 1) void call(gateway, `${id}__echo`).catch(() => undefined);
  }
  await waitUntil(() => server.hits('/own') === 2 && server.hits('/all') === 3, {
    describe: 'they have what they may have',
  });
  expect(callsOf(gateway, 'own')).toMatchObject({ inFlight: 2, queued: 0 });
  expect(callsOf(gateway, 'all')).toMatchObject({ inFlight: 3, queued: 1 });
});

test('maxCalls bounds the calls of everybody, with an error that says when to come back (T5)', async () => {
  await using server = await startPathServer((path, seen, response) => {
    if (path !== '/hung') answerCall(seen, response);
  });
  const both = [server.connector('hung'), server.connector('well')];
  await using gateway = await startGateway(both, { maxCalls: 2 });
  await gateway.service.manager.sync();
  const calls = [openCall(gateway, 'hung__echo'), openCall(gateway, 'hung__echo')];
  await waitUntil(() => server.hits('/hung') === 2, { describe: 'both arrived' });
  const { error } = (await call(gateway, 'well__echo')).json() as { error: unknown };
  expect(error).toMatchObject({
    code: -32_603,
    data: { code: 'TOO_MANY_CALLS', retryAfterMs: 1_000 },
  });
  for (const each of calls) each.hangUp();
  await waitUntil(async () => (await codeOf(call(gateway, 'well__echo'))) === undefined, {
    describe: 'there is room again',
  });
});

test('a client that hangs up while its call waits for a place leaves nothing behind, and is never sent (T3)', async () => {
  await using server = await startPathServer(() => undefined);
  const one = server.connector('one', { bulkhead: { maxInFlight: 1, queueTimeoutMs: 30_000 } });
  await using gateway = await startGateway([one]);
  await gateway.service.manager.sync();
  const first = openCall(gateway, 'one__echo');
  await waitUntil(() => server.hits('/one') === 1, { describe: 'the first is there' });
  const measure = async (): Promise<number> => {
    const second = openCall(gateway, 'one__echo');
    await waitUntil(() => callsOf(gateway, 'one')?.queued === 1, { describe: 'the second waits' });
    const goneAtMs = performance.now();
    second.hangUp();
    await waitUntil(() => callsOf(gateway, 'one')?.queued === 0, { describe: 'it has left' });
    return performance.now() - goneAtMs;
  };
  expect(await leastMs(measure, { belowMs: 100 })).toBeLessThan(100);
  first.hangUp();
  await waitUntil(() => callsOf(gateway, 'one')?.inFlight === 0, { describe: 'both are over' });
  expect(server.hits('/one')).toBe(1);
});

test('a deadline counts the time a call waited for its place (T1)', async () => {
  await using server = await startPathServer(() => undefined);
  const timeouts = { ...server.connector('one').timeouts, idleTimeoutMs: 600 };
  const bulkhead = { maxInFlight: 1, queueTimeoutMs: 30_000 };
  await using gateway = await startGateway([server.connector('one', { timeouts, bulkhead })]);
  await gateway.service.manager.sync();
  // It may be cut off when the gateway ends.
  void call(gateway, 'one__echo').catch(() => undefined);
  await waitUntil(() => server.hits('/one') === 1, { describe: 'the first is there' });
  // The place of the first becomes free as it times out: too late for the second, which is never sent.
  expect(await codeOf(call(gateway, 'one__echo'))).toBe('TIMEOUT');
  expect(server.hits('/one')).toBe(1);
});

test.for(['modern-http', 'legacy-http-session', 'legacy-stdio', 'modern-stdio'] as const)(
  'a %s server hears within 100 ms that a call was cancelled (T3)',
  async (kind) => {
    await using upstream = await startUpstream({ kind });
    await using gateway = await startGateway([connectorFor(upstream, 'one')]);
    await gateway.service.manager.sync();
    const session = await openSession(gateway.url());
    const slow = { name: 'one__slow', arguments: { ms: 60_000, steps: 1 } };
    let calls = 0;
    const measure = async (): Promise<number> => {
      calls += 1;
      void session.send('tools/call', slow, calls);
      await waitUntil(() => upstream.counts.byMethod['tools/call'] === calls, {
        describe: 'it is there',
      });
      const cancelledAtMs = performance.now();
      await session.notify('notifications/cancelled', { requestId: calls });
      await waitUntil(() => upstream.counts.aborted === calls, { describe: 'it was told' });
      return performance.now() - cancelledAtMs;
    };
    // What waits for it looks every 5 ms.
    expect(await leastMs(measure, { belowMs: 100 })).toBeLessThan(100);
    expect(callsOf(gateway, 'one')).toMatchObject({ breaker: 'closed', inFlight: 0 });
  },
);

test('one hung connector among 20 does not slow the calls and lists of the others down (T5)', async () => {
  const figures = await measureHungConnector({ rounds: 6, callsPerRound: 150, listsPerRound: 30 });
  // What a shared machine adds is in all parts; a shared budget would show as a factor of ten and more.
  const { calls, lists } = figures;
  expect(calls.hungMs.p50).toBeLessThan(3 * Math.max(calls.wellMs.p50, calls.againMs.p50));
  expect(lists.hungMs.p50).toBeLessThan(3 * Math.max(lists.wellMs.p50, lists.againMs.p50));
  expect(figures.failures).toBe(0);
}, 60_000);
