import { expect, test } from 'vitest';
import {
  type ClientName,
  exportClientNames,
  type ExportClientName,
} from '../../src/sources/client.ts';
import { exportClientConfig } from '../../src/sources/export-client-config.ts';
import { readClientConfig } from '../../src/sources/read-client-config.ts';

const read = (client: ClientName, value: unknown, facts = {}) =>
  readClientConfig(client, JSON.stringify(value), facts);

test('readClientConfig() reads Claude Desktop programs as local records without connector', () => {
  const { records, skipped } = read('claude-desktop', {
    globalShortcut: 'x',
    mcpServers: { files: { command: 'npx', args: ['-y', 'a', 7], env: { PORT: 8080, OFF: null } } },
  });
  expect(skipped).toEqual([]);
  expect(records).toEqual([
    {
      name: 'files',
      transport: 'stdio',
      command: 'npx',
      args: ['-y', 'a', '7'],
      env: { PORT: '8080' },
      origin: 'local',
      source: { kind: 'client', client: 'claude-desktop', unset: ['OFF'] },
    },
  ]);
});

test('readClientConfig() reads ~/.claude.json with the servers of every project', () => {
  const { records } = read('claude-code', {
    numStartups: 3,
    mcpServers: { api: { type: 'http', url: 'https://h.test/mcp', headers: { A: '${B}' } } },
    projects: {
      '/work/one': { mcpServers: { api: { command: './run', args: ['${workspaceFolder}/x'] } } },
      '/work/two': {
        allowedTools: [],
        mcpServers: { old: { type: 'sse', url: 'https://o.test' } },
      },
      '/work/three/one': { mcpServers: { api: { command: 'c' } } },
      '/work/four': 7,
    },
  });
  expect(records).toMatchObject([
    { name: 'api', transport: 'streamableHttp', endpoint: 'https://h.test/mcp' },
    {
      name: 'api (one)',
      command: './run',
      args: ['/work/one/x'],
      cwd: '/work/one',
      source: { project: '/work/one', entry: 'api' },
    },
    { name: 'old', transport: 'sse' },
    { name: 'api (one) 2', source: { project: '/work/three/one' } },
  ]);
});

test('readClientConfig() reads VS Code servers with comments, inputs and unknown members', () => {
  const text = `\uFEFF// mine
  {
    "inputs": [{ "id": "key", "type": "promptString", "password": true }, { "id": "other" }],
    "servers": {
      "web": { "type": "http", "url": "https://w.test", "headers": { "X-Key": "\${input:key}" }, "dev": { "watch": "x" } }, // one
    },
  }`;
  const { records } = readClientConfig('vscode', text, { file: '/p/.vscode/mcp.json' });
  expect(records).toMatchObject([
    {
      name: 'web',
      source: {
        client: 'vscode',
        place: expect.stringMatching(/^[\da-f]{16}$/),
        type: 'http',
        keys: { dev: { watch: 'x' } },
        inputs: [{ id: 'key', type: 'promptString', password: true }],
      },
    },
  ]);
  expect(JSON.stringify(records)).not.toContain('/p/');
});

test('readClientConfig() reads VS Code settings and bare maps, not those of other clients', () => {
  const entry = { url: 'https://s.test' };
  expect(read('vscode', { mcp: { servers: { s: entry } } }).records).toHaveLength(1);
  expect(read('vscode', { s: entry, $schema: 'x' }).records).toHaveLength(1);
  expect(read('cursor', { s: entry }).records).toHaveLength(0);
  expect(read('vscode', { mcpServers: { s: entry }, servers: { s: entry } }).skipped).toEqual([
    { name: 's', reason: 'it is given twice in this file' },
  ]);
});

