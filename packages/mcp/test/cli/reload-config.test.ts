import { expect, onTestFinished, test } from 'vitest';
import { createReload } from '../../src/cli/reload-config.ts';
import type { Note } from '../../src/cli/service-note.ts';
import { configFolder } from '../config/config-folder.ts';

test('createReload() joins calls under way into one more run, and does not apply what has not changed', async () => {
  const folder = await configFolder();
  onTestFinished(async () => await folder[Symbol.asyncDispose]());
  await folder.write('cortex-mcp.json', { mcpServers: { a: { command: 'x' } } });
  const initial = await folder.load();
  const gate = Promise.withResolvers<void>();
  const said: string[] = [];
  let loads = 0;
  let applied = 0;
  const reload = createReload(initial, {
    load: async () => {
      loads += 1;
      await gate.promise;
      return await folder.load();
    },
    apply: () => {
      applied += 1;
      return Promise.resolve();
    },
    say: ({ text }) => said.push(text),
  });
  const runs = [reload(), reload(), reload()];
  gate.resolve();
  await Promise.all(runs);
  expect({ loads, applied, said }).toEqual({ loads: 2, applied: 0, said: [] });
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x' }, b: { command: 'y' } },
    separator: '.',
  });
  await reload();
  expect(applied).toBe(1);
  expect(said).toEqual([
    'restart to apply the changed separator',
    'configuration reloaded: 2 connectors',
  ]);
});

test('createReload() says in one line what went wrong and never rejects', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: {} });
  const said: string[] = [];
  const reload = createReload(await folder.load(), {
    load: () => Promise.reject(new Error('bad')),
    apply: () => Promise.resolve(),
    say: ({ text }) => said.push(text),
  });
  await reload();
  expect(said).toEqual(['configuration not reloaded, the last good one stays: bad']);
});

test('createReload() applies a changed service map live, once, and asks for a restart only for the served one (S4-07)', async () => {
  await using folder = await configFolder();
  const write = async (serviceMap: object | undefined): Promise<void> =>
    void (await folder.write('cortex-mcp.json', { mcpServers: {}, serviceMap }));
  await write({ file: 'one.json', publish: 'p.json' });
  const said: string[] = [];
  const followed: (string | undefined)[] = [];
  const reload = createReload(await folder.load(), {
    load: async () => await folder.load(),
    apply: () => Promise.reject(new Error('no connector has changed')),
    applyMap: (config) => {
      followed.push(config.serviceMap?.shown.replace(/.*\//, ''));
      return Promise.resolve();
    },
    say: ({ text }) => said.push(text.replace(/\/.*\//, '')),
  });
  await reload();
  expect(followed).toEqual([]);
  await write({ file: 'two.json', publish: 'p.json' });
  await reload();
  await reload();
  expect(followed).toEqual(['two.json']);
  await write({ file: 'two.json', publish: 'q.json' });
  await reload();
  await write({ publish: 'q.json' });
  await reload();
  expect(followed).toEqual(['two.json', undefined]);
  expect(said).toEqual([
    'configuration reloaded: the service map is two.json',
    'restart to apply the changed serviceMap.publish',
    'configuration reloaded: no service map is followed',
  ]);
});

test('createReload() gives what it says an event, and a refusal its code', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: { a: { command: 'x' } } });
  const notes: Note[] = [];
  const reload = createReload(await folder.load(), {
    load: async () => await folder.load(),
    apply: () => Promise.resolve(),
    say: (note) => notes.push(note),
  });
  await folder.write('cortex-mcp.json', { mcpServers: { a: { url: 'htp://bad' } } });
  await reload();
  await folder.write('cortex-mcp.json', { mcpServers: {}, separator: '.' });
  await reload();
  expect(notes).toMatchObject([
    { level: 'warn', event: 'config.refused', code: 'CONFIG_BAD_URL' },
    { level: 'warn', event: 'config.restart-needed' },
    { level: 'info', event: 'config.reloaded' },
  ]);
});

test('createReload() asks for a restart where nobody can follow another map', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', { mcpServers: {} });
  const said: string[] = [];
  const reload = createReload(await folder.load(), {
    load: async () => await folder.load(),
    apply: () => Promise.resolve(),
    say: ({ text }) => said.push(text),
  });
  await folder.write('cortex-mcp.json', {
    mcpServers: {},
    serviceMap: { file: 'a.json', publish: 'b.json' },
  });
  await reload();
  expect(said).toEqual(['restart to apply the changed serviceMap.publish, serviceMap']);
});
