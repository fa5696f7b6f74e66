import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyImport, undoImport } from '../../src/sources/apply-import.ts';
import { everything, filesIn, github, importPlace, web } from '../lib/import-place.ts';
import { server } from '../lib/records.ts';

const now = (): Date => new Date();

test('undoImport() restores records and secret files exactly, one import after the other', async () => {
  const { run, undo, cache, stateFolder } = await importPlace();
  await cache.upsert(
    server('old', { source: { kind: 'client', client: 'cursor' }, env: { A: 'b' }, extra: [1] }),
  );
  const states: unknown[] = [];
  const remember = () => states.push([everything(cache), filesIn(join(stateFolder, 'secrets'))]);
  mkdirSync(join(stateFolder, 'secrets'), { mode: 0o700 });
  writeFileSync(join(stateFolder, 'secrets', 'mine'), 'x');
  remember();
  await run({ old: { command: 'new', env: { API_KEY: 's3cret-1' } }, github });
  remember();
  await run({ github: { ...github, env: { GITHUB_TOKEN: 's3cret-2' } }, web });
  expect(await undo()).toEqual([
    { name: 'github', action: 'restored' },
    { name: 'web', action: 'removed' },
  ]);
  const state = () => [everything(cache), filesIn(join(stateFolder, 'secrets'))];
  expect(state()).toEqual(states[1]);
  await undo();
  expect(state()).toEqual(states[0]);
  await expect(undo()).rejects.toMatchObject({ code: 'EUNDO' });
});

test('undoImport() keeps a record that was changed since, with its secrets', async () => {
  const { run, undo, cache, secrets } = await importPlace();
  await run({ github, web });
  await cache.upsert({ ...server('github'), ...cache.get('github'), tags: ['mine'] });
  await cache.remove('web');
  expect(await undo()).toEqual([
    { name: 'github', action: 'kept', reason: expect.any(String) },
    { name: 'web', action: 'unchanged' },
  ]);
  expect(await secrets.list()).toHaveLength(5);
  expect(cache.get('github')?.tags).toEqual(['mine']);
});

test('undoImport() removes all that it takes away in one change', async () => {
  const { run, cache, stateFolder } = await importPlace();
  const servers = Array.from({ length: 50 }, (_, at) => [`s${at}`, { command: 'x' }]);
  await run(Object.fromEntries(servers));
  const sizes: number[] = [];
  cache.subscribe(() => sizes.push(cache.size));
  expect(await undoImport({ target: cache, stateFolder })).toHaveLength(50);
  expect(sizes).toEqual([0]);
});

test('undo files are private, bounded in number, and a damaged one is not guessed at', async () => {
  const { run, undo, stateFolder } = await importPlace();
  for (let count = 0; count < 22; count += 1) await run({ a: { command: `x${count}` } });
  const folder = join(stateFolder, 'undo');
  const names = readdirSync(folder).toSorted();
  expect(names).toHaveLength(20);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of names) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  writeFileSync(join(folder, names.at(-1) ?? ''), '{"version":1');
  await expect(undo()).rejects.toMatchObject({ code: 'EFORMAT' });
  writeFileSync(join(folder, names.at(-1) ?? ''), '{"version":2}');
  await expect(undo()).rejects.toMatchObject({ code: 'EFORMAT' });
});

test('an import that failed at the store is taken back without a trace', async () => {
  const { plan, undo, cache, stateFolder, secrets } = await importPlace();
  const made = await plan({ github });
  const target = {
    get: (name: string, version?: string) => cache.get(name, version),
    versions: (name: string) => cache.versions(name),
    remove: async (name: string) => cache.remove(name),
    removeMany: async () => 0,
    upsertMany: async () => Promise.reject(new Error('disk')),
  };
  await expect(applyImport(made, { target, stateFolder, now })).rejects.toThrow('disk');
  expect(await secrets.list()).toHaveLength(5);
  expect(await undo()).toEqual([{ name: 'github', action: 'unchanged' }]);
  expect(await secrets.list()).toEqual([]);
  expect(cache.size).toBe(0);
});

test('applyImport() refuses a plan that the registry has outrun', async () => {
  const { plan, cache, stateFolder, secrets } = await importPlace();
  const made = await plan({ github });
  await cache.upsert(server('github'));
  await expect(applyImport(made, { target: cache, stateFolder, now })).rejects.toMatchObject({
    code: 'EREFUSED',
  });
  expect(await secrets.list()).toEqual([]);
  expect(readdirSync(stateFolder)).not.toContain('undo');
});

test('undoImport() leaves versions that were published under the same name since', async () => {
  const { run, undo, cache } = await importPlace();
  await run({ 'a/b': { command: 'x' } });
  const document = { name: 'a/b', version: '1.0.0', description: 'published' };
  await cache.upsert({ name: 'a/b', transport: 'stdio', server: document, origin: 'remote' });
  expect(await undo()).toEqual([{ name: 'a/b', action: 'removed' }]);
  expect(cache.versions('a/b')).toHaveLength(1);
  expect(cache.get('a/b', '1.0.0')?.server).toEqual(document);
});
