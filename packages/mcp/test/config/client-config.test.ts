import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import { MAX_CONNECTORS, workspaceFolderOf } from '../../src/config/client-config.ts';
import { configFolder } from './config-folder.ts';

test('readConnectors() reads mcpServers as Claude writes them', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: {
      'My Server': { command: 'npx', args: ['-y', 'x'], env: { A: '1', N: 2, GONE: null } },
      github: {
        type: 'http',
        url: 'https://api.example.com/mcp',
        headers: { Authorization: 'Bearer t' },
      },
      off: { command: 'x', disabled: true },
      off2: { command: 'x', enabled: false },
    },
  });
  const { connectors, warnings } = await folder.load();
  expect(warnings).toEqual([]);
  expect(connectors[0]).toEqual({
    id: 'my-server',
    title: 'My Server',
    origin: 'local',
    enabled: true,
    transport: {
      kind: 'stdio',
      command: 'npx',
      args: ['-y', 'x'],
      env: { A: '1', N: '2' },
      cwd: folder.path,
    },
    era: 'auto',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
  });
  expect(connectors[1]?.transport).toEqual({
    kind: 'http',
    url: 'https://api.example.com/mcp',
    headers: { Authorization: 'Bearer t' },
  });
  expect(connectors.map(({ enabled }) => enabled)).toEqual([true, true, false, false]);
});

test('readConnectors() reads servers, inputs, envFile and cwd as VS Code writes them', async () => {
  await using folder = await configFolder();
  await folder.write('secrets.env', 'TOKEN=from-file\nOTHER="x y"\n');
  const config = await folder.write('.vscode/mcp.json', {
    inputs: [
      { id: 'region', type: 'promptString', default: 'eu' },
      { id: 'token', type: 'promptString', password: true, default: 'never' },
    ],
    servers: {
      local: {
        type: 'stdio',
        command: '${workspaceFolder}/bin/server',
        args: ['${input:region}', '${userHome}', '${workspaceFolderBasename}${pathSeparator}'],
        envFile: '${workspaceFolder}/secrets.env',
        env: { TOKEN: 'wins' },
        cwd: 'sub',
        dev: { watch: '*' },
        gallery: true,
      },
      asks: { url: 'https://x.example/mcp', headers: { 'X-Key': '${input:token}' } },
    },
  });
  const { connectors, warnings } = await folder.load({ config });
  expect(warnings).toEqual([]);
  expect(connectors[0]?.transport).toEqual({
    kind: 'stdio',
    command: join(folder.path, 'bin/server'),
    args: ['eu', folder.home, 'work/'],
    env: { TOKEN: 'wins', OTHER: 'x y' },
    cwd: join(folder.path, 'sub'),
  });
  expect(connectors[1]).toMatchObject({ transport: undefined, enabled: true });
  expect(connectors[1]?.problem).toContain('${input:token} has no value');
  expect(connectors[1]?.problem).toContain('${env:TOKEN}');
});

test('readConnectors() reads eras as the Inspector writes them, timeouts, and the URL keys of other clients', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: {
      a: { url: 'http://127.0.0.1:1/mcp', protocolEra: 'legacy' },
      b: { serverUrl: 'http://127.0.0.1:1/mcp', era: 'modern', protocolEra: 'legacy' },
      c: {
        httpUrl: 'http://127.0.0.1:2/mcp',
        url: 'http://127.0.0.1:3/sse',
        timeouts: { idleTimeoutMs: 5 },
      },
    },
  });
  const { connectors } = await folder.load();
  expect(connectors.map(({ era }) => era)).toEqual(['legacy', 'modern', 'auto']);
  expect(connectors[2]?.timeouts).toEqual({ ...DEFAULT_TIMEOUTS, idleTimeoutMs: 5 });
  expect(connectors[2]?.transport).toMatchObject({ url: 'http://127.0.0.1:2/mcp' });
});

test('readConnectors() reads VS Code settings and a bare map', async () => {
  await using folder = await configFolder();
  const settings = await folder.write('settings.json', {
    'editor.tabSize': 2,
    mcp: { servers: { one: { command: 'x' } } },
  });
  const bare = await folder.write('bare.json', {
    $schema: 's',
    two: { command: 'x' },
    three: { url: 'http://h/mcp' },
  });
  const ids = async (config: string): Promise<unknown> => {
    const { connectors, warnings } = await folder.load({ config });
    return [connectors.map(({ id }) => id), warnings];
  };
  expect(await ids(settings)).toEqual([['one'], []]);
  expect(await ids(bare)).toEqual([['two', 'three'], []]);
});

