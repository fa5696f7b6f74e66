import { startFleet, type Fleet, type FleetKind, type UpstreamOptions } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLIENT_MODES, connectClient, type TourClient } from './clients.ts';
import { connectorFor, startGateway, type TestGateway } from './gateway-fixture.ts';

const KINDS: readonly FleetKind[] = [
  'modern-http',
  'legacy-http-session',
  'legacy-http-stateless',
  'dual-http',
  'modern-stdio',
  'legacy-stdio',
];

let fleet: Fleet<readonly UpstreamOptions[]>;
let gateway: TestGateway;

beforeAll(async () => {
  fleet = await startFleet(KINDS.map((kind) => ({ kind })));
  gateway = await startGateway(fleet.map((upstream) => connectorFor(upstream)));
  await gateway.service.manager.sync();
}, 30_000);

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await fleet[Symbol.asyncDispose]();
});

/** Lists, and calls with text, structured, image, error and progress answers. `p` comes before each name. */
async function tour(client: TourClient, p: string): Promise<void> {
  const names = await client.listToolNames();
  for (const name of ['echo', 'add', 'image', 'fail', 'throw', 'slow']) {
    expect(names).toContain(`${p}${name}`);
  }
  expect(await client.call(`${p}echo`, { message: 'grüße 🌍' })).toMatchObject({
    content: [{ type: 'text', text: 'grüße 🌍' }],
  });
  expect(await client.call(`${p}add`, { a: 2, b: 3 })).toMatchObject({
    structuredContent: { sum: 5 },
  });
  expect(await client.call(`${p}image`)).toMatchObject({
    content: [{ type: 'image', mimeType: 'image/png' }],
  });
  expect(await client.call(`${p}fail`)).toMatchObject({ isError: true });
  await expect(client.call(`${p}throw`)).rejects.toMatchObject({
    code: -32_000,
    data: { reason: 'test', detail: [1, 'ü'] },
  });
  await expect(client.call(`${p}nope`)).rejects.toMatchObject({ code: -32_602 });
  expect(await client.callWithProgress(`${p}slow`, { ms: 20, steps: 4 })).toEqual([1, 2, 3, 4]);
  expect(await client.listPromptNames()).toContain(`${p}greet`);
  expect(await client.getPrompt(`${p}greet`, { name: 'Ann' })).toMatchObject({
    messages: [{ content: { text: 'Say hello to Ann.' } }],
  });
  expect(await client.listResourceUris()).toContain('test://static/image');
  expect(await client.readResource('test://static/image')).toMatchObject({
    contents: [{ mimeType: 'image/png' }],
  });
  expect(await client.readResource('test://items/a%20b')).toMatchObject({
    contents: [{ text: 'item a b' }],
  });
}

describe.each(CLIENT_MODES)('client %s', (mode) => {
  test.each(KINDS)('takes the tour of %s through /mcp', async (kind) => {
    await using client = await connectClient(gateway.url(), mode);
    expect(client.serverName()).toBe('cortex-mcp');
    await tour(client, `${kind}__`);
  });

  test.each(KINDS)(
    'takes the tour of %s through /mcp/{connector}, under its own names',
    async (kind) => {
      await using client = await connectClient(gateway.url(kind), mode);
      expect(client.serverName()).toBe(kind);
      await tour(client, '');
    },
  );
});
