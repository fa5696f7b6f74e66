import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { officialMetaKey } from '@cortex-os/mcp-registry';
import { expect, test } from 'vitest';
import { startRegistryGateway } from '../registry-fixture.ts';
import { cliBench, type CliBench } from './fake-io.ts';

const state = ({ path }: CliBench): string => join(path, '.config/cortex-os/mcp');

const DOCUMENT = {
  name: 'io.github.x/y',
  description: 'A weather server',
  version: '1.0.0',
  remotes: [{ type: 'streamable-http', url: 'https://h.example/mcp' }],
};

async function addFile(bench: CliBench, value: object, ...more: string[]): Promise<number> {
  await writeFile(join(bench.path, 'entry.json'), JSON.stringify(value));
  return await bench.run('registry', 'add', 'entry.json', ...more);
}

test('registry add, list, get and remove', async () => {
  await using bench = await cliBench();
  expect(await addFile(bench, DOCUMENT)).toBe(0);
  expect(await addFile(bench, { ...DOCUMENT, version: '2.0.0' })).toBe(0);
  expect(await addFile(bench, { name: 'mine', transport: 'stdio', command: 'x' })).toBe(0);
  expect(await bench.run('registry', 'list')).toBe(0);
  expect(bench.stdout.text).toMatch(
    /^io\.github\.x\/y +1\.0\.0 +streamableHttp +A weather server$/m,
  );
  expect(bench.stdout.text).toMatch(/^mine +- +stdio$/m);
  bench.stdout.text = '';
  expect(
    await bench.run('registry', 'list', 'io.*', '--text', 'weather', '--limit', '1', '--json'),
  ).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({
    servers: [{ name: 'io.github.x/y', server: { version: '1.0.0' } }],
    total: 3,
    more: true,
  });
  expect(await bench.run('registry', 'list', '--limit', '1')).toBe(0);
  expect(bench.stderr.text).toContain('only the first 1 of 3');
  bench.stdout.text = '';
  expect(await bench.run('registry', 'get', 'io.github.x/y', '1.0.0')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ server: DOCUMENT });
  expect(await bench.run('registry', 'remove', 'io.github.x/y', '1.0.0')).toBe(0);
  expect(await bench.run('registry', 'remove', 'io.github.x/y')).toBe(0);
  expect(await bench.run('registry', 'remove', 'io.github.x/y')).toBe(1);
  expect(await bench.run('registry', 'get', 'io.github.x/y')).toBe(1);
  expect(bench.stderr.text).toContain('there is no server called "io.github.x/y"');
});

test('registry add moves secrets, refuses what is no server and what is there already', async () => {
  await using bench = await cliBench();
  const entry = { name: 'a', transport: 'stdio', command: 'x', env: { API_TOKEN: 'abc123def456' } };
  expect(await addFile(bench, entry)).toBe(0);
  expect(await readFile(join(state(bench), 'servers.json'), 'utf8')).not.toContain('abc123');
  expect(await addFile(bench, entry)).toBe(2);
  expect(await addFile(bench, entry, '--force')).toBe(0);
  expect(await addFile(bench, { name: 'b', transport: 'smoke' })).toBe(1);
  expect(await addFile(bench, { name: 'no-slash', version: '1' })).toBe(1);
  expect(await addFile(bench, [])).toBe(2);
  await writeFile(join(bench.path, 'entry.json'), '{');
  expect(await bench.run('registry', 'add', 'entry.json')).toBe(2);
  expect(await bench.run('registry', 'add', 'nowhere.json')).toBe(1);
  expect(await bench.run('registry', 'list', '--limit', '0')).toBe(2);
  const secrets = async (): Promise<string[]> => await readdir(join(state(bench), 'secrets'));
  // The one that was replaced is gone.
  expect(await secrets()).toHaveLength(1);
  expect(await addFile(bench, { ...entry, name: 'c' })).toBe(0);
  expect(await bench.run('registry', 'remove', 'a')).toBe(0);
  expect(await secrets()).toEqual([expect.stringMatching(/^c\./)]);
});

test('registry list says which versions are deprecated or deleted', async () => {
  await using bench = await cliBench();
  const statuses = ['active', 'deprecated', 'deleted'] as const;
  for (const [index, status] of statuses.entries()) {
    const server = { ...DOCUMENT, version: `${index}.0.0` };
    const entry = {
      name: DOCUMENT.name,
      transport: 'streamableHttp',
      server,
      _meta: { [officialMetaKey]: { status } },
    };
    expect(await addFile(bench, entry)).toBe(0);
  }
  expect(await bench.run('registry', 'list')).toBe(0);
  const rows = bench.stdout.text.split('\n').filter((line) => /\d\.0\.0/.test(line));
  expect(rows.map((row) => statuses.filter((status) => row.includes(status)))).toEqual([
    [],
    ['deprecated'],
    ['deleted'],
  ]);
});

test('registry commands say which words follow', async () => {
  await using bench = await cliBench();
  expect(await bench.run('registry')).toBe(2);
  expect(bench.stderr.text).toContain('registry needs one more word: registry list, registry get');
  expect(await bench.run('help', 'registry', 'doctor')).toBe(0);
  expect(bench.stdout.text).toContain('never deletes a byte');
});

