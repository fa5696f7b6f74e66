import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { readLocalTransport, type ReachableRecord } from '../../src/config/registry-transport.ts';

const scope = { stateFolder: '/state', home: '/home/me', env: { SET: 'set' } };

const record = (more: object): ReachableRecord => ({ name: 'a', transport: 'stdio', ...more });
const problem = async (more: object): Promise<string | undefined> =>
  (await readLocalTransport(record(more), scope)).problem;

test('readLocalTransport() reads variables, inputs and references as a configuration file has them', async () => {
  const source = {
    kind: 'client',
    unset: ['GONE'],
    inputs: [
      { id: 'region', type: 'promptString', default: 'eu' },
      { id: 'key', type: 'promptString', default: 'never', password: true },
      { id: 7 },
    ],
  };
  const { transport } = await readLocalTransport(
    record({
      command: '${userHome}/run',
      args: ['${env:SET}', '${input:region}', '--key=${file:secrets/a.key}', 'file:secrets/b'],
      env: { A: '${SET}', B: 'file:secrets/b', GONE: 'x' },
      cwd: 'work',
      source,
    }),
    scope,
  );
  expect(transport).toEqual({
    kind: 'stdio',
    command: '/home/me/run',
    args: ['set', 'eu', '--key=${file:/state/secrets/a.key}', 'file:secrets/b'],
    lateArgs: [2],
    env: { A: 'set' },
    lateEnv: { B: '${file:/state/secrets/b}' },
    cwd: '/home/me/work',
  });
  expect(await problem({ command: 'x', args: ['${input:key}'], source })).toMatch(
    /\$\{input:key\} has no value/,
  );
});

test('readLocalTransport() leaves the working folder to the service when nobody named one', async () => {
  const { transport } = await readLocalTransport(record({ command: 'x' }), scope);
  expect(transport).toMatchObject({ command: 'x', args: [], cwd: undefined });
});

test('readLocalTransport() reads the envFile, and names one that cannot be read', async () => {
  await using folder = tempFolder();
  const envFile = join(folder.path, 'env');
  await writeFile(envFile, 'A=file\nB=file\n');
  const { transport } = await readLocalTransport(
    record({ command: 'x', envFile, env: { A: 'own' } }),
    scope,
  );
  expect(transport).toMatchObject({ env: { A: 'own', B: 'file' } });
  expect(await problem({ command: 'x', envFile: '/none/env' })).toMatch(/^envFile cannot be read/);
});

test('readLocalTransport() reads an address of either HTTP transport', async () => {
  const endpoint = 'http://localhost:1/${SET}';
  const { transport } = await readLocalTransport(record({ transport: 'sse', endpoint }), scope);
  expect(transport).toEqual({ kind: 'sse', url: 'http://localhost:1/set', headers: {} });
});

test.each([
  [{}, 'the record has no command'],
  [{ transport: 'streamableHttp' }, 'the record has no endpoint'],
  [{ transport: 'http', endpoint: 'ftp://h.example/' }, /is not an http or https URL/],
  [{ transport: 'http', endpoint: 'https://h/', headers: { 'a b': '' } }, /not a header name/],
  [{ transport: 'http', endpoint: 'https://${NONE}/' }, /\$\{NONE\} has no value/],
])('readLocalTransport() of %j says what is wrong', async (more, text) => {
  expect(await problem(more)).toMatch(text);
});
