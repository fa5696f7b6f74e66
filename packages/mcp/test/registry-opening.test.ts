import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { registerRegistryMetrics } from '../src/observability/registry-instruments.ts';
import { openDirect, openInMemory } from '../src/service/registry/registry-opening.ts';

const random = (): number => 0.5;
const server = (name: string) => ({ name, transport: 'stdio' }) as const;

test('openInMemory() times every batch, tells of changes, and says how it is', async () => {
  await using folder = tempFolder();
  const metrics = new Registry();
  const instruments = registerRegistryMetrics(metrics, () => undefined);
  const path = join(folder.path, 'servers.json');
  const open = await openInMemory({ path, random, instruments });
  let changes = 0;
  const stop = open.onChange(() => (changes += 1));
  await open.handle.use('write', async (cache) => await cache.upsert(server('a')));
  expect(open.health()).toMatchObject({ records: 1, access: { kind: 'writer' } });
  expect(changes).toBe(1);
  stop();
  await open.cache?.upsert(server('b'));
  expect(changes).toBe(1);
  expect(await metrics.metrics()).toContain('mcp_registry_flush_duration_seconds_count 2');
  await open.close();
});

test('openInMemory() warns of what it reads around, and lets go of the lock when it cannot go on', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'servers.json');
  const instruments = registerRegistryMetrics(new Registry(), () => undefined);
  await writeFile(path, '{"servers":[{"nonsense":true},{"name":"a","transport":"stdio"}]}');
  const warned: string[] = [];
  const options = {
    path,
    random,
    instruments,
    onWarning: ({ kind }: { kind: string }) => void warned.push(kind),
  };
  const open = await openInMemory(options);
  expect(open.cache?.size).toBe(1);
  expect(warned.length).toBeGreaterThan(0);
  await open.close();
  await writeFile(path, '{"servers":[],"registry":{"format":99}}');
  await expect(openInMemory(options)).rejects.toMatchObject({ code: 'EREGISTRYFORMAT' });
});

test('openDirect() holds nothing, and looks at the files for changes of others', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'servers.json');
  const open = openDirect({ path, random });
  onTestFinished(async () => await open.close());
  expect([open.cache, open.health()]).toEqual([undefined, undefined]);
  let changes = 0;
  const stop = open.onChange(() => (changes += 1));
  onTestFinished(stop);
  // The first look may come before or after it.
  await waitUntil(
    async () => {
      await open.handle.use('write', async (cache) => await cache.upsert(server('a')));
      return changes > 0;
    },
    { describe: 'the change is noticed' },
  );
  expect(await open.handle.use('read', (cache) => cache.size)).toBeGreaterThan(0);
});
