import { expect, test } from 'vitest';
import { formatPath, parseConfigText } from '../../src/config/config-document.ts';
import { ConfigError } from '../../src/config/config-error.ts';

function failure(text: string): ConfigError {
  try {
    parseConfigText('/c.json', text);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the text was accepted');
}

test('parseConfigText() accepts comments, trailing commas and a byte order mark', () => {
  const document = parseConfigText(
    '/c.json',
    '\uFEFF// a\n{ /* b */ "a": [1, 2,], "b": {"c": 3,}, }',
  );
  expect(document.value).toEqual({ a: [1, 2], b: { c: 3 } });
  expect(document.place(['b', 'c'])).toEqual({ file: '/c.json', path: 'b.c', line: 2, column: 36 });
});

test('place() of what is not there is the nearest enclosing value', () => {
  const document = parseConfigText('/c.json', '{\n "a": {\n "b": 1 } }');
  expect(document.place(['a', 'x', 'y'])).toMatchObject({ path: 'a.x.y', line: 2, column: 7 });
  expect(document.place(['zzz'])).toMatchObject({ path: 'zzz', line: 1, column: 1 });
});

test.each([
  ['{"a": 1 "b": 2}', 'CONFIG_BAD_JSON', 'a comma is missing here', 1, 9],
  ['{"a" 1}', 'CONFIG_BAD_JSON', 'a colon is missing here', 1, 6],
  ['{\n"a": }', 'CONFIG_BAD_JSON', 'a value is missing here', 2, 6],
  ['{"a": 1', 'CONFIG_BAD_JSON', 'a closing } is missing', 1, 8],
  ['{"a": [1', 'CONFIG_BAD_JSON', 'a closing ] is missing', 1, 9],
  ['{"a": "x', 'CONFIG_BAD_JSON', 'a string has no closing quote', 1, 7],
  ['{"a": 1} 2', 'CONFIG_BAD_JSON', 'nothing may follow the closing }', 1, 10],
  ["{'a': 1}", 'CONFIG_BAD_JSON', 'invalid JSON (InvalidSymbol)', 1, 2],
  ['{"a": "C:\\dir"}', 'CONFIG_BAD_JSON', 'a string has an invalid escape', 1, 7],
  ['[]', 'CONFIG_BAD_TYPE', 'the file must hold one JSON object', 1, 1],
  ['', 'CONFIG_BAD_JSON', 'the file is empty', undefined, undefined],
  ['[1', 'CONFIG_BAD_JSON', 'a closing ] is missing', 1, 3],
])('parseConfigText(%j) is %s: %s', (text, code, what, ...[line, column]) => {
  const error = failure(text);
  expect(error).toMatchObject({ code, file: '/c.json', line, column });
  expect(error.message).toContain(what);
  expect(error.message).not.toContain('\n');
});

test('parseConfigText() refuses depth that would overflow the stack', () => {
  expect(failure(`{"a":${'['.repeat(200_000)}`)).toMatchObject({ code: 'CONFIG_BAD_JSON' });
});

test('parseConfigText() refuses a name given twice, at any depth, and shows both places', () => {
  const error = failure('{"mcpServers": {\n "github": {},\n "github": {}\n}}');
  expect(error).toMatchObject({ code: 'CONFIG_DUPLICATE_KEY', line: 3, column: 2 });
  expect(error.message).toBe(
    '/c.json:3:2 mcpServers.github: "github" is given twice, first on line 2; rename or remove one of them',
  );
  expect(failure('{"a": [0, {"b": 1, "b": 2}]}').path).toBe('a[1].b');
});

test('formatPath() quotes names that are no identifiers', () => {
  expect(formatPath(['mcpServers', 'My Server', 'args', 1])).toBe(
    'mcpServers["My Server"].args[1]',
  );
});