test('readConnectors() makes an unresolved variable the problem of that connector only', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: {
      a: { command: '${NOPE}', args: ['${env:ALSO_NOT}', '${command:x}'] },
      b: { url: 'https://h/${TENANT}/mcp', headers: { A: '${T:-d}', B: '${EMPTY:-e}' } },
      c: { command: 'x', envFile: 'missing.env' },
      d: { command: 'x', envFile: '${NOPE}' },
      e: { command: 'x', args: ['${what ever}'] },
      f: { command: '${EMPTY}' },
      g: { url: '${BASE}/mcp' },
      h: { url: 'https://h/mcp', headers: { A: '${CONTROL}' } },
      i: { command: 'x', args: ['\0'] },
    },
  });
  const env = { TENANT: 'acme', EMPTY: '', BASE: 'ftp://host', CONTROL: 'a\nb' };
  const { connectors } = await folder.load({}, env);
  const problems = Object.fromEntries(connectors.map(({ id, problem }) => [id, problem]));
  expect(problems['a']).toBe(
    '${NOPE} has no value: set NOPE or write ${NOPE:-default} (and 2 more)',
  );
  expect(problems['b']).toBeUndefined();
  expect(connectors[1]?.transport).toEqual({
    kind: 'http',
    url: 'https://h/acme/mcp',
    headers: { A: 'd', B: 'e' },
  });
  expect(problems['c']).toContain('envFile cannot be read');
  expect(problems['d']).toContain('${NOPE}');
  expect(problems['e']).toContain('is no variable that is known here');
  expect(problems['f']).toBe('the command is empty');
  expect(problems['g']).toContain('is not an http or https URL once expanded');
  expect(problems['h']).toContain('header A');
  expect(problems['i']).toContain('NUL');
});

test('readConnectors() makes transports we lack the problem of that connector', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: { ws: { type: 'ws', url: 'wss://h' } } });
  const { connectors } = await folder.load();
  expect(connectors[0]?.problem).toContain('"ws" is not supported');
});

test('readConnectors() takes type sse as the HTTP+SSE transport, headers and references included', async () => {
  await using folder = await configFolder();
  const headers = { 'X-Key': 'k', Authorization: 'file:/run/token' };
  await folder.write('cortex-mcp.json', {
    mcpServers: { old: { type: 'sse', url: 'https://h/sse?a=1', headers } },
  });
  const { connectors } = await folder.load();
  expect(connectors[0]).toMatchObject({
    problem: undefined,
    transport: {
      kind: 'sse',
      url: 'https://h/sse?a=1',
      headers: { 'X-Key': 'k' },
      lateHeaders: { Authorization: 'file:/run/token' },
    },
  });
});

test('readConnectors() refuses type sse without a url, and an unresolved one is its problem', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: { old: { type: 'sse', command: 'x' } } });
  await expect(folder.load()).rejects.toThrow('type is sse but there is no url');
  await folder.write('cortex-mcp.json', {
    mcpServers: { old: { type: 'sse', url: 'https://${NOT_SET_HERE}/sse' } },
  });
  const { connectors } = await folder.load();
  expect(connectors[0]).toMatchObject({ transport: undefined });
  expect(connectors[0]?.problem).toContain('NOT_SET_HERE');
});

test('readConnectors() takes idleStopMs of a process', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', idleStopMs: 60_000 }, b: { command: 'x' } },
  });
  const { connectors } = await folder.load();
  expect(connectors.map(({ idleStopMs }) => idleStopMs)).toEqual([60_000, undefined]);
});

test('readConnectors() gives ids as the contract says and keeps names as titles', async () => {
  await using folder = await configFolder();
  const names = ['My Server', 'my-server', 'github_v2', 'GitHub v2', '__proto__', 'Café', '日本'];
  const entries = names.map((name) => `${JSON.stringify(name)}: {"command": "x"}`);
  await folder.write('cortex-mcp.json', `{"mcpServers": {${entries.join(',')}}}`);
  const { connectors } = await folder.load();
  expect(connectors.map(({ title }) => title)).toEqual(names);
  expect(connectors.map(({ id }) => id)).toEqual([
    'my-server-2',
    'my-server',
    'github-v2',
    'github-v2-2',
    'proto',
    'cafe',
    'connector',
  ]);
});

test('readConnectors() sends the user info of a URL as the header it stands for', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: {
      a: { url: 'https://user:p%40ss@h/mcp' },
      b: { url: 'https://user:x@h/mcp', headers: { authorization: 'Bearer t' } },
    },
  });
  const { connectors } = await folder.load();
  expect(connectors[0]?.transport).toEqual({
    kind: 'http',
    url: 'https://h/mcp',
    headers: { Authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}` },
  });
  expect(connectors[1]?.transport).toMatchObject({ headers: { authorization: 'Bearer t' } });
});

test('readConnectors() bounds the number of connectors and the size of an envFile', async () => {
  await using folder = await configFolder();
  await mkdir(join(folder.path, 'big'));
  await writeFile(join(folder.path, 'big/env'), 'A=1\n'.repeat(300_000));
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', envFile: 'big/env' } },
  });
  expect((await folder.load()).connectors[0]?.problem).toContain('larger than');
  const many = Array.from({ length: MAX_CONNECTORS + 1 }, (_, index) => [
    `c${index}`,
    { command: 'x' },
  ]);
  await folder.write('cortex-mcp.json', { mcpServers: Object.fromEntries(many) });
  expect((await folder.fail()).code).toBe('CONFIG_TOO_LARGE');
});

test('workspaceFolderOf() is the folder above for the files of clients', () => {
  expect(workspaceFolderOf('/p/.vscode/mcp.json')).toBe('/p');
  expect(workspaceFolderOf('/p/.cursor/mcp.json')).toBe('/p');
  expect(workspaceFolderOf('/p/cortex-mcp.json')).toBe('/p');
});

test('readConnectors() takes exclusive of a process', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', exclusive: true }, b: { command: 'x' } },
  });
  const { connectors } = await folder.load();
  expect(connectors.map(({ exclusive }) => exclusive)).toEqual([true, undefined]);
});
