import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { loadConfig } from '../../src/config/config.ts';
import { redactConnector } from '../../src/config/redact-connector.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';

async function load(mcpServers: object): Promise<readonly ConnectorDefinition[]> {
  await using folder = tempFolder();
  await writeFile(join(folder.path, 'cortex-mcp.json'), JSON.stringify({ mcpServers }));
  const env = { KEY: 'k' };
  const config = await loadConfig({ flags: {}, env, cwd: folder.path, home: folder.path });
  return config.connectors;
}

test('file: references in headers and env stay references until the connector is connected', async () => {
  const [http, stdio] = await load({
    http: {
      url: 'https://u:p@one.example/mcp',
      headers: { authorization: 'file:/run/token', 'x-plain': '${KEY}', 'x-url': 'file:///x' },
    },
    stdio: {
      command: 'x',
      env: { TOKEN: '${file:/run/token}', PLAIN: '${KEY}', DB: 'file:/data/x.db', GONE: null },
    },
  });
  expect(http?.transport).toEqual({
    kind: 'http',
    url: 'https://one.example/mcp',
    headers: { 'x-plain': 'k', 'x-url': 'file:///x' },
    lateHeaders: { authorization: 'file:/run/token' },
  });
  expect(stdio?.transport).toMatchObject({
    env: { PLAIN: 'k', DB: 'file:/data/x.db' },
    lateEnv: { TOKEN: '${file:/run/token}' },
  });
});

test('redactConnector() hides references as well', async () => {
  const definitions = await load({
    http: { url: 'https://one.example/mcp', headers: { a: 'file:/run/token' } },
    stdio: { command: 'x', env: { A: 'file:/run/token' } },
  });
  const shown = JSON.stringify(definitions.map(redactConnector));
  expect(shown).not.toContain('/run/token');
  expect(shown).toContain('[redacted]');
});