test('registry doctor: healthy, then not, then repaired; exit codes 0, 1, 0; JSON when asked', async () => {
  await using bench = await cliBench();
  expect(await addFile(bench, DOCUMENT)).toBe(0);
  expect(await bench.run('registry', 'doctor')).toBe(0);
  expect(bench.stdout.text).toMatch(/servers\.json: 1 servers, generation 1\nhealthy\n$/);
  expect(await bench.run('registry', 'doctor', '--repair')).toBe(0);
  expect(bench.stdout.text).toContain('nothing to repair');
  await chmod(join(state(bench), 'servers.json'), 0o644);
  await writeFile(join(state(bench), 'servers.json.next'), 'half', { mode: 0o600 });
  bench.stdout.text = '';
  expect(await bench.run('registry', 'doctor')).toBe(1);
  expect(bench.stdout.text).toContain('warning file-open: ');
  expect(bench.stdout.text).toContain('warning temporary-left: ');
  expect(bench.stdout.text).toContain('chmod 600');
  bench.stdout.text = '';
  expect(await bench.run('registry', 'doctor', '--json')).toBe(1);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ healthy: false });
  bench.stdout.text = '';
  expect(await bench.run('registry', 'doctor', '--repair')).toBe(0);
  expect(bench.stdout.text).toContain('quarantine');
  expect(await readdir(join(state(bench), 'quarantine'))).toHaveLength(1);
  bench.stdout.text = '';
  expect(await bench.run('registry', 'doctor', '--repair', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ after: { healthy: true } });
});

test('registry doctor --repair beside a running gateway says who holds the registry', async () => {
  await using bench = await cliBench();
  expect(await addFile(bench, DOCUMENT)).toBe(0);
  await using gateway = await startRegistryGateway(state(bench));
  await gateway.client.change(() => ({ value: undefined }));
  expect(await bench.run('registry', 'doctor')).toBe(0);
  expect(bench.stdout.text).toContain('note lock-held');
  await writeFile(join(state(bench), 'servers.json.prev'), 'damaged', { mode: 0o600 });
  expect(await bench.run('registry', 'doctor', '--repair')).toBe(1);
  expect(bench.stderr.text).toContain('another process holds it');
});

test('registry serve answers the official API on loopback, follows the command line, and ends on a signal', async () => {
  await using bench = await cliBench({ env: { MCP_REGISTRY_API_KEY: 'k'.repeat(20) } });
  const served = bench.run('registry', 'serve', '--port', '0');
  await bench.stdout.until(/Registry: http:\/\/127\.0\.0\.1:\d+\/v0\.1\/servers\n/);
  const url = /http:\S+/.exec(bench.stdout.text)?.[0] ?? '';
  const names = async (): Promise<string[]> => {
    const body = (await (await fetch(url)).json()) as { servers: { server: { name: string } }[] };
    return body.servers.map(({ server }) => server.name);
  };
  expect(await names()).toEqual([]);
  await using other = await cliBench({ cwd: bench.path, home: bench.path });
  await writeFile(join(bench.path, 'entry.json'), JSON.stringify(DOCUMENT));
  expect(await other.run('registry', 'add', 'entry.json')).toBe(0);
  expect(await names()).toEqual(['io.github.x/y']);
  const response = await fetch(new URL('publish', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${'k'.repeat(20)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ...DOCUMENT, version: '2.0.0' }),
  });
  expect(response.status).toBe(200);
  const { port } = new URL(url);
  expect(await other.run('registry', 'serve', '--port', port)).toBe(2);
  expect(other.stderr.text).toContain(`port ${port} is in use`);
  expect(await other.run('registry', 'serve', '--port', 'x')).toBe(2);
  bench.stop('SIGTERM');
  expect(await served).toBe(0);
});

test('registry serve refuses a registry that is lost, with its code', async () => {
  await using bench = await cliBench();
  expect(await addFile(bench, DOCUMENT)).toBe(0);
  for (const file of await readdir(state(bench))) {
    await writeFile(join(state(bench), file), 'garbage');
  }
  expect(await bench.run('registry', 'serve', '--port', '0')).toBe(1);
  expect(bench.stderr.text).toMatch(
    /^cortex-mcp: .*servers\.json.* \(REGISTRY_UNUSABLE\)\nDo: cortex-mcp registry doctor/m,
  );
});

test('registry commands warn of damage that they read around', async () => {
  await using bench = await cliBench();
  expect(await addFile(bench, DOCUMENT)).toBe(0);
  expect(await addFile(bench, { ...DOCUMENT, version: '2.0.0' })).toBe(0);
  await writeFile(join(state(bench), 'servers.json'), 'garbage');
  expect(await bench.run('registry', 'add', 'entry.json', '--force')).toBe(0);
  expect(bench.stderr.text).toMatch(/^warning: .*servers\.json cannot be used/m);
  bench.stdout.text = '';
  expect(await bench.run('registry', 'list', '--json')).toBe(0);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ total: 2 });
});
