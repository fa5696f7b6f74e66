import { expect, test } from 'vitest';
import { putTomlTable, tomlTable } from '../../src/cli/connect-toml.ts';

const PATH = ['mcp_servers', 'cortex'];
const ENTRY = { url: 'http://127.0.0.1:1/mcp', args: ['a', "b'c"] };
const TABLE = '[mcp_servers.cortex]\nurl = "http://127.0.0.1:1/mcp"\nargs = ["a", "b\'c"]\n';

test.each([
  ['', TABLE],
  ['a = 1', `a = 1\n\n${TABLE}`],
  ['a = 1\r\n', `a = 1\r\n\r\n${TABLE.replaceAll('\n', '\r\n')}`],
  ['\uFEFF# note\n', `\uFEFF# note\n\n${TABLE}`],
  ['a = """\n[mcp_servers.cortex]\n"""\n', `a = """\n[mcp_servers.cortex]\n"""\n\n${TABLE}`],
  ["a = '''\n'''''\n# end \"", `a = '''\n'''''\n# end "\n\n${TABLE}`],
  [
    'a = [ # "x\n 1, ]\n[[b.c]]\nd."e f" = {g = "}"}',
    `a = [ # "x\n 1, ]\n[[b.c]]\nd."e f" = {g = "}"}\n\n${TABLE}`,
  ],
  [
    '[mcp_servers]\n[mcp_servers.a]\nb = 1 # c\n',
    `[mcp_servers]\n[mcp_servers.a]\nb = 1 # c\n\n${TABLE}`,
  ],
])('putTomlTable() appends to %j and keeps every byte', (text, expected) => {
  expect(putTomlTable(text, PATH, ENTRY)).toBe(expected);
  expect(putTomlTable(expected, PATH, ENTRY)).toBe(expected);
});

test('putTomlTable() replaces the table with those below it where it stands, and nothing else', () => {
  const old =
    '[ mcp_servers . "cortex" ] # x\nurl = "b"\n\n# of z\n[z]\na = 1\n[mcp_servers.cortex.env]\nK = "v"\n[y]\n';
  expect(putTomlTable(old, PATH, ENTRY)).toBe(`${TABLE}\n# of z\n[z]\na = 1\n[y]\n`);
  expect(putTomlTable(old, PATH, undefined)).toBe('\n# of z\n[z]\na = 1\n[y]\n');
  expect(tomlTable(old, PATH)).toBe(
    '[ mcp_servers . "cortex" ] # x\nurl = "b"\n[mcp_servers.cortex.env]\nK = "v"\n',
  );
  expect(tomlTable('a = 1', PATH)).toBeUndefined();
  expect(putTomlTable('a = 1', PATH, undefined)).toBe('a = 1');
});

test.each([
  ['mcp_servers = {}', 'mcp_servers is not written as a table'],
  ['mcp_servers.cortex.url = "x"', 'mcp_servers.cortex.url is not written as a table'],
  ['[mcp_servers]\ncortex = { url = "x" }', 'mcp_servers.cortex is not written as a table'],
  ['a = "b', 'line 1 (a string has no closing quote)'],
  ["\na = 'b\n'", 'line 2 (a string has no closing quote)'],
  ['a = [1', 'line 1 (a bracket is not closed)'],
  ['a = 1]', 'line 1 (a bracket is closed that was not opened)'],
  ['a =', 'line 1 (a value is missing)'],
  ['a = # b', 'line 1 (a value is missing)'],
  ['a', 'line 1 (a = is expected)'],
  ['= 1', 'line 1 (a key is expected)'],
  ['[a', 'line 1 (a ] is missing)'],
  ['[[a]', 'line 1 (a ]] is missing)'],
  ['[a] b', 'line 1 (nothing may follow a table name)'],
  [String.raw`"\q" = 1`, 'line 1 (a key has an escape that is not known)'],
])('putTomlTable() refuses %j', (text, message) => {
  expect(() => putTomlTable(text, PATH, ENTRY)).toThrow(message);
});
