import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { ownCommand } from '../../src/cli/connect-command.ts';

function npxCopy(folder: string, manifest: string): string {
  const cache = join(folder, '.npm', '_npx', 'abc123');
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, 'package.json'), manifest);
  return join(cache, 'node_modules', '@cortex-os', 'mcp', 'bin', 'cortex-mcp.js');
}

test.each([
  ['file:../../../pack/a.tgz', 'pack', 'npx ./a.tgz'],
  ['file:../../../pack/a.tgz', 'else', '/pack/a.tgz'],
  ["file:../../../pack/it's.tgz", 'pack', String.raw`npx './it'\''s.tgz'`],
  ['^1.0.0', 'pack', 'npx @cortex-os/mcp'],
])('ownCommand() of a copy that npx made of %s, seen from %s', async (source, cwd, shown) => {
  await using folder = tempFolder();
  const manifest = JSON.stringify({ dependencies: { '@cortex-os/mcp': source } });
  const program = npxCopy(folder.path, manifest);
  const own = ownCommand(join(folder.path, cwd), program);
  expect(own.shown).toContain(shown);
  expect(own).toMatchObject({ fleeting: true, command: process.execPath, args: [program] });
});

test('ownCommand() is the plain name where npm says nothing, and the path of a local installation', async () => {
  await using folder = tempFolder();
  expect(ownCommand(folder.path, npxCopy(folder.path, '{')).shown).toBe('cortex-mcp');
  expect(ownCommand(folder.path, npxCopy(folder.path, '{}')).shown).toBe('cortex-mcp');
  mkdirSync(join(folder.path, 'node_modules', '.bin'), { recursive: true });
  writeFileSync(join(folder.path, 'node_modules', '.bin', 'cortex-mcp'), '');
  const own = ownCommand(folder.path);
  expect(own.shown).toBe('node_modules/.bin/cortex-mcp');
  expect(own.fleeting).toBe(false);
  expect(own.args[0]).toMatch(/bin\/cortex-mcp\.js$/);
  const node = join(folder.path, '.npm', '_npx', 'def', 'node_modules', 'node', 'bin', 'node');
  expect(ownCommand(folder.path, '/x/bin/cortex-mcp.js', node)).toMatchObject({
    fleeting: true,
    command: node,
  });
});
