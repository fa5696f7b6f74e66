import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { assert, dictionary, jsonValue, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import { exportClientConfig } from '../../src/sources/export-client-config.ts';
import { clientConfigFiles, findClientConfigs } from '../../src/sources/find-client-configs.ts';
import { parseJsonText, sameJson } from '../../src/sources/json-text.ts';
import { mergeClientConfig, writeClientConfig } from '../../src/sources/write-client-config.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const web = { name: 'web', transport: 'streamableHttp' as const, endpoint: 'https://w.test/mcp' };
const now = (): Date => new Date();
const run = server('run', { args: ['a'], env: { API_KEY: 'file:secrets/x', MODE: 'slow' } });

test('mergeClientConfig() keeps comments, order and every other member', () => {
  const text = `{
\t// my inputs
\t"inputs": [
\t\t{ "id": "mine" } // mine
\t],
\t"servers": {
\t\t/* do not touch */ "other": { "command": "o", },
\t\t"run": { "type": "stdio", "command": "old", "args": ["a"], "dev": {"watch": "x"}, "env": { "API_KEY": "s3cret", "MODE": "fast" } } // mine too
\t},
\t"else": 1.0e3
}
`;
  const merged = mergeClientConfig(text, exportClientConfig([web, run], 'vscode'));
  expect(merged).toMatchObject({ added: ['web'], updated: ['run'], unchanged: [] });
  for (const kept of [
    '// my inputs',
    '// mine\n',
    '/* do not touch */ "other": { "command": "o", },',
    '// mine too',
    '"else": 1.0e3',
  ])
    expect(merged.text).toContain(kept);
  expect(merged.text).toContain('\n\t\t"web"');
  expect(parseJsonText(merged.text)).toMatchObject({
    inputs: [{ id: 'mine' }, { id: 'api-key', password: true }],
    servers: {
      web: { type: 'http', url: 'https://w.test/mcp' },
      // The value that the file has stays: a placeholder would break it.
      run: { command: 'run', env: { API_KEY: 's3cret', MODE: 'slow' }, dev: { watch: 'x' } },
    },
  });
  expect(mergeClientConfig(merged.text, exportClientConfig([web, run], 'vscode'))).toMatchObject({
    text: merged.text,
    unchanged: ['web', 'run'],
  });
});

test('mergeClientConfig() replaces how a server is reached as a whole', () => {
  const text = '{"mcpServers":{"web":{"command":"x","args":["1"],"note":"n"}}}';
  const merged = mergeClientConfig(text, exportClientConfig([web], 'cursor'));
  expect(parseJsonText(merged.text)).toEqual({
    mcpServers: { web: { note: 'n', url: 'https://w.test/mcp' } },
  });
});

test('mergeClientConfig() makes what is missing and refuses what is no file of a client', () => {
  const exported = exportClientConfig([web], 'vscode');
  expect(parseJsonText(mergeClientConfig('', exported).text)).toEqual({
    servers: { web: { type: 'http', url: web.endpoint } },
  });
  expect(
    mergeClientConfig('{\r\n  "a": 1\r\n}', exported).text.replaceAll('\r\n', ''),
  ).not.toContain('\n');
  for (const bad of ['{', '[]', '{"servers": []}'])
    expect(() => mergeClientConfig(bad, exported)).toThrow(
      expect.objectContaining({ code: 'EFORMAT' }),
    );
  const secret = exportClientConfig([run], 'vscode');
  expect(parseJsonText(mergeClientConfig('{"inputs":{}}', secret).text)).toMatchObject({
    inputs: [{ id: 'api-key' }],
  });
});

test('mergeClientConfig() never changes other members of any file', () => {
  const other = dictionary(
    string({ unit: 'binary' }).filter((key) => !['mcpServers', '__proto__'].includes(key)),
    jsonValue(),
  );
  const servers = dictionary(
    string({ unit: 'binary' }).filter((key) => !['web', 'run', '__proto__'].includes(key)),
    jsonValue(),
  );
  const exported = exportClientConfig([web, run], 'cursor');
  assert(
    property(other, servers, (rest, mine) => {
      const file = { ...rest, mcpServers: mine };
      const merged = parseJsonText(
        mergeClientConfig(JSON.stringify(file, undefined, 2), exported).text,
      );
      const { web: newWeb, run: newRun, ...others } = Object(merged).mcpServers;
      expect([newWeb, newRun]).toMatchObject([{ url: web.endpoint }, { command: 'run' }]);
      expect(sameJson({ ...Object(merged), mcpServers: others }, file)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test('writeClientConfig() keeps a copy, the mode and a symbolic link, and bounds the copies', async () => {
  const folder = tempFolder();
  const real = join(folder, 'real.json');
  const link = join(folder, 'mcp.json');
  writeFileSync(real, '{"mcpServers":{}}');
  chmodSync(real, 0o640);
  symlinkSync(real, link);
  const outcome = await writeClientConfig(link, exportClientConfig([web], 'cursor'), { now });
  expect(outcome).toMatchObject({ file: real, added: ['web'] });
  expect(readFileSync(outcome.backup ?? '', 'utf8')).toBe('{"mcpServers":{}}');
  expect(statSync(outcome.backup ?? '').mode & 0o777).toBe(0o640);
  expect(statSync(real).mode & 0o777).toBe(0o640);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  const again = await writeClientConfig(link, exportClientConfig([web], 'cursor'), { now });
  expect(again).toMatchObject({ backup: undefined, unchanged: ['web'] });
  for (let n = 0; n < 8; n += 1) {
    const changed = { ...web, endpoint: `https://w.test/${n}` };
    await writeClientConfig(link, exportClientConfig([changed], 'cursor'), { now });
  }
  const names = readdirSync(folder);
  expect(names.filter((name) => name.endsWith('.bak'))).toHaveLength(5);
  expect(names.filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('writeClientConfig() makes a file that is not there, 0600, and leaves a broken one alone', async () => {
  const folder = tempFolder();
  const file = join(folder, 'deep', 'mcp.json');
  const outcome = await writeClientConfig(file, exportClientConfig([web], 'cursor'), { now });
  expect(outcome).toMatchObject({ file, backup: undefined, added: ['web'] });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  writeFileSync(file, '{ broken');
  await expect(
    writeClientConfig(file, exportClientConfig([web], 'cursor'), { now }),
  ).rejects.toMatchObject({
    code: 'EFORMAT',
  });
  expect(readFileSync(file, 'utf8')).toBe('{ broken');
  await expect(
    writeClientConfig(folder, exportClientConfig([web], 'cursor'), { now }),
  ).rejects.toMatchObject({ code: 'EFORMAT' });
});

function paths(platform: NodeJS.Platform, variables: Record<string, string> = {}): string[] {
  const environment = { platform, home: '/h', cwd: '/p', variables };
  return clientConfigFiles(environment).map(({ file }) => file);
}

test('findClientConfigs() looks where each client keeps its file on this platform', async () => {
  const home = tempFolder();
  const cwd = join(home, 'project');
  const environment = { platform: 'linux' as const, home, cwd, variables: {} };
  for (const path of [
    '.claude.json',
    '.config/Claude/claude_desktop_config.json',
    '.config/Code/User/mcp.json',
    'project/.vscode/mcp.json',
    'project/.cursor/mcp.json/x',
  ]) {
    mkdirSync(join(home, path, '..'), { recursive: true });
    writeFileSync(join(home, path), '{}');
  }
  const found = await findClientConfigs(environment);
  expect(
    found.map(({ client, file, folder }) => [client, file.slice(home.length), folder]),
  ).toEqual([
    ['claude-desktop', '/.config/Claude/claude_desktop_config.json', undefined],
    ['claude-code', '/.claude.json', undefined],
    ['vscode', '/.config/Code/User/mcp.json', undefined],
    ['vscode', '/project/.vscode/mcp.json', cwd],
  ]);
  expect(paths('darwin')).toContain(
    '/h/Library/Application Support/Claude/claude_desktop_config.json',
  );
  expect(paths('win32')).toContain(join('/h', 'AppData', 'Roaming', 'Code', 'User', 'mcp.json'));
  expect(paths('win32', { APPDATA: '/r' })).toContain('/r/Claude/claude_desktop_config.json');
  expect(paths('linux', { XDG_CONFIG_HOME: '/x', CLAUDE_CONFIG_DIR: '/c' })).toEqual(
    expect.arrayContaining(['/x/Code/User/mcp.json', '/c/.claude.json', '/p/.mcp.json']),
  );
  expect(paths('linux').slice(-4)).toEqual([
    '/h/.gemini/settings.json',
    '/p/.gemini/settings.json',
    '/h/.codex/config.toml',
    '/p/.codex/config.toml',
  ]);
  expect(paths('linux', { CODEX_HOME: '/c' })).toContain('/c/config.toml');
});

test('findClientConfigs() names no file twice when the project is the home folder', async () => {
  const home = tempFolder();
  mkdirSync(join(home, '.cursor'));
  writeFileSync(join(home, '.cursor', 'mcp.json'), '{}');
  const found = await findClientConfigs({ platform: 'linux', home, cwd: home, variables: {} });
  expect(found).toEqual([
    { client: 'cursor', file: join(home, '.cursor', 'mcp.json'), folder: undefined },
  ]);
});

test.each([
  '{"mcpServers":{"a":{"command":"1"}},"mcpServers":{"b":{"command":"2"}}}',
  '{"mcpServers":{"run":{"command":"1"},"run":{"command":"2"}}}',
])(
  'mergeClientConfig() refuses a file in which the clients would not see the change: %s',
  (text) => {
    expect(() => mergeClientConfig(text, exportClientConfig([run], 'cursor'))).toThrow(
      /given twice/u,
    );
  },
);

test('writeClientConfig() leaves a file alone that is not UTF-8', async () => {
  const file = join(tempFolder(), 'mcp.json');
  const bytes = Buffer.from('{\n  // caf\xe9\n  "mcpServers": {}\n}\n', 'latin1');
  writeFileSync(file, bytes);
  const exported = exportClientConfig([web], 'cursor');
  await expect(writeClientConfig(file, exported, { now })).rejects.toMatchObject({
    code: 'EFORMAT',
  });
  expect(readFileSync(file)).toEqual(bytes);
});

test('writeClientConfig() leaves a file alone that is read-only, and a link to nothing', async () => {
  const folder = tempFolder();
  const file = join(folder, 'mcp.json');
  writeFileSync(file, '{}');
  chmodSync(file, 0o444);
  const link = join(folder, 'link.json');
  symlinkSync('nowhere.json', link);
  const exported = exportClientConfig([web], 'cursor');
  await expect(writeClientConfig(file, exported, { now })).rejects.toThrow(
    /mcp\.json is left alone: it is read-only/,
  );
  await expect(writeClientConfig(link, exported, { now })).rejects.toThrow(
    /link\.json is a link to a file that is not there/,
  );
  expect(readdirSync(folder).toSorted()).toEqual(['link.json', 'mcp.json']);
  expect(readFileSync(file, 'utf8')).toBe('{}');
});

test('writeClientConfig() does not write over what another program has just written', async () => {
  const file = join(tempFolder(), 'mcp.json');
  writeFileSync(file, '{"mcpServers":{}}');
  const theirs = '{"mcpServers":{"theirs":{"command":"x"}}}';
  const exported = exportClientConfig([web], 'cursor');
  // The clock is asked between reading and writing.
  const busy = (): Date => {
    writeFileSync(file, theirs);
    return now();
  };
  await expect(writeClientConfig(file, exported, { now: busy })).rejects.toMatchObject({
    code: 'EREFUSED',
  });
  expect(readFileSync(file, 'utf8')).toBe(theirs);
  expect(readdirSync(dirname(file)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test.runIf(process.getuid?.() === 0)(
  'writeClientConfig() run by root leaves the file to its owner',
  async () => {
    const file = join(tempFolder(), 'mcp.json');
    writeFileSync(file, '{}', { mode: 0o600 });
    chownSync(file, 1234, 1235);
    await writeClientConfig(file, exportClientConfig([web], 'cursor'), { now });
    expect(statSync(file)).toMatchObject({ uid: 1234, gid: 1235 });
  },
);