test('readClientConfig() names each entry it cannot use and quotes no value', () => {
  const { records, skipped } = read('cursor', {
    mcpServers: {
      ok: { serverUrl: 'https://ok.test', type: 'streamableHttp', disabled: true },
      both: { command: 'a', url: 'https://s3cret.test' },
      none: { note: 's3cret' },
      list: [],
      badType: { type: 's3cret', url: 'https://x.test' },
      notStdio: { type: 'http', command: 's3cret' },
      badArgs: { command: 'a', args: 's3cret' },
      badArg: { command: 'a', args: [{ s3cret: 1 }] },
      badEnv: { command: 'a', env: ['s3cret'] },
      badValue: { command: 'a', env: { A: ['s3cret'] } },
      badCommand: { command: 3 },
      'bad\u0000name': { command: 'a' },
      '': { command: 'a' },
    },
  });
  expect(records).toMatchObject([
    { name: 'ok', enabled: false, source: { urlKey: 'serverUrl', keys: { disabled: true } } },
  ]);
  expect(skipped.map(({ name }) => name)).toEqual([
    'both',
    'none',
    'list',
    'badType',
    'notStdio',
    'badArgs',
    'badArg',
    'badEnv',
    'badValue',
    'badCommand',
    'bad\u0000name',
    '',
  ]);
  expect(JSON.stringify(skipped)).not.toContain('s3cret');
});

test('readClientConfig() makes what counts from the folder of the file absolute', () => {
  const { records } = read(
    'cursor',
    {
      mcpServers: {
        a: { command: 'node', args: ['../x.js'], envFile: '.env' },
        b: { command: 'node', cwd: 'sub', envFile: '/abs/.env' },
        c: { command: 'node', args: ['${workspaceFolder}'], cwd: '~/x' },
      },
    },
    { folder: '/p' },
  );
  expect(records).toMatchObject([
    { cwd: '/p', envFile: '/p/.env' },
    { cwd: '/p/sub', envFile: '/abs/.env' },
    { cwd: '~/x', args: ['/p'] },
  ]);
});

function refused(text: string): unknown {
  try {
    readClientConfig('cursor', text);
  } catch (error) {
    return error;
  }
  return undefined;
}

