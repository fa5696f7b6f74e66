import { startFleet, startUpstream, waitUntil, type HttpKind } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor, startGateway } from './gateway-fixture.ts';

const KINDS = ['legacy-http-session', 'modern-http'] as const;
const STREAM: Readonly<Partial<Record<HttpKind, string>>> = {
  'legacy-http-session': 'GET',
  'modern-http': 'subscriptions/listen',
};

test('MCP_CONNECTOR_REFRESH_SYNC: no notification stream is opened, and no socket stays busy (S4-19)', async () => {
  const kinds = [...KINDS, ...KINDS].map((kind) => ({ kind, ttlMs: 300_000 }));
  await using quiet = await startFleet(kinds);
  await using usual = await startFleet(kinds);
  const connect = (fleet: typeof quiet) =>
    fleet.map((one, index) => connectorFor(one, `c${index}`));
  await using off = await startGateway(connect(quiet), { backgroundRefresh: false });
  await using on = await startGateway(connect(usual));
  await Promise.all([off.service.manager.sync(), on.service.manager.sync()]);
  const streams = (fleet: typeof quiet): number =>
    fleet.reduce((sum, { kind, counts }) => sum + (counts.byMethod[STREAM[kind] ?? ''] ?? 0), 0);
  // With background refresh all four are listened to: by then the others would be, too.
  await waitUntil(() => streams(usual) === 4, { describe: 'the streams' });
  expect(streams(quiet)).toBe(0);
  const sockets = (fleet: typeof quiet): number =>
    fleet.reduce((sum, one) => sum + (one.transport === 'http' ? one.open.connections : 0), 0);
  expect(sockets(usual)).toBeGreaterThan(sockets(quiet));
  expect(on.service.status()).toBeDefined();
});

test.each(KINDS)(
  'a tool that a %s server adds right after its first list is in the catalog within 3 s (M10)',
  async (kind) => {
    await using upstream = await startUpstream({ kind, ttlMs: 3_600_000 });
    await using gateway = await startGateway([connectorFor(upstream, 'c')]);
    const names = (): string[] => gateway.service.tools().map(({ name }) => name);
    await waitUntil(() => names().includes('c__echo'), { describe: 'the first list' });
    const stream = STREAM[kind] ?? '';
    await waitUntil(() => upstream.counts.byMethod[stream] === 1, {
      timeoutMs: 1_000,
      describe: 'the stream was asked for at once',
    });
    const lists = upstream.counts.byMethod['prompts/list'];
    await gateway.service.manager.sync();
    upstream.setTools(['added']);
    await waitUntil(() => names().includes('c__added'), { describe: 'the tool' });
    expect(lists).toBe(1);
  },
);

/** A legacy server is listed once more after the first contact, unless its era is known. */
function eraOf(kind: HttpKind): 'legacy' | 'auto' {
  return kind === 'legacy-http-session' ? 'legacy' : 'auto';
}

test('a server that changes nothing is listed once, its stream notwithstanding', async () => {
  const kinds = [...KINDS, ...KINDS].map((kind) => ({ kind, ttlMs: 3_600_000 }));
  await using fleet = await startFleet(kinds);
  await using gateway = await startGateway(
    fleet.map((one, index) => connectorFor(one, `c${index}`, { era: eraOf(one.kind) })),
  );
  const listening = (): boolean =>
    fleet.every(({ kind, counts }) => counts.byMethod[STREAM[kind] ?? ''] === 1);
  await waitUntil(listening, { describe: 'the streams' });
  // A change that comes after the streams is asked for later than one that they would have caused.
  fleet[3]?.setTools(['added']);
  const names = (): string[] => gateway.service.tools().map(({ name }) => name);
  await waitUntil(() => names().includes('c3__added'), { describe: 'the tool' });
  expect(fleet.map((one) => one.counts.byMethod['prompts/list'])).toEqual([1, 1, 1, 2]);
});

test('in a fleet too large for streams at once, what changed before its stream came up is found then (M10)', async () => {
  await using fleet = await startFleet(
    Array.from({ length: 17 }, () => ({ kind: 'modern-http' as const, ttlMs: 3_600_000 })),
  );
  await using gateway = await startGateway(
    fleet.map((one, index) => connectorFor(one, `c${index}`)),
  );
  await waitUntil(() => gateway.service.manager.served().length === 17, { describe: 'all lists' });
  const last = fleet[16];
  expect(last?.counts.byMethod['subscriptions/listen']).toBeUndefined();
  last?.setTools(['added']);
  const names = (): string[] => gateway.service.tools().map(({ name }) => name);
  await waitUntil(() => names().includes('c16__added'), { describe: 'the tool' });
});
