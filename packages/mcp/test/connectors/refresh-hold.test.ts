import { expect, test } from 'vitest';
import { connector } from '../e2e/gateway-fixture.ts';
import { json, modernAnswer, startWire, type Wire } from '../upstream/http-fixture.ts';
import { pass, startManager, useFakeClock } from './manager-fixture.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

useFakeClock();

interface Failing extends Wire {
  /** From now on it works. */
  recover(): void;
  /** Times it was asked who it is: once for each attempt. */
  asked(): number;
}

async function startFailing(status: number, headers: Record<string, string>): Promise<Failing> {
  let isUp = false;
  const works = modernAnswer(({ message }, response) => {
    const result = { tools: [{ name: 'one' }], ttlMs: 10 * MINUTE, cacheScope: 'public' };
    json(response, { jsonrpc: '2.0', id: message['id'], result });
  });
  const wire = await startWire(async (seen, response) => {
    if (isUp) await works(seen, response);
    else response.writeHead(status, headers).end();
  });
  return Object.assign(wire, {
    recover: () => void (isUp = true),
    asked: () => wire.methods().filter((method) => method === 'server/discover').length,
  });
}

const http = (wire: Wire) => connector('c', { kind: 'http', url: wire.url, headers: {} });

/** Status, headers, and the waits that follow with a random number of 0.5. */
const HOLDS = [
  [503, { 'retry-after': '120' }, 120_500, 121_000],
  [429, { 'retry-after': '60' }, 60_500, 61_000],
  [429, { 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' }, 30_500, 1_000],
  [503, { 'retry-after': '86400' }, 300_500, 301_000],
  [401, {}, 60_500, 61_000],
  [403, {}, 60_500, 61_000],
  [404, {}, 300_000, 300_000],
] as const;

test.for(HOLDS)(
  'start(): a server that says %d %j is asked at once, then after %d and %d ms, and once when it recovered (M6, M7)',
  async ([status, headers, firstMs, secondMs]) => {
    await using wire = await startFailing(status, headers);
    await using running = startManager([http(wire)]);
    const { manager } = running;
    await pass(manager, 0);
    expect(wire.asked()).toBe(1);
    expect(manager.find('c')?.nextAttemptMs).toBe(firstMs);
    await pass(manager, firstMs - 1);
    expect(wire.asked()).toBe(1);
    await pass(manager, 1);
    expect(wire.asked()).toBe(2);
    expect(manager.find('c')?.nextAttemptMs).toBe(secondMs);
    wire.recover();
    await pass(manager, secondMs - 1);
    expect(wire.asked()).toBe(2);
    await pass(manager, 1);
    expect(wire.asked()).toBe(3);
    expect(manager.listConnectors()).toMatchObject([{ state: 'fresh', failure: undefined }]);
  },
);

test('the report of a sync names the time at which the server is then asked again (M7)', async () => {
  await using wire = await startFailing(503, { 'retry-after': '120' });
  await using running = startManager([http(wire)]);
  const { manager } = running;
  await pass(manager, 0);
  await pass(manager, 20 * SECOND);
  const held = await manager.sync();
  expect(held.outcomes).toMatchObject([{ kind: 'failed', attempts: 0, nextAttemptMs: 100_500 }]);
  expect(wire.asked()).toBe(1);
  const forced = await manager.sync(true);
  expect(forced.outcomes).toMatchObject([{ kind: 'failed', attempts: 1, nextAttemptMs: 121_000 }]);
  expect(manager.find('c')?.nextAttemptMs).toBe(121_000);
  await pass(manager, 120_999);
  expect(wire.asked()).toBe(2);
  await pass(manager, 1);
  expect(wire.asked()).toBe(3);
});

test('a list that clients ask for does not shorten the wait', async () => {
  await using wire = await startFailing(401, {});
  await using running = startManager([http(wire)]);
  const { manager } = running;
  await pass(manager, 0);
  for (let second = 0; second < 60; second += 2) {
    void manager.listWanted(undefined);
    void manager.listWanted('c');
    await pass(manager, 2 * SECOND);
  }
  expect(wire.asked()).toBe(1);
  await pass(manager, SECOND);
  expect(wire.asked()).toBe(2);
});

test.for([
  ['syncOne()', 0],
  ['list_changed', SECOND],
  ['another definition', 0],
] as const)('%s asks at once, whatever an earlier failure says', async ([what, afterMs]) => {
  await using wire = await startFailing(404, {});
  await using running = startManager([http(wire)]);
  const { manager } = running;
  await pass(manager, 0);
  await pass(manager, MINUTE);
  expect(wire.asked()).toBe(1);
  wire.recover();
  if (what === 'syncOne()') await manager.syncOne('c');
  else if (what === 'list_changed') manager.outdated('c');
  else {
    const headers = { 'x-tenant': 'another' };
    await manager.apply([connector('c', { kind: 'http', url: wire.url, headers })]);
  }
  await pass(manager, afterMs);
  expect(wire.asked()).toBe(2);
  expect(manager.listConnectors()).toMatchObject([{ state: 'fresh' }]);
});
