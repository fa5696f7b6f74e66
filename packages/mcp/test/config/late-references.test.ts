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
  const env = { KEY: 'k', TRAP: '${file:/etc/hostname}' };
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

test('${file:…} inside longer texts of args, env, headers and the address stays a reference; variables beside it do not', async () => {
  const [http, stdio] = await load({
    http: {
      url: 'https://me:${file:/run/p}@one.example/${KEY}/${file:/run/token}?a=${file:/run/a}',
      headers: { authorization: ' Bearer ${file:/run/token} ', 'x-two': '${KEY}-${file:/a}' },
    },
    stdio: {
      command: 'x',
      args: ['${KEY}', '--token=${KEY}:${file:/run/token}', 'file:/plain'],
      env: { DSN: 'file:/data.db?auth=${file:/run/token}' },
    },
  });
  expect(http?.transport).toEqual({
    kind: 'http',
    url: 'https://one.example/k/***?a=***',
    lateUrl: 'https://me:${file:/run/p}@one.example/k/${file:/run/token}?a=${file:/run/a}',
    headers: {},
    lateHeaders: { authorization: 'Bearer ${file:/run/token}', 'x-two': 'k-${file:/a}' },
  });
  expect(stdio?.transport).toMatchObject({
    args: ['k', '--token=k:${file:/run/token}', 'file:/plain'],
    lateArgs: [1],
    env: {},
    lateEnv: { DSN: 'file:/data.db?auth=${file:/run/token}' },
  });
  const shown = JSON.stringify([http, stdio].map((one) => one && redactConnector(one)));
  expect(shown).not.toContain('/run/');
});

test('a variable beside a ${file:…} whose value holds another reference is not expanded again', async () => {
  const [definition] = await load({
    a: { command: 'x', args: ['${TRAP}', '${TRAP}-${file:/run/token}'] },
  });
  expect(definition?.problem).toMatch(/beside a \$\{file:…\} holds another reference/);
  const [alone] = await load({ a: { command: 'x', args: ['${TRAP}'] } });
  expect(alone?.transport).toMatchObject({ args: ['${file:/etc/hostname}'] });
  expect(alone?.transport).not.toHaveProperty('lateArgs');
});

test('an address that no reference can make a URL is a problem of that connector, without its value', async () => {
  const [port] = await load({ a: { url: 'https://h.example:${file:/run/port}/' } });
  expect(port?.problem).toMatch(/is not a URL once expanded/);
});
