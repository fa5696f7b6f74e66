import { expect, test } from 'vitest';
import { configFolder } from './config-folder.ts';

test('isolation of an entry is taken over, and is left out when the entry says nothing', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: {
      own: { command: 'x', isolation: 'session' },
      all: { command: 'x', isolation: 'shared' },
      plain: { command: 'x' },
    },
  });
  const { connectors, warnings } = await folder.load();
  expect(warnings).toEqual([]);
  expect(connectors.map(({ isolation }) => isolation)).toEqual(['session', 'shared', undefined]);
});

test('an isolation that is none is an error that names the place', async () => {
  await using folder = await configFolder();
  await folder.write('cortex-mcp.json', {
    mcpServers: { own: { command: 'x', isolation: 'sesion' } },
  });
  const error = await folder.fail();
  expect(error.message).toMatch(/isolation.*must be shared or session/);
});
