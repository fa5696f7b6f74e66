import { join } from 'node:path';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { createLateRegistryApi } from '../src/service/registry/late-registry-api.ts';
import { openDirect } from '../src/service/registry/registry-opening.ts';

const OPTIONS = { apiKey: undefined, mayWrite: () => false };

test('LateRegistryApi has one API of the registry, from when it is asked until it is closed', async () => {
  await using folder = tempFolder();
  const open = openDirect({ path: join(folder.path, 'servers.json'), random: () => 0.5 });
  const api = createLateRegistryApi(OPTIONS, pino({ level: 'silent' }));
  const [first, second] = await Promise.all([api.of(open), api.of(open)]);
  expect(first?.current()).toBeTypeOf('function');
  expect(second).toBe(first);
  await api.close();
  expect(first?.current()).toBeUndefined();
});

test('LateRegistryApi closes although nobody has asked for it', async () => {
  const api = createLateRegistryApi(OPTIONS, pino({ level: 'silent' }));
  await expect(api.close()).resolves.toBeUndefined();
});

test('LateRegistryApi logs an API that cannot be made, and has none', async () => {
  const lines: string[] = [];
  const api = createLateRegistryApi(OPTIONS, pino({}, { write: (line) => lines.push(line) }));
  const broken = {
    get cache(): never {
      throw new Error('gone');
    },
  };
  expect(await api.of(broken as unknown as ReturnType<typeof openDirect>)).toBeUndefined();
  expect(lines.join('')).toContain('the registry API cannot be loaded');
});
