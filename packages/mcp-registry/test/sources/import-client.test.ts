import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exportClientConfig } from '../../src/sources/export-client-config.ts';
import { planImport } from '../../src/sources/import-plan.ts';
import { readClientConfig } from '../../src/sources/read-client-config.ts';
import { everything, filesIn, github, importPlace, web } from '../lib/import-place.ts';
import { published, server } from '../lib/records.ts';

test('planImport() shows what would happen, writes nothing and tells no secret', async () => {
  const { plan, stateFolder, cache } = await importPlace();
  const before = Object.keys(filesIn(stateFolder));
  const { rows } = await plan({ github, web, broken: {} });
  expect(rows).toEqual([
    {
      name: 'github',
      action: 'add',
      moved: ['GITHUB_TOKEN', 'COLD', 'log-token', 'url password', 'key'],
    },
    { name: 'web', action: 'add', moved: ['Authorization', 'url path', 'api_key', 'clientSecret'] },
    { name: 'broken', action: 'skip', reason: expect.any(String), moved: [] },
  ]);
  expect(JSON.stringify(rows)).not.toContain('s3cret');
  expect(Object.keys(filesIn(stateFolder))).toEqual(before);
  expect(cache.size).toBe(0);
});

test('applyImport() moves secrets to files of their own, 0600 in a folder 0700', async () => {
  const { run, stateFolder, cache, secrets } = await importPlace();
  await run({ github, web });
  const record = cache.get('github') ?? server('none');
  const { args = [], env = {} } = record;
  expect(record).toMatchObject({
    origin: 'local',
    env: { MODE: 'fast', FROM_ENV: '${GITHUB_TOKEN}' },
  });
  expect(record).not.toHaveProperty('connector');
  const file = /^file:secrets\/(github\.github-token\.[\da-f]{8})$/.exec(
    String(env['GITHUB_TOKEN']),
  );
  expect(await secrets.read(String(file?.[1]))).toBe('s3cret-env');
  expect(args[2]).toMatch(/^--log-token=\$\{file:secrets\/[\w.-]+\}$/);
  expect(args[3]).toMatch(/^https:\/\/u:\$\{file:[^}]+\}@h\.test\/\?key=\$\{file:[^}]+\}$/);
  expect(cache.get('web')?.endpoint).toMatch(
    /^https:\/\/w\.test\/hook\/\$\{file:[^}]+\}\/mcp\?api_key=\$\{file:[^}]+\}$/,
  );
  expect(JSON.stringify(cache.getAll())).not.toContain('s3cret');
  const folder = join(stateFolder, 'secrets');
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const names = readdirSync(folder);
  expect(names).toHaveLength(9);
  for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  await cache.flush();
  const others = Object.entries(filesIn(stateFolder)).filter(([path]) => !path.startsWith(folder));
  expect(others.length).toBeGreaterThan(1);
  expect(JSON.stringify(others)).not.toContain('s3cret');
  expect(names.toSorted()).toEqual((await secrets.list()).toSorted());
});

test('importing the same file again changes nothing, a changed secret is an update', async () => {
  const { run, secrets, cache } = await importPlace();
  await run({ github, web });
  const before = everything(cache);
  const files = await secrets.list();
  expect((await run({ github, web })).map(({ action }) => action)).toEqual([
    'unchanged',
    'unchanged',
  ]);
  expect(everything(cache)).toEqual(before);
  expect(await secrets.list()).toEqual(files);
  const env = { ...github.env, GITHUB_TOKEN: 's3cret-new' };
  expect(await run({ github: { ...github, env }, web })).toMatchObject([
    { name: 'github', action: 'update', moved: ['GITHUB_TOKEN'] },
    { action: 'unchanged' },
  ]);
});

test.each(['claude-desktop', 'claude-code', 'cursor', 'vscode'] as const)(
  'what is exported to %s with placeholders is unchanged when it is imported again',
  async (client) => {
    const { run, cache } = await importPlace();
    const servers = client === 'claude-desktop' ? { github } : { github, web };
    await run(servers, { client });
    const { config, entries } = exportClientConfig(cache.getAll(), client);
    const { inputs } = config;
    expect(entries.flatMap(({ placeholders }) => placeholders).length).toBeGreaterThan(4);
    const again = await run(config[client === 'vscode' ? 'servers' : 'mcpServers'], {
      client,
      inputs,
    });
    expect(again.map(({ action }) => action)).toEqual(again.map(() => 'unchanged'));
    expect(again).toHaveLength(Object.keys(servers).length);
    expect(again.flatMap(({ moved }) => moved)).toEqual([]);
  },
);

