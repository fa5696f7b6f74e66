import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { type CliBench, cliBench } from './fake-io.ts';

const URL_LINE = 'http://127.0.0.1:3024/mcp';
const CURSOR = '.cursor/mcp.json';

async function put(bench: CliBench, name: string, content: string): Promise<string> {
  const file = join(bench.path, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

async function text(bench: CliBench, name: string): Promise<string> {
  return await readFile(join(bench.path, name), 'utf8');
}

const THEIRS = `{
  // mine
  "mcpServers": {
    "github": { "command": "gh-mcp", "env": { "GITHUB_TOKEN": "ghp_abcdefghijklmnop0123456789" } }, // keep
  },
  "other": [1,2,   3],
}
`;

test('connect adds one entry to the file of Cursor, keeps every other byte and a dated copy', async () => {
  await using bench = await cliBench();
  const file = await put(bench, CURSOR, THEIRS);
  await chmod(file, 0o640);
  expect(await bench.run('connect', 'cursor')).toBe(0);
  const entry = `    "cortex": {\n      "url": "${URL_LINE}"\n    },\n`;
  expect(await text(bench, CURSOR)).toBe(
    THEIRS.replace('  },\n  "other"', `${entry}  },\n  "other"`),
  );
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  const backup = /as it was: (\S+)\n/.exec(bench.stdout.text)?.[1] ?? '';
  expect(backup).toMatch(/mcp\.json\.\d{4}-\d\d-\d\dT[\d-]+Z\.bak$/);
  expect(await readFile(backup, 'utf8')).toBe(THEIRS);
  expect(bench.stdout.text).not.toContain('ghp_');
});

test('connect is idempotent, updates its own entry, and --undo gives the file back byte for byte', async () => {
  await using bench = await cliBench();
  await put(bench, CURSOR, THEIRS);
  expect(await bench.run('connect', 'cursor')).toBe(0);
  const once = await text(bench, CURSOR);
  expect(await bench.run('connect', 'cursor')).toBe(0);
  expect(bench.stdout.text).toContain('unchanged cortex');
  expect(await text(bench, CURSOR)).toBe(once);
  expect(await bench.run('connect', 'cursor', '--port', '4000')).toBe(0);
  expect(await text(bench, CURSOR)).toBe(once.replace('3024', '4000'));
  expect(await bench.run('connect', 'cursor', '--undo', '--dry-run')).toBe(0);
  expect(await text(bench, CURSOR)).toBe(once.replace('3024', '4000'));
  expect(await bench.run('connect', 'cursor', '--undo')).toBe(0);
  expect(await text(bench, CURSOR)).toBe(THEIRS);
  expect(await bench.run('connect', 'cursor', '--undo')).toBe(1);
  expect(bench.stderr.text).toContain('nothing to take back');
});

test('connect --undo takes only the entry out of a file that its client has changed since', async () => {
  await using bench = await cliBench();
  await put(bench, CURSOR, '{\n  "mcpServers": {\n    "a": { "command": "a" }\n  }\n}\n');
  await bench.run('connect', 'cursor');
  const changed = (await text(bench, CURSOR)).replace('"command": "a"', '"command": "b"');
  await put(bench, CURSOR, changed);
  expect(await bench.run('connect', 'cursor', '--undo', '--json')).toBe(0);
  expect(JSON.parse(await text(bench, CURSOR))).toEqual({ mcpServers: { a: { command: 'b' } } });
});

test('connect --dry-run shows the lines without secrets and writes nothing', async () => {
  await using bench = await cliBench();
  await put(bench, CURSOR, THEIRS);
  expect(
    await bench.run('connect', 'cursor', '--dry-run', '--header', 'Authorization=Bearer s3cret'),
  ).toBe(0);
  expect(await text(bench, CURSOR)).toBe(THEIRS);
  expect(bench.stdout.text).toContain(`+       "url": "${URL_LINE}"`);
  expect(bench.stdout.text).toContain('+         "Authorization": "***"');
  expect(bench.stdout.text).toContain('nothing was written\n');
  expect(bench.stdout.text).not.toMatch(/s3cret|ghp_/);
  expect(await readdir(join(bench.path, '.cursor'))).toEqual(['mcp.json']);
});

test.each([
  ['claude-code', '.claude.json', { mcpServers: { cortex: { type: 'http', url: URL_LINE } } }],
  [
    'vscode',
    '.config/Code/User/mcp.json',
    { servers: { cortex: { type: 'http', url: URL_LINE } } },
  ],
  ['gemini', '.gemini/settings.json', { mcpServers: { cortex: { httpUrl: URL_LINE } } }],
])(
  'connect %s makes %s where there is none, and --undo removes it',
  async (client, name, config) => {
    await using bench = await cliBench();
    expect(await bench.run('connect', client)).toBe(0);
    expect(JSON.parse(await text(bench, name))).toEqual(config);
    expect((await stat(join(bench.path, name))).mode & 0o777).toBe(0o600);
    expect(await bench.run('connect', client, '--undo')).toBe(0);
    await expect(text(bench, name)).rejects.toThrow('ENOENT');
  },
);

test('connect claude-desktop lets it start cortex-mcp stdio with this configuration and state', async () => {
  await using bench = await cliBench();
  const home = join(bench.path, 'state');
  await using other = await cliBench({ ...bench.io, env: { ...bench.io.env, CORTEX_HOME: home } });
  await bench.configure({});
  expect(await other.run('connect', 'claude-desktop')).toBe(0);
  const name = '.config/Claude/claude_desktop_config.json';
  const { cortex } = JSON.parse(await text(bench, name)).mcpServers;
  expect(cortex.command).toBe(process.execPath);
  expect(cortex.args[0]).toMatch(/packages\/mcp\/bin\/cortex-mcp\.js$/);
  const config = join(bench.path, 'cortex-mcp.json');
  expect(cortex.args.slice(1)).toEqual(['stdio', '--config', config]);
  expect(cortex.env).toEqual({ CORTEX_HOME: home });
  expect(await other.run('connect', 'claude-desktop')).toBe(0);
  expect(bench.stdout.text).toContain('unchanged cortex');
  expect(await other.run('connect', 'claude-desktop', '--header', 'A=b')).toBe(2);
  expect(await other.run('connect', 'cursor', '--stdio', '--url', 'http://127.0.0.1:5000')).toBe(0);
  const cursor = JSON.parse(await text(bench, CURSOR)).mcpServers.cortex;
  expect(cursor.args.slice(1)).toEqual(['stdio', '--url', 'http://127.0.0.1:5000/mcp']);
});

test('connect codex appends a table to config.toml and takes it out again', async () => {
  await using bench = await cliBench();
  const theirs = 'model = "o9"\n\n[mcp_servers.docs]\ncommand = "docs"\n';
  await put(bench, '.codex/config.toml', theirs);
  expect(await bench.run('connect', 'codex', '--header', 'X-Key=a"b')).toBe(0);
  const added = `${theirs}\n[mcp_servers.cortex]\nurl = "${URL_LINE}"\nhttp_headers = { X-Key = "a\\"b" }\n`;
  expect(await text(bench, '.codex/config.toml')).toBe(added);
  const changed = `${added}\n[more]\na = 1\n`;
  await put(bench, '.codex/config.toml', changed);
  expect(await bench.run('connect', 'codex', '--undo')).toBe(0);
  expect(await text(bench, '.codex/config.toml')).toBe(`${theirs}\n\n[more]\na = 1\n`);
});

test.each([
  ['cursor', CURSOR, '{ "mcpServers": {', 'a closing } is missing'],
  ['cursor', CURSOR, '[1]', 'the file must hold one JSON object'],
  ['cursor', CURSOR, '{"mcpServers":[]}', 'mcpServers is not an object'],
  ['cursor', CURSOR, '{"mcpServers":{},"mcpServers":{}}', 'given twice'],
  ['codex', '.codex/config.toml', 'a = [1,\n', 'the TOML is not valid on line 1'],
  ['codex', '.codex/config.toml', 'mcp_servers = {}\n', 'not written as a table'],
])('connect %s leaves a broken %s alone: %j', async (client, name, broken, message) => {
  await using bench = await cliBench();
  const file = await put(bench, name, broken);
  expect(await bench.run('connect', client)).not.toBe(0);
  expect(bench.stderr.text).toContain(file);
  expect(bench.stderr.text).toContain(message);
  expect(await text(bench, name)).toBe(broken);
  expect(await readdir(dirname(file))).toHaveLength(1);
});

test('connect does not replace a server of somebody else that is called cortex, but with --force', async () => {
  await using bench = await cliBench();
  const theirs = '{"mcpServers":{"cortex":{"url":"https://cortex.example/api"}}}';
  await put(bench, CURSOR, theirs);
  expect(await bench.run('connect', 'cursor')).toBe(1);
  expect(bench.stderr.text).toContain('replace it with --force');
  expect(await text(bench, CURSOR)).toBe(theirs);
  expect(await bench.run('connect', 'cursor', '--force')).toBe(0);
  expect(JSON.parse(await text(bench, CURSOR))).toEqual({
    mcpServers: { cortex: { url: URL_LINE } },
  });
  expect(await bench.run('connect', 'cursor', '--undo')).toBe(0);
  expect(await text(bench, CURSOR)).toBe(theirs);
});

test('connect follows a symbolic link, and writes the file it names', async () => {
  await using bench = await cliBench();
  const real = await put(bench, 'dotfiles/cursor.json', '{}');
  await mkdir(join(bench.path, '.cursor'));
  await symlink(real, join(bench.path, CURSOR));
  expect(await bench.run('connect', 'cursor')).toBe(0);
  expect(await readFile(real, 'utf8')).toContain(URL_LINE);
  expect(await bench.run('connect', 'cursor', '--file', 'project/mcp.json')).toBe(0);
  expect(await text(bench, 'project/mcp.json')).toContain(URL_LINE);
  expect(bench.stdout.text).toMatch(/connect cursor --file project\/mcp\.json --undo\n/);
});

test('connect refuses the file that is the configuration itself, and what does not fit', async () => {
  await using bench = await cliBench();
  const file = await put(bench, CURSOR, '{"mcpServers":{}}');
  expect(await bench.run('connect', 'cursor', '--config', file)).toBe(2);
  expect(bench.stderr.text).toContain('would connect to itself');
  expect(await bench.run('connect', 'cursr')).toBe(2);
  expect(bench.stderr.text).toContain('did you mean cursor?');
  expect(await bench.run('connect', 'cursor', '--port', '0')).toBe(2);
  expect(await bench.run('connect', 'cursor', '--url', 'ftp://x')).toBe(2);
  expect(await bench.run('connect', 'cursor', '--url', 'http://a:b@x')).toBe(2);
  expect(await bench.run('connect', 'cursor', '--undo', '--stdio')).toBe(2);
  expect(await bench.run('connect', 'cursor', '--list')).toBe(2);
  expect(await bench.run('connect', '--undo')).toBe(2);
  expect(bench.stderr.text).toContain('--undo needs the client that is meant');
});

test('connect says that a key is wanted, and names this machine for an open address', async () => {
  await using bench = await cliBench({ env: { MCP_API_KEY: 'k'.repeat(32), MCP_HOST: '0.0.0.0' } });
  expect(await bench.run('connect', 'cursor')).toBe(0);
  expect(bench.stderr.text).toContain('the gateway wants a key');
  expect(await text(bench, CURSOR)).toContain(URL_LINE);
  expect(await text(bench, CURSOR)).not.toContain('kkkk');
});

test('connect --list tells which clients are here, which are connected and which are broken', async () => {
  await using bench = await cliBench();
  await put(bench, CURSOR, '{');
  await put(bench, '.gemini/settings.json', '{}');
  await put(bench, '.codex/config.toml', '[mcp_servers.cortex]\nurl = "https://x.example/"\n');
  await bench.run('connect', 'vscode');
  const before = bench.stdout.text.length;
  expect(await bench.run('connect', '--json')).toBe(0);
  const { clients } = JSON.parse(bench.stdout.text.slice(before));
  const states = clients.map(({ name, state }: { name: string; state: string }) => [name, state]);
  expect(Object.fromEntries(states)).toEqual({
    'claude-desktop': 'missing',
    'claude-code': 'missing',
    cursor: 'broken',
    vscode: 'connected',
    codex: 'other',
    gemini: 'found',
  });
  expect(await bench.run('connect', '--list')).toBe(0);
  expect(bench.stdout.text).toMatch(/^vscode\s+connected\s+\S+mcp\.json$/m);
});