test('readClientConfig() refuses what is no file of servers with a code', () => {
  expect(refused('{ "a": ')).toMatchObject({
    code: 'EFORMAT',
    message: expect.stringMatching(/line 1/) as string,
  });
  expect(refused('')).toMatchObject({ code: 'EFORMAT' });
  expect(refused('[]')).toMatchObject({ code: 'EFORMAT' });
  expect(refused('{"mcpServers": 3}')).toMatchObject({ code: 'EFORMAT' });
  expect(refused(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`)).toMatchObject({ code: 'EFORMAT' });
  expect(refused('['.repeat(100_000))).toMatchObject({ code: 'EFORMAT' });
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [n, {}]));
  expect(refused(JSON.stringify({ mcpServers: many }))).toMatchObject({ code: 'ETOOLARGE' });
});

test('exportClientConfig() writes every client in its own format', () => {
  const records = [
    { name: 'web', transport: 'streamableHttp' as const, endpoint: 'https://w.test/mcp' },
    { name: 'old', transport: 'sse' as const, endpoint: 'https://o.test/sse' },
    {
      name: 'run',
      transport: 'stdio' as const,
      command: 'x',
      args: ['--token', 'abc-secret', '${HOME}'],
      env: { API_KEY: 'file:secrets/run.k', MODE: '${MODE:-fast}' },
      cwd: '/w',
    },
    { name: 'off', transport: 'stdio' as const, command: 'x', enabled: false },
    { name: 'odd', transport: 'ws' as const, endpoint: 'wss://x.test' },
    { name: 'bare', transport: 'stdio' as const },
    { name: 'lost', transport: 'sse' as const },
  ];
  const config = (client: ExportClientName) => exportClientConfig(records, client).config;
  const names = (client: ExportClientName) =>
    exportClientConfig(records, client).skipped.map(({ name }) => name);
  expect(config('claude-desktop')).toEqual({
    mcpServers: {
      run: {
        command: 'x',
        args: ['--token', '${RUN_TOKEN}', '${HOME}'],
        env: { API_KEY: '${API_KEY}', MODE: '${MODE}' },
      },
    },
  });
  expect(names('claude-desktop')).toEqual(['web', 'old', 'off', 'odd', 'bare', 'lost']);
  expect(config('claude-code')).toMatchObject({
    mcpServers: {
      web: { type: 'http', url: 'https://w.test/mcp' },
      old: { type: 'sse', url: 'https://o.test/sse' },
      run: { env: { API_KEY: '${API_KEY}', MODE: '${MODE:-fast}' }, cwd: '/w' },
    },
  });
  expect(config('cursor')).toMatchObject({
    mcpServers: {
      web: { url: 'https://w.test/mcp' },
      run: { args: ['--token', '${env:RUN_TOKEN}', '${env:HOME}'] },
    },
  });
  expect(exportClientConfig(records, 'cursor').entries[2]).toMatchObject({
    placeholders: ['API_KEY', 'RUN_TOKEN'],
    leftOut: ['cwd'],
  });
  expect(config('vscode')).toMatchObject({
    inputs: [
      { id: 'api-key', type: 'promptString', password: true },
      { id: 'run-token', type: 'promptString', password: true },
    ],
    servers: {
      web: { type: 'http' },
      run: { type: 'stdio', env: { API_KEY: '${input:api-key}', MODE: '${env:MODE}' } },
    },
  });
  for (const client of exportClientNames)
    expect(JSON.stringify(exportClientConfig(records, client))).not.toMatch(/abc-secret|file:/);
});

test('exportClientConfig() gives back the switch, the projects and no name twice', () => {
  const text = {
    mcpServers: { a: { command: 'x', disabled: true }, b: { command: 'y', enabled: false } },
    projects: { '/p': { mcpServers: { a: { command: 'z' } } } },
  };
  const { records } = read('claude-code', text);
  expect(exportClientConfig(records, 'claude-code').config).toEqual(text);
  const on = records.map(({ enabled: _off, ...record }) => record);
  expect(exportClientConfig(on, 'claude-code').config).toMatchObject({
    mcpServers: { a: { command: 'x' }, b: { command: 'y' } },
  });
  const [a, b, z] = exportClientConfig(records, 'claude-code', { projects: false }).entries;
  expect([a?.name, b?.name, z?.name]).toEqual(['a', 'b', 'a (p)']);
  const twice = [...records, ...records];
  expect(exportClientConfig(twice, 'claude-code').skipped).toHaveLength(3);
});

test('readClientConfig() drops what a VS Code input would fill in for a secret (S16)', () => {
  const region = { id: 'region', type: 'promptString', default: 'europe' };
  const kept = [
    { id: 'a', type: 'promptString', password: true },
    { id: 'api-key', type: 'promptString' },
    { id: 'c', type: 'promptString' },
  ];
  const secrets = ['hunter2', 's3cret-default', 'ghp_s3cretLooksLikeOne1'];
  const inputs = [
    ...kept.map((input, index) => Object.assign({ default: secrets[index] }, input)),
    region,
  ];
  const headers = { A: '${input:a}', B: '${input:api-key}', C: '${input:c}', D: '${input:region}' };
  const { records } = read('vscode', {
    inputs,
    servers: { n: { url: 'https://e.test', headers } },
  });
  expect(records[0]?.['source']).toMatchObject({ inputs: [...kept, region] });
  expect(JSON.stringify(records)).not.toMatch(/hunter2|s3cret|default":"[^e]/u);
});

test('exportClientConfig() takes how a server is reached from the record alone, whatever its source says (S7)', () => {
  const source = {
    kind: 'client',
    client: 'cursor',
    keys: { command: 'sh', args: ['-c', 'evil'], env: { LD_PRELOAD: 'x' }, note: 'kept' },
  };
  const record = { name: 'w', transport: 'streamableHttp', endpoint: 'https://w.test' } as const;
  const { config } = exportClientConfig([{ ...record, source }], 'cursor');
  expect(config['mcpServers']).toEqual({ w: { url: 'https://w.test', note: 'kept' } });
  const disguised = { ...record, endpoint: 'sh', source: { ...source, urlKey: 'command' } };
  const [entry] = exportClientConfig([disguised], 'cursor').entries;
  expect(entry?.value).not.toHaveProperty('command');
});