test('--connect marks records for the gateway, and a later import keeps what was set', async () => {
  const { run, cache } = await importPlace();
  await run({ a: { command: 'x' } }, { connect: true });
  expect(cache.get('a')).toMatchObject({ connector: {} });
  const own = { connector: { id: 'mine' }, tags: ['t'], enabled: false };
  await cache.upsert({ ...server('a'), ...cache.get('a'), ...own });
  await run({ a: { command: 'y' } }, { connect: true });
  expect(cache.get('a')).toMatchObject({ command: 'y', ...own });
});

test('the switch of the file is followed both ways', async () => {
  const { run, cache } = await importPlace();
  await run({ a: { command: 'x', disabled: true } });
  expect(cache.get('a')?.enabled).toBe(false);
  await run({ a: { command: 'x' } });
  expect(cache.get('a')?.enabled).toBeUndefined();
});

test('a server of another origin is a conflict, replaced only by force', async () => {
  const { run, cache } = await importPlace();
  await cache.upsert(server('mine', { origin: 'local' }));
  await cache.upsert(
    server('far', { origin: 'remote', source: { kind: 'registry', url: 'https://r.test' } }),
  );
  await cache.upsert(published('io.test/x', '1.0.0'));
  await run({ theirs: { command: 'v' } }, { client: 'vscode' });
  const servers = {
    mine: { command: 'm' },
    far: { command: 'f' },
    theirs: { command: 't' },
    'io.test/x': { command: 'p' },
  };
  const rows = await run(servers);
  expect(rows.map(({ action }) => action)).toEqual(Array.from({ length: 4 }, () => 'conflict'));
  expect(rows.map(({ reason }) => reason)).toEqual([
    'a server of this name came from this machine',
    'a server of this name came from the registry https://r.test',
    'a server of this name came from another file (vscode)',
    'published versions have this name',
  ]);
  const forced = await run(servers, { force: true });
  expect(forced.map(({ action }) => action)).toEqual(['update', 'update', 'update', 'conflict']);
  expect(cache.get('mine')).toMatchObject({ command: 'm', source: { client: 'cursor' } });
});

test('the same server in two clients is one', async () => {
  const { run } = await importPlace();
  await run({ a: { command: 'x', args: ['1'] } });
  const rows = await run(
    { a: { command: 'x', args: ['1'] } },
    { client: 'claude-desktop', file: '/other' },
  );
  expect(rows).toEqual([{ name: 'a', action: 'unchanged', moved: [] }]);
});

test('defaults and secrets that cannot be moved are named', async () => {
  const { run } = await importPlace();
  const rows = await run({
    a: { command: 'x', env: { API_TOKEN: '${API_TOKEN:-s3cret-default}' } },
    b: { command: 'x', env: { API_TOKEN: 's'.repeat(70_000) } },
  });
  expect(rows).toMatchObject([
    { action: 'add', reason: 'the default of API_TOKEN looks like a secret and was left' },
    { action: 'skip', reason: 'the value of API_TOKEN is too large for a secret' },
  ]);
});

test('VS Code inputs that are still referred to are kept, and go back to VS Code', async () => {
  const { run, cache } = await importPlace();
  const inputs = [{ id: 'mine', type: 'promptString' }, { id: 'unused' }];
  const a = { command: 'x', env: { API_KEY: '${input:mine}' } };
  await run({ a }, { client: 'vscode', inputs });
  expect(cache.get('a')).toMatchObject({ source: { inputs: [inputs[0]] } });
  expect(exportClientConfig(cache.getAll(), 'vscode').config).toEqual({
    inputs: [inputs[0]],
    servers: { a },
  });
});

test('of several files of one import the first entry of a name counts', async () => {
  const { cache, secrets } = await importPlace();
  const [one, same] = ['/one', '/two'].map((file) =>
    readClientConfig('cursor', '{"mcpServers":{"a":{"command":"x"}}}', { file }),
  );
  const other = readClientConfig('vscode', '{"servers":{"a":{"command":"y"}}}');
  const records = [one, same, other].flatMap((reading) => reading?.records ?? []);
  const { rows, steps } = await planImport({ records, skipped: [] }, cache, { secrets });
  expect(rows.map(({ action }) => action)).toEqual(['add', 'unchanged', 'conflict']);
  expect(steps).toHaveLength(1);
});
