import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream, tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { copyConfig } from '../../src/cli/baseline-config.ts';
import { loadConfig } from '../../src/config/config.ts';
import { cliBench } from '../cli/fake-io.ts';
import { startServe } from '../e2e/serve-process.ts';
import { reading } from './reading-fixture.ts';

test('baseline collect keeps a copy of the configuration without its secrets, and --keep the newest only (S1-16)', async () => {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
  await using home = tempFolder();
  const canary = 'canary-0123456789abcdef';
  await using serve = await startServe({
    folder: home,
    mcpServers: {
      demo: {
        url: `${upstream.url}?token=${canary}`,
        headers: { Authorization: `Bearer ${canary}` },
      },
      off: { command: 'x', args: [`--token=${canary}`], env: { KEY: canary }, disabled: true },
    },
  });
  await using bench = await cliBench();
  const { origin } = new URL(serve.url);
  const collect = async (...more: readonly string[]): Promise<string> => {
    bench.stdout.text = '';
    const args = ['--url', origin, '--seconds', '1', '--label', 'daily', '--keep', '1', ...more];
    expect(await bench.run('baseline', 'collect', ...args)).toBe(0);
    return bench.stdout.text;
  };
  await collect();
  const { folder, removed, record } = JSON.parse(await collect('--json')) as {
    folder: string;
    removed: string[];
    record: { host: Record<string, string> };
  };
  expect(removed).toHaveLength(1);
  expect(await readdir(join(folder, '..'))).toEqual([folder.split('/').at(-1)]);
  expect(record.host['configuration']).toBe('configuration.json');
  for (const name of await readdir(folder)) {
    expect([name, (await readFile(join(folder, name), 'utf8')).includes(canary)]).toEqual([
      name,
      false,
    ]);
  }
  const copy = JSON.parse(await readFile(join(folder, 'configuration.json'), 'utf8')) as {
    configPath: string;
    connectors: { id: string }[];
  };
  expect(copy.configPath).toBe(join(home.path, 'cortex-mcp.json'));
  expect(copy.connectors.map(({ id }) => id)).toEqual(['demo', 'off']);
  expect(await bench.run('baseline', 'collect', '--url', origin, '--keep', '0')).toBe(2);
}, 30_000);

test('copyConfig() takes what the command has read, else the file the service names, and says why there is none', async () => {
  await using bench = await cliBench();
  const secret = 'canary-fedcba9876543210';
  await bench.configure({ demo: { command: 'x', env: { KEY: secret } } });
  const { env, cwd, home } = bench.io;
  const path = join(bench.path, 'cortex-mcp.json');
  const of = async (settings: object, config?: Awaited<ReturnType<typeof loadConfig>>) =>
    await copyConfig({ io: bench.io, flags: {} }, config, reading({ atMs: 0, settings }));
  const loaded = await loadConfig({ env, cwd, home, orEmpty: true, flags: { config: path } });
  const own = await of({}, loaded);
  expect(own).toEqual(await of({ config: { value: path } }));
  expect(own).toMatchObject({ kind: 'copy', text: expect.stringContaining('"demo"') });
  expect(JSON.stringify(own)).not.toContain(secret);
  expect(await of({})).toEqual({
    kind: 'none',
    why: 'the service does not tell where its file is',
  });
  const gone = await of({ config: { value: join(bench.path, 'gone.json') } });
  expect(gone).toMatchObject({ kind: 'none', why: expect.stringContaining('gone.json') });
});
