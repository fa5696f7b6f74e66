import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { openSession, sendModern } from '../gateway/raw-client.ts';
import { connector, connectorFor, startGateway } from './gateway-fixture.ts';

const KEY = 'io.cortex-os/degraded';
/** Nothing listens on this port. */
const NOWHERE = 'http://127.0.0.1:9/mcp?token=hidden';

interface ListResult {
  readonly result: {
    readonly tools: unknown[];
    readonly _meta?: Readonly<Record<string, unknown>>;
  };
}

/** The `_meta` of the tools as a client of either era gets it. */
async function metaOf(url: string, era: 'modern' | 'legacy') {
  const answer =
    era === 'modern'
      ? await sendModern(url, 'tools/list')
      : await (await openSession(url)).send('tools/list');
  const { result } = answer.json() as ListResult;
  return result['_meta'];
}

for (const era of ['modern', 'legacy'] as const) {
  test(`a list names what is missing from it to a ${era} client, with phase and next attempt, and no secret`, async () => {
    await using good = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
    await using gateway = await startGateway([
      connectorFor(good, 'good'),
      connector('gone', { kind: 'http', url: NOWHERE, headers: {} }),
    ]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    const meta = await metaOf(gateway.url(), era);
    expect(meta?.[KEY]).toEqual({
      connectors: [
        {
          id: 'gone',
          state: 'unavailable',
          phase: 'connect',
          code: 'CONNECT_FAILED',
          nextAttemptMs: expect.any(Number),
        },
      ],
    });
    expect(JSON.stringify(meta)).not.toContain('hidden');
    expect((await metaOf(gateway.url('good'), era))?.[KEY]).toBeUndefined();
  });

  test(`a list of fresh connectors says nothing of the kind to a ${era} client`, async () => {
    await using good = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
    await using gateway = await startGateway([connectorFor(good, 'good')]);
    await gateway.service.manager.sync();
    await gateway.service.settled();
    expect((await metaOf(gateway.url(), era))?.[KEY]).toBeUndefined();
  });
}

test('a list names a connector whose last list is served although it is down', async () => {
  const server = await startUpstream({ kind: 'modern-http', ttlMs: 1 });
  await using gateway = await startGateway([connectorFor(server, 'down')], {
    backgroundRefresh: false,
  });
  await gateway.service.manager.sync();
  await gateway.service.settled();
  await server.close();
  await gateway.service.manager.sync(true);
  const answer = await sendModern(gateway.url(), 'tools/list');
  const { result } = answer.json() as ListResult;
  expect(result.tools.length).toBeGreaterThan(0);
  expect(result['_meta']?.[KEY]).toMatchObject({
    connectors: [{ id: 'down', state: 'stale', phase: 'connect', code: 'CONNECT_FAILED' }],
  });
});
