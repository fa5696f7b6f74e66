import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { startUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectorFor, startGateway } from './gateway-fixture.ts';

test.each(['modern', 'legacy'] as const)(
  'listPageSize pages every list for a %s client, who gets all of it once',
  async (era) => {
    await using one = await startUpstream({ kind: 'modern-http', toolCount: 7 });
    await using two = await startUpstream({ kind: 'legacy-http-session', toolCount: 5 });
    await using gateway = await startGateway([connectorFor(one, 'one'), connectorFor(two, 'two')], {
      listPageSize: 4,
    });
    const client = new Client(
      { name: 'pager', version: '0' },
      { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' } },
    );
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.url())));
    const { tools } = await client.listTools();
    await client.close();
    await gateway.service.settled();
    expect(tools.map(({ name }) => name)).toEqual(gateway.service.tools().map(({ name }) => name));
    expect(tools.length).toBeGreaterThanOrEqual(12);
  },
);

test('a cursor that is not ours, or of another list, is refused with -32602', async () => {
  await using one = await startUpstream({ kind: 'modern-http', toolCount: 7 });
  await using gateway = await startGateway([connectorFor(one, 'one')], { listPageSize: 2 });
  const list = async (method: string, cursor: unknown): Promise<Record<string, unknown>> => {
    const meta = {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const response = await fetch(gateway.url(), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { cursor, _meta: meta } }),
    });
    return (await response.json()) as Record<string, unknown>;
  };
  const first = await list('tools/list', undefined);
  const { nextCursor } = first['result'] as { nextCursor: string };
  expect(nextCursor).toMatch(/^[\w-]+$/);
  for (const [method, cursor] of [
    ['tools/list', ''],
    ['tools/list', 'bm90IG91cnM'],
    ['tools/list', 5],
    ['prompts/list', nextCursor],
  ] as const) {
    expect(await list(method, cursor)).toMatchObject({ error: { code: -32_602 } });
  }
});
