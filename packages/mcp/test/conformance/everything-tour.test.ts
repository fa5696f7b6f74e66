import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModern } from '../differential/http-peer.ts';
import { npmServer, startEverythingHttp } from '../differential/npm-server.ts';
import type { Json } from '../differential/raw-peer.ts';
import { ASKABLE, connectAskable, MODEL_ANSWER } from '../e2e/asking-clients.ts';
import { connector, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { awaitCatalog } from './await-catalog.ts';
import { EVERYTHING_TOOLS } from './everything-tools.ts';

const stack = new AsyncDisposableStack();
let gateway: TestGateway;

beforeAll(async () => {
  const http = stack.use(await startEverythingHttp());
  gateway = stack.use(
    await startGateway([
      connector('http', { kind: 'http', url: http.url, headers: {} }),
      connector('stdio', {
        kind: 'stdio',
        command: process.execPath,
        args: [npmServer('everything'), 'stdio'],
        env: {},
        cwd: undefined,
      }),
    ]),
  );
  await awaitCatalog(gateway, 15_000);
}, 30_000);

afterAll(async () => {
  await stack.disposeAsync();
});

/** An endpoint and what its names begin with. */
const ENDPOINTS = [
  ['http', '/mcp', 'http__'],
  ['http', '/mcp/http', ''],
  ['stdio', '/mcp', 'stdio__'],
  ['stdio', '/mcp/stdio', ''],
] as const;

async function listTools(path: string, prefix: string): Promise<string[]> {
  await using client = await connectModern(`${gateway.origin}${path}`);
  const { result } = await client.ask({ method: 'tools/list' });
  return ((result as Json)['tools'] as readonly { readonly name: string }[])
    .map(({ name }) => name)
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .toSorted();
}

describe.each(ENDPOINTS)('server-everything over %s at %s', (_transport, path, prefix) => {
  test('shows its whole list', async () => {
    expect(await listTools(path, prefix)).toStrictEqual(Object.keys(EVERYTHING_TOOLS).toSorted());
  });

  test.each(ASKABLE)('client %s calls every tool', { timeout: 30_000 }, async (mode) => {
    await using client = await connectAskable(`${gateway.origin}${path}`, mode, {
      sampling: () => MODEL_ANSWER,
      elicitation: () => ({ action: 'accept', content: { name: 'Zoë' } }),
      roots: () => ({ roots: [{ uri: 'file:///srv/zoe', name: 'zoe' }] }),
    });
    for (const [name, { args, says }] of Object.entries(EVERYTHING_TOOLS)) {
      // What is switched on is switched off again.
      const times = name.startsWith('toggle-') ? 2 : 1;
      for (let time = 0; time < times; time += 1) {
        const answer = await client.call(`${prefix}${name}`, { ...args }).catch(String);
        expect(`${name}: ${JSON.stringify(answer)}`).toContain(says);
      }
    }
  });
});
