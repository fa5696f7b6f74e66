import { startConformanceServer } from '@cortex-os/testkit';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { expect, test } from 'vitest';
import { connector, startGateway } from '../../e2e/gateway-fixture.ts';

const WATCHED = 'test://watched-resource';

test.each(['legacy', 'modern'] as const)(
  'S2-17 what is followed at a %s replica that goes is followed at another, and reported as changed',
  async (eras) => {
    const one = await startConformanceServer({ eras });
    await using two = await startConformanceServer({ eras });
    const address = { kind: 'http', url: one.url, headers: {} } as const;
    const more = [{ url: two.url, weight: 1 }];
    await using gateway = await startGateway([
      {
        ...connector('c', address),
        replicas: { more, weight: 1, balance: 'round-robin', instances: 1 },
      },
    ]);
    const { manager } = gateway.service;
    await manager.sync();
    await gateway.service.settled();
    const client = new Client({ name: 'subscriber', version: '0' });
    const updated: string[] = [];
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updated.push(params.uri);
    });
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url())));
    await client.subscribeResource({ uri: WATCHED });
    one.world.change({ kind: 'resource', uri: WATCHED });
    await expect.poll(() => updated).toEqual([WATCHED]);

    // Nobody calls, and no list is due.
    await one.close();
    // It may have changed while nobody was heard.
    await expect.poll(() => updated, { timeout: 15_000 }).toEqual([WATCHED, WATCHED]);
    two.world.change({ kind: 'resource', uri: WATCHED });
    await expect.poll(() => updated).toEqual([WATCHED, WATCHED, WATCHED]);
    await client.close();
  },
  30_000,
);
