import { expect, test } from 'vitest';
import { exportClientConfig } from '../../src/sources/export-client-config.ts';
import { planImport } from '../../src/sources/import-plan.ts';
import { readClientConfig } from '../../src/sources/read-client-config.ts';
import { importPlace } from '../lib/import-place.ts';

const gemini = (value: object, facts = {}) =>
  readClientConfig('gemini', JSON.stringify(value), facts);

test('readClientConfig() reads Gemini CLI: httpUrl before url, variables with and without braces', () => {
  const { records, skipped } = gemini({
    theme: 'x',
    mcpServers: {
      run: {
        command: 'node',
        args: ['$SCRIPT', '--as=$USER_NAME', 'a$B', '$lower'],
        env: { KEY: '$MY_KEY', PART: 'pa$SWORD1', BOTH: '${A}-$B' },
        cwd: './sub',
        timeout: 5000,
        trust: true,
      },
      web: { httpUrl: 'https://w.test/mcp', url: 'https://old.test', headers: { A: 'Bearer $T' } },
      open: { url: 'https://o.test/mcp' },
      old: { url: 'https://o.test/sse', type: 'sse' },
      both: { command: 'x', url: 'https://s3cret.test' },
    },
  });
  expect(records).toMatchObject([
    {
      name: 'run',
      transport: 'stdio',
      args: ['${SCRIPT}', '--as=${USER_NAME}', 'a$B', '$lower'],
      env: { KEY: '${MY_KEY}', PART: 'pa$SWORD1', BOTH: '${A}-${B}' },
      source: { client: 'gemini', keys: { timeout: 5000, trust: true } },
    },
    {
      name: 'web',
      transport: 'streamableHttp',
      endpoint: 'https://w.test/mcp',
      headers: { A: 'Bearer ${T}' },
      source: { urlKey: 'httpUrl' },
    },
    // Without a type it tries the newer transport first, and so does the gateway.
    { name: 'open', transport: 'streamableHttp', endpoint: 'https://o.test/mcp' },
    { name: 'old', transport: 'sse' },
  ]);
  expect(skipped).toEqual([{ name: 'both', reason: 'it has both a command and a url' }]);
});

test.each([
  { mcp: { allowed: ['on'] } },
  { mcp: { excluded: ['off'] } },
  { allowMCPServers: ['on'] },
  { excludeMCPServers: ['off'] },
])('readClientConfig() switches off what Gemini CLI leaves out by %j', (lists) => {
  const mcpServers = { on: { command: 'x' }, off: { command: 'y' } };
  const { records } = gemini({ ...lists, mcpServers });
  expect(records.map(({ name, enabled }) => [name, enabled])).toEqual([
    ['on', undefined],
    ['off', false],
  ]);
  // The list is in another place of the file, so the entry says nothing.
  expect(exportClientConfig(records, 'gemini').config).toEqual({ mcpServers });
});

test('a server that Gemini CLI no longer leaves out is switched on by the next import', async () => {
  const { cache, plan, run } = await importPlace();
  const facts = { file: '/home/me/.gemini/settings.json' };
  const entry = { a: { command: 'x' } };
  await run({}, { client: 'gemini' });
  const off = gemini({ mcp: { excluded: ['a'] }, mcpServers: entry }, facts);
  const { secrets } = await importPlace();
  const { steps } = await planImport(off, cache, { secrets });
  await cache.upsertMany(steps.map(({ after }) => after));
  expect(cache.get('a')?.enabled).toBe(false);
  const { rows } = await plan(entry, { client: 'gemini', ...facts });
  expect(rows).toEqual([{ name: 'a', action: 'update', moved: [] }]);
  await run(entry, { client: 'gemini', ...facts });
  expect(cache.get('a')?.enabled).toBeUndefined();
});

test('exportClientConfig() gives Gemini CLI httpUrl, and url with its type for SSE', () => {
  const base = { name: 'web', transport: 'streamableHttp' as const, endpoint: 'https://w.test/' };
  const old = { name: 'old', transport: 'sse' as const, endpoint: 'https://o.test/' };
  const run = { name: 'run', transport: 'stdio' as const, command: 'x', cwd: '/w' };
  const env = { A: '${env:B}', TOKEN: 'file:secrets/run.k' };
  const { config, entries } = exportClientConfig([base, old, { ...run, env }], 'gemini');
  expect(config).toEqual({
    mcpServers: {
      web: { httpUrl: 'https://w.test/' },
      old: { type: 'sse', url: 'https://o.test/' },
      run: { command: 'x', env: { A: '${B}', TOKEN: '${TOKEN}' }, cwd: '/w' },
    },
  });
  expect(entries.flatMap(({ leftOut }) => leftOut)).toEqual([]);
});

