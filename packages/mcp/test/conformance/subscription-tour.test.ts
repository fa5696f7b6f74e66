import { startConformanceServer, waitUntil } from '@cortex-os/testkit';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttpTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { connector, startGateway } from '../e2e/gateway-fixture.ts';
import { awaitCatalog } from './await-catalog.ts';

const WATCHED = 'test://watched-resource';
const OTHER = 'test://static-text';
const INFO = { name: 'subscriber', version: '0' };

/** An official client that is told when a resource it watches has changed. */
interface Watcher extends AsyncDisposable {
  /** URIs of the updates it was told of. */
  readonly updates: readonly string[];
  watch(uri: string): Promise<void>;
  unwatch(): Promise<void>;
}

async function watchV1(url: string): Promise<Watcher> {
  const client = new OldClient(INFO);
  const updates: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    updates.push(params.uri);
  });
  const transport = new OldHttpTransport(new URL(url));
  await client.connect(transport);
  return {
    updates,
    watch: async (uri) => void (await client.subscribeResource({ uri })),
    unwatch: async () => void (await client.unsubscribeResource({ uri: WATCHED })),
    [Symbol.asyncDispose]: async () => await client.close(),
  };
}

async function watchV2(url: string, mode: 'legacy' | 'modern'): Promise<Watcher> {
  const negotiation = mode === 'legacy' ? 'legacy' : { pin: '2026-07-28' };
  const client = new Client(INFO, { versionNegotiation: { mode: negotiation } });
  const updates: string[] = [];
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => {
    updates.push(params.uri);
  });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  let stop = async (): Promise<unknown> => client.unsubscribeResource({ uri: WATCHED });
  return {
    updates,
    async watch(uri) {
      if (mode === 'legacy') {
        await client.subscribeResource({ uri });
        return;
      }
      const subscription = await client.listen({ resourceSubscriptions: [uri] });
      stop = async () => subscription.close();
    },
    unwatch: async () => void (await stop()),
    [Symbol.asyncDispose]: async () => await client.close(),
  };
}

const WATCHERS = {
  'v1 legacy': watchV1,
  'v2 legacy': async (url: string) => watchV2(url, 'legacy'),
  'v2 modern': async (url: string) => watchV2(url, 'modern'),
} as const;

describe.each(['modern', 'legacy'] as const)('a server of the %s era', (eras) => {
  describe.each(['/mcp', '/mcp/fixture'])('at %s', (path) => {
    test.each(Object.keys(WATCHERS) as (keyof typeof WATCHERS)[])(
      'client %s hears of what it watches, of nothing else, and no more when it has enough',
      { timeout: 20_000 },
      async (kind) => {
        await using server = await startConformanceServer({ eras });
        await using gateway = await startGateway([
          connector('fixture', { kind: 'http', url: server.url, headers: {} }),
        ]);
        await awaitCatalog(gateway);
        await using one = await WATCHERS[kind](`${gateway.origin}${path}`);
        await using other = await WATCHERS[kind](`${gateway.origin}${path}`);
        await one.watch(WATCHED);
        await other.watch(OTHER);
        const change = (uri: string): void => server.world.change({ kind: 'resource', uri });

        change(WATCHED);
        await waitUntil(() => one.updates.length === 1, { describe: 'the update arrives' });
        expect(one.updates).toStrictEqual([WATCHED]);

        await one.unwatch();
        change(WATCHED);
        change(OTHER);
        await waitUntil(() => other.updates.length === 1, { describe: 'the other one arrives' });
        expect(one.updates).toStrictEqual([WATCHED]);
        expect(other.updates).toStrictEqual([OTHER]);
      },
    );
  });
});
