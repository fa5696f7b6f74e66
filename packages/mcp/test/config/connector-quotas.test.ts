import { expect, test } from 'vitest';
import { configFolder } from './config-folder.ts';

test('quotas of an entry are those of its connector, as in a map (B7.12)', async () => {
  await using folder = await configFolder();
  const quotas = { perMinute: 10, perDay: 0, concurrent: 2 };
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', quotas }, b: { command: 'x' } },
  });
  const [a, b] = (await folder.load()).connectors;
  expect([a?.quotas, b?.quotas]).toEqual([quotas, undefined]);
});

test('quotas are checked: numbers from 0, unknown keys named', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', quotas: { perMinutes: 1 } } },
  });
  expect((await folder.load()).warnings.join()).toContain('perMinute');
  await folder.write('cortex-mcp.json', {
    mcpServers: { a: { command: 'x', quotas: { perMinute: -1 } } },
  });
  await expect(folder.load()).rejects.toThrow(/whole number from 0/);
});
