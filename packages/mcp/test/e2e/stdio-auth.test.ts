import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createKey } from '../../src/auth/edit-keys.ts';
import { loadConfig } from '../../src/config/config.ts';
import { connectorFor, startGateway } from './gateway-fixture.ts';
import { connectStdio, stdioHome, type StdioHome } from './stdio-fixture.ts';

vi.setConfig({ testTimeout: 40_000 });

let upstream: HttpUpstream;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
});
afterAll(async () => await upstream.close());

async function keyIn(home: StdioHome, tool?: string): Promise<{ folder: string; key: string }> {
  const folder = join(home.env['CORTEX_HOME'] ?? '', 'mcp');
  await mkdir(folder, { recursive: true });
  const rules = tool === undefined ? {} : { tools: { allow: [tool] } };
  const { text } = await createKey(folder, { scopes: ['client'], ...rules });
  return { folder, key: text };
}

test('stdio speaks to a service of its own that asks for keys, by the state folder alone', async () => {
  await using home = await stdioHome({ m: { url: upstream.url } });
  await keyIn(home);
  await using first = await connectStdio(home, 'v2 auto');
  expect(await first.tools()).toContain('m__echo');
  await using second = await connectStdio(home, 'v1');
  expect(await second.call('m__echo', { message: 'hello' })).toMatchObject({
    content: [{ text: 'hello' }],
  });
});

test('stdio attaches to a running service that asks for keys; MCP_API_KEY narrows what its client sees', async () => {
  await using home = await stdioHome({ m: { url: upstream.url } });
  const { folder, key } = await keyIn(home, 'm__echo');
  const { config, env } = home;
  const loaded = await loadConfig({ flags: { config }, env, cwd: '/', home: '/' });
  const settings = { config: { value: loaded.configPath }, stateFolder: loaded.stateFolder };
  await using gateway = await startGateway(
    [connectorFor(upstream, 'm')],
    {},
    {
      auth: { settings: {}, stateFolder: folder, watch: false },
      describeSettings: () => settings,
    },
  );
  const { port } = new URL(gateway.origin);
  await using whole = await connectStdio(home, 'v2 auto', '--port', port);
  expect((await whole.tools()).length).toBeGreaterThan(3);
  home.env['MCP_API_KEY'] = key;
  await using part = await connectStdio(home, 'v2 auto', '--port', port);
  expect(await part.tools()).toEqual(['m__echo']);
});
