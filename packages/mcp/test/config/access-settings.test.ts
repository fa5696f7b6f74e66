import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { loadConfig, type LoadedConfig } from '../../src/config/config.ts';

async function load(
  folder: string,
  settings: object,
  env: Readonly<Record<string, string>> = {},
): Promise<LoadedConfig> {
  await writeFile(join(folder, 'cortex-mcp.json'), JSON.stringify({ mcpServers: {}, ...settings }));
  return await loadConfig({
    flags: {},
    env: { CORTEX_HOME: folder, ...env },
    cwd: folder,
    home: folder,
  });
}

const OAUTH = { issuer: 'https://login.example', resource: 'https://mcp.example/mcp' };
const KEY = 'k'.repeat(16);

test('everything has a default, and nobody is asked', async () => {
  await using folder = tempFolder();
  const { access, warnings } = await load(folder.path, {});
  expect(access).toMatchObject({
    apiKey: { value: undefined, origin: { kind: 'default' } },
    oauth: { value: undefined },
    allowedHosts: { value: [] },
    allowedOrigins: { value: [] },
  });
  expect(warnings.join()).not.toContain('MCP_API_KEY');
});

test('the key comes from the environment, else from a reference of the file', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'key');
  await writeFile(file, `${KEY}-of-the-file\n`);
  const settings = { auth: { apiKey: `file:${file}` } };
  const fromFile = await load(folder.path, settings);
  expect(fromFile.access.apiKey.value?.reveal()).toBe(`${KEY}-of-the-file`);
  const fromVariable = await load(folder.path, settings, { MCP_API_KEY: KEY });
  expect(fromVariable.access.apiKey.value?.reveal()).toBe(KEY);
  expect(fromVariable.access.apiKey.origin).toEqual({
    kind: 'environment',
    variable: 'MCP_API_KEY',
  });
  await expect(load(folder.path, { auth: { apiKey: '${NOT_SET}' } })).rejects.toThrow(
    /auth\.apiKey/,
  );
});

test('OAuth has defaults for all but issuer and resource', async () => {
  await using folder = tempFolder();
  const { access } = await load(folder.path, { auth: { oauth: OAUTH } });
  expect(access.oauth.value).toEqual({
    ...OAUTH,
    requiredScopes: [],
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    clockToleranceSec: 30,
    allowedHosts: [],
    grants: [],
  });
});

test.each<[object, Record<string, string>, RegExp]>([
  [{ auth: { apiKey: 'written-out-in-the-file' } }, {}, /must be a reference/],
  [
    { auth: { apikey: '${X}' } },
    {},
    /auth has no|auth: has no "apikey"; there are apiKey, oauth, limits/,
  ],
  [{ auth: { oauth: { ...OAUTH, algorithms: ['HS256'] } } }, {}, /must be among RS256/],
  [{ auth: { oauth: { ...OAUTH, algorithms: ['none'] } } }, {}, /must be among/],
  [{ auth: { oauth: { ...OAUTH, clockToleranceSec: 61 } } }, {}, /at most 60/],
  [
    { auth: { oauth: { ...OAUTH, issuer: 'http://login.example' } } },
    {},
    /auth\.oauth\.issuer.*is not https/,
  ],
  [{ auth: { oauth: { issuer: 'x', resource: 'y' } } }, {}, /must be an http or https address/],
  [
    { auth: { oauth: { ...OAUTH, grants: [{ scopes: ['client'], claim: 'x' }] } } },
    {},
    /grants\[0\].*belong together/,
  ],
  [
    { auth: { oauth: { ...OAUTH, grants: [{ scopes: [], tool: {} }] } } },
    {},
    /has no "tool"; there are scope, claim/,
  ],
  [{ auth: { limits: { failuresPerMinute: -1 } } }, {}, /auth\.limits/],
  [{ allowedHosts: ['https://x'] }, {}, /allowedHosts.*must be a host name/],
  [{ allowedOrigins: ['app.example'] }, {}, /allowedOrigins.*must be an origin/],
  [{}, { MCP_API_KEY: 'short' }, /MCP_API_KEY: the key has fewer than 16/],
  [
    {},
    { MCP_ALLOWED_ORIGINS: 'https://a.example, b' },
    /MCP_ALLOWED_ORIGINS: each must be an origin/,
  ],
])('%j with %j is refused: %s', async (settings, env, message) => {
  await using folder = tempFolder();
  await expect(load(folder.path, settings, env)).rejects.toThrow(message);
});

test('an address other machines reach needs a key, a file of keys, or OAuth', async () => {
  await using folder = tempFolder();
  const open = { host: '0.0.0.0' };
  await expect(load(folder.path, open)).rejects.toThrow(
    /cortex-mcp\.json.*host.*0\.0\.0\.0 can be reached by other machines.*cortex-mcp keys create/,
  );
  await expect(load(folder.path, {}, { MCP_HOST: '10.0.0.1' })).rejects.toThrow(/^MCP_HOST: /);
  expect((await load(folder.path, open, { MCP_API_KEY: KEY })).settings.host.value).toBe('0.0.0.0');
  await load(folder.path, { ...open, auth: { oauth: OAUTH } });
  await mkdir(join(folder.path, 'mcp'), { recursive: true });
  await writeFile(join(folder.path, 'mcp', 'keys.json'), '{"version":1,"keys":[]}', {
    mode: 0o600,
  });
  expect((await load(folder.path, open)).settings.host.value).toBe('0.0.0.0');
});

test('names are taken in lower case, from the environment before the file', async () => {
  await using folder = tempFolder();
  const settings = {
    allowedHosts: ['A.example', '[::2]:80'],
    allowedOrigins: ['https://App.example'],
  };
  const { access } = await load(folder.path, settings);
  expect(access.allowedHosts.value).toEqual(['a.example', '[::2]:80']);
  expect(access.allowedOrigins.value).toEqual(['https://app.example']);
  const env = { MCP_ALLOWED_HOSTS: 'B.example, c.example:1' };
  expect((await load(folder.path, settings, env)).access.allowedHosts.value).toEqual([
    'b.example',
    'c.example:1',
  ]);
});
