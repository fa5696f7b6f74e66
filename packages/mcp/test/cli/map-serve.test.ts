import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startUpstream } from '@cortex-os/testkit';
import { entryFor, hostOf, MAP_KEY, signedMap, startMapServer } from '../e2e/map-fixture.ts';
import { cliBench } from './fake-io.ts';

const SECRET = new TextDecoder().decode(MAP_KEY.secret);

test('tools and call take the connectors of the map, and keep nothing on disk', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using maps = await startMapServer(signedMap([entryFor(one, 'one')]));
  const env = { CONNECTORS_SERVICE_MAP_URL: maps.url, CONNECTORS_SIGNATURE_KEY: SECRET };
  await using bench = await cliBench({ env });
  await bench.configure({}, { serviceMap: { allowHosts: [hostOf(one)] } });
  expect(await bench.run('tools')).toBe(0);
  expect(bench.stdout.text).toContain('one__echo');
  bench.stdout.text = '';
  expect(await bench.run('call', 'one__echo', '{"message":"by map"}')).toBe(0);
  expect(bench.stdout.text).toContain('by map');
  await expect(readFile(join(bench.path, '.config/cortex-os/mcp/map.json'))).rejects.toThrow(
    'ENOENT',
  );
});

test('serve follows a map in a file: an edit adds a connector at once, and the state folder keeps the map', async () => {
  await using one = await startUpstream({ kind: 'modern-http' });
  await using bench = await cliBench();
  const file = join(bench.path, 'map.json');
  const map = (...ids: string[]) => ({
    id: 'fleet',
    generatedAt: new Date().toISOString(),
    ttlSeconds: 300,
    connectors: ids.map((id) => entryFor(one, id)),
  });
  await writeFile(file, JSON.stringify(map('first')));
  await bench.configure({}, { port: 0, serviceMap: { file: 'map.json' } });
  const running = bench.run('serve');
  await bench.stdout.until(/first/);
  await writeFile(file, JSON.stringify(map('first', 'second')));
  await bench.stdout.until(/second/);
  bench.stop('SIGINT');
  expect(await running).toBe(0);
  const kept = await readFile(join(bench.path, '.config/cortex-os/mcp/map.json'), 'utf8');
  expect(JSON.parse(kept)).toMatchObject({ connectors: [{ id: 'first' }, { id: 'second' }] });
});
