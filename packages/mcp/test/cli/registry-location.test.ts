import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chance, locateRegistry } from '../../src/cli/registry-location.ts';
import { cliBench } from './fake-io.ts';

test('locateRegistry() finds the folder as the gateway does, and warns on stderr of what it reads around', async () => {
  await using bench = await cliBench();
  const io = { ...bench.io, env: { CORTEX_HOME: join(bench.path, 'home') } };
  const { path, stateFolder, client } = locateRegistry(io);
  expect([path, stateFolder]).toEqual([
    join(bench.path, 'home/mcp/servers.json'),
    join(bench.path, 'home/mcp'),
  ]);
  await mkdir(stateFolder, { recursive: true });
  await writeFile(path, '{"servers":[{"nonsense":true}]}');
  await client.change((cache) => ({ value: expect(cache.size).toBe(0) }));
  expect(bench.stderr.text).toMatch(/^warning: /);
});

test('chance() is in [0, 1)', () => {
  const values = Array.from({ length: 100 }, chance);
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(new Set(values).size).toBeGreaterThan(90);
});
