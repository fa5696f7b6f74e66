import { expect, test } from 'vitest';
import { withEmbeddedSecrets } from '../../src/sources/secret-folder.ts';
import { github, importPlace, web } from '../lib/import-place.ts';
import { server } from '../lib/records.ts';

test('withEmbeddedSecrets() puts secrets into arguments and address of local records only', async () => {
  const { run, cache, secrets } = await importPlace();
  await run({ github, web });
  const program = await withEmbeddedSecrets(cache.get('github') ?? server('none'), secrets);
  expect(program.args).toEqual(github.args);
  expect(program.env).toEqual(cache.get('github')?.env);
  const remote = await withEmbeddedSecrets(cache.get('web') ?? server('none'), secrets);
  expect(remote.endpoint).toBe(web.url);
  expect(remote.headers).toEqual(cache.get('web')?.headers);
  const foreign = { ...server('x'), ...cache.get('github'), origin: 'remote' as const };
  expect(await withEmbeddedSecrets(foreign, secrets)).toBe(foreign);
  const { origin: _origin, ...bare } = foreign;
  const document = { name: 'github', version: '1', description: 'd' };
  expect((await withEmbeddedSecrets({ ...bare, server: document }, secrets)).args).toEqual(
    bare.args,
  );
  const lost = server('x', { args: ['${file:secrets/none}'] });
  expect(await withEmbeddedSecrets(lost, secrets)).toBe(lost);
});

test('secret files keep every byte, are never overwritten and never left by their name', async () => {
  const { secrets } = await importPlace();
  for (const [name, value] of [
    ['a', 'x\n'],
    ['b', ' sp ace '],
    ['c', 'ключ'],
    ['d', ''],
  ] as const) {
    await secrets.create(name, value);
    expect(await secrets.read(name)).toBe(value);
  }
  await expect(secrets.create('a', 'y')).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(secrets.create('e', 'y'.repeat(65_537))).rejects.toMatchObject({
    code: 'ETOOLARGE',
  });
  await expect(secrets.read('../servers.json')).rejects.toMatchObject({ code: 'EREFUSED' });
  expect(await secrets.read('none')).toBeUndefined();
});
