import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { oversightOptions } from '../../src/cli/oversight-options.ts';
import { loadConfig, type LoadedConfig } from '../../src/config/config.ts';

async function load(
  file: object,
  env: Readonly<Record<string, string>> = {},
): Promise<LoadedConfig> {
  await using folder = tempFolder();
  const path = join(folder.path, 'cortex-mcp.json');
  await writeFile(path, JSON.stringify({ mcpServers: {}, ...file }));
  return await loadConfig({
    flags: { config: path },
    env: { CORTEX_HOME: folder.path, ...env },
    cwd: folder.path,
    home: folder.path,
  });
}

const valuesOf = ({ oversight }: LoadedConfig): unknown =>
  Object.fromEntries(Object.entries(oversight).map(([name, { value }]) => [name, value]));

test('audit log and pins are on by default: alert, first sight approves, texts are flagged (contract)', async () => {
  const config = await load({});
  expect(valuesOf(config)).toEqual({
    'audit.enabled': true,
    'audit.required': false,
    'audit.maxFileBytes': 67_108_864,
    'audit.maxFiles': 8,
    'pins.mode': 'alert',
    'pins.firstUse': 'approve',
    oddText: 'flag',
  });
  expect(oversightOptions(config)).toMatchObject({
    audit: { stateFolder: config.stateFolder.value, required: false },
    pins: { stateFolder: config.stateFolder.value, mode: 'alert' },
  });
});

test('the environment wins over the file, the file over the default', async () => {
  const file = {
    audit: { enabled: true, required: true, maxFileBytes: 100_000, maxFiles: 2 },
    pins: { mode: 'quarantine', firstUse: 'require' },
    oddText: 'strip',
  };
  const config = await load(file, { MCP_AUDIT: 'off', MCP_PINS: 'OFF', MCP_ODD_TEXT: 'flag' });
  expect(valuesOf(config)).toEqual({
    'audit.enabled': false,
    'audit.required': true,
    'audit.maxFileBytes': 100_000,
    'audit.maxFiles': 2,
    'pins.mode': 'off',
    'pins.firstUse': 'require',
    oddText: 'flag',
  });
  expect(config.oversight['pins.mode'].origin).toEqual({
    kind: 'environment',
    variable: 'MCP_PINS',
  });
  expect(config.oversight['pins.firstUse'].origin).toMatchObject({ kind: 'file' });
  expect(oversightOptions(config).audit).toBeUndefined();
});

test.each([
  [{ audit: { required: 1 } }, {}, /audit\.required.*true or false/],
  [{ pins: { mode: 'block' } }, {}, /pins\.mode.*alert, quarantine, off/],
  [{ oddText: true }, {}, /oddText.*flag, strip/],
  [{}, { MCP_PINS: 'block' }, /MCP_PINS.*alert, quarantine, off/],
  [{ audit: { maxFileBytes: 5 } }, {}, /maxFileBytes.*65536/],
])('a value that is not known is refused: %j %j', async (file, env, why) => {
  await expect(load(file, env)).rejects.toThrow(why);
});

test('keys that are not known are warned of; a connector may have pins of its own', async () => {
  const config = await load({
    audit: { enable: true },
    pins: { mod: 'alert' },
    mcpServers: { a: { url: 'https://a.example/mcp', pins: 'quarantine' } },
  });
  expect(config.warnings.join('\n')).toMatch(/did you mean "enabled"\?[^]*did you mean "mode"\?/);
  expect(config.connectors[0]?.pins).toBe('quarantine');
  await expect(
    load({ mcpServers: { a: { url: 'https://a.example/', pins: 'yes' } } }),
  ).rejects.toThrow('alert, quarantine, off');
});