const CODEX = `
model = "gpt"
[mcp_servers.docs]
command = "npx"
args = ["-y", 'docs', """--all"""]
env_vars = ["LOCAL_TOKEN", { name = "OTHER", source = "local" }]
startup_timeout_sec = 20
enabled = false
[mcp_servers.docs.env]
MODE = "fast"
LOCAL_TOKEN = "own"

[mcp_servers."My Web"] # the new one
url = "https://w.test/mcp"
bearer_token_env_var = "WEB_TOKEN"
http_headers = { "X-Region" = "eu", "X-Key" = "s3cret-header-1" }
env_http_headers = { X-Team = "TEAM" }
tool_timeout_sec = 60.5
[projects."/home/me"]
trust_level = "trusted"
`;

test('readClientConfig() reads the tables of Codex and puts variables where it names them', () => {
  const { records, skipped } = readClientConfig('codex', CODEX);
  expect(skipped).toEqual([]);
  expect(records).toEqual([
    {
      name: 'docs',
      transport: 'stdio',
      command: 'npx',
      args: ['-y', 'docs', '--all'],
      env: { LOCAL_TOKEN: 'own', OTHER: '${OTHER:-}', MODE: 'fast' },
      origin: 'local',
      enabled: false,
      source: {
        kind: 'client',
        client: 'codex',
        keys: { startup_timeout_sec: 20, enabled: false },
      },
    },
    {
      name: 'My Web',
      transport: 'streamableHttp',
      endpoint: 'https://w.test/mcp',
      headers: {
        'X-Region': 'eu',
        'X-Key': 's3cret-header-1',
        'X-Team': '${TEAM}',
        Authorization: 'Bearer ${WEB_TOKEN}',
      },
      origin: 'local',
      source: { kind: 'client', client: 'codex', keys: { tool_timeout_sec: 60.5 } },
    },
  ]);
  expect(readClientConfig('codex', '').records).toEqual([]);
});

test('readClientConfig() names each table of Codex it cannot use and quotes no value', () => {
  const reasons = [
    'url = "https://a.test"\nbearer_token_env_var = "s3cret value"',
    'url = "https://a.test"\nenv_http_headers = ["s3cret"]',
    'url = "https://a.test"\nenv_http_headers = { A = "s3cret-" }',
    'url = "https://a.test"\nhttp_headers = { A = ["s3cret"] }',
    'command = "x"\nenv_vars = "s3cret"',
    'command = "x"\nenv_vars = ["s3cret value"]',
    'command = "x"\nenv = "s3cret"',
  ].map((table) => readClientConfig('codex', `[mcp_servers.a]\n${table}`).skipped[0]?.reason);
  expect(reasons).toEqual([
    'bearer_token_env_var is not the name of a variable',
    'env_http_headers is not an object',
    'A in env_http_headers is not the name of a variable',
    'A in http_headers is not text',
    'env_vars is not an array',
    'one of env_vars is not the name of a variable',
    'env is not an object',
  ]);
  expect(() => readClientConfig('codex', 'mcp_servers = 1')).toThrow('not an object by name');
  expect(() => readClientConfig('codex', 'a = ')).toThrow('not valid on line 1');
});

test('planImport() moves the secrets of Codex and says which filters of tools are not applied', async () => {
  const { cache, secrets } = await importPlace();
  const text = `${CODEX}
[mcp_servers.old]
url = "https://o.test"
bearer_token = "s3cret-token-1"
disabled_tools = ["rm"]
`;
  const { rows, steps } = await planImport(readClientConfig('codex', text), cache, { secrets });
  expect(rows).toEqual([
    { name: 'docs', action: 'add', moved: ['LOCAL_TOKEN'] },
    { name: 'My Web', action: 'add', moved: ['X-Key'] },
    {
      name: 'old',
      action: 'add',
      moved: ['Authorization'],
      reason: 'disabled_tools is not applied: all its tools are offered',
    },
  ]);
  expect(JSON.stringify(steps.map(({ after }) => after))).not.toContain('s3cret');
});
