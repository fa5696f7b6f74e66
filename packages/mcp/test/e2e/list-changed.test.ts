import { leastMs, startUpstream, waitUntil, type HttpKind } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectClient } from './clients.ts';
import { connectorFor, startGateway } from './gateway-fixture.ts';

const STREAMS: readonly (readonly [HttpKind, string])[] = [
  ['legacy-http-session', 'GET'],
  ['modern-http', 'subscriptions/listen'],
];

test.for(STREAMS)(
  'a tool added to a %s server is in the catalog within 3 s, without being asked for (M10)',
  async ([kind, request]) => {
    await using upstream = await startUpstream({ kind, ttlMs: 3_600_000 });
    await using gateway = await startGateway([connectorFor(upstream, 'c')]);
    await using client = await connectClient(gateway.url(), 'v1');
    const names = (): string[] => gateway.service.tools().map(({ name }) => name);
    expect(await client.listToolNames()).not.toContain('c__added');
    const asked = (): boolean => upstream.counts.byMethod[request] === 1;
    await waitUntil(asked, { describe: 'the stream was asked for' });
    // Answered after the stream was, so the server has both by now.
    await client.call('c__echo', { message: 'hi' });

    let added = '';
    const measure = async (): Promise<number> => {
      added += '_more';
      const addedAtMs = performance.now();
      upstream.setTools([`added${added}`]);
      await waitUntil(() => names().includes(`c__added${added}`), { describe: 'the tool' });
      return performance.now() - addedAtMs;
    };
    expect(await leastMs(measure, { belowMs: 3_000 })).toBeLessThan(3_000);
    expect(await client.listToolNames()).toContain(`c__added${added}`);
    expect(await client.call(`c__added${added}`, {})).toMatchObject({
      content: [{ type: 'text' }],
    });
    expect(upstream.counts.byMethod[request]).toBe(1);
  },
);

test('a burst of changes causes one refresh, not one each (M10)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  await using gateway = await startGateway([connectorFor(upstream, 'c')]);
  const names = (): string[] => gateway.service.tools().map(({ name }) => name);
  const lists = (): number => upstream.counts.byMethod['tools/list'] ?? 0;
  const listening = (): boolean => upstream.counts.byMethod['subscriptions/listen'] === 1;
  await waitUntil(listening, { describe: 'the stream was asked for' });
  await gateway.service.manager.sync(true);
  const before = lists();
  for (let turn = 0; turn < 200; turn += 1) upstream.setTools([`added_${turn}`]);
  await waitUntil(() => names().includes('c__added_199'), { describe: 'the last tool' });
  expect(lists() - before).toBeLessThanOrEqual(2);
});
