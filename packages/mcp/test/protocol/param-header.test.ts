import { expect, test } from 'vitest';
import { headersFor, mismatchedHeader, readHeaderParams } from '../../src/protocol/param-header.ts';

function tool(inputSchema: unknown): string {
  return JSON.stringify({ name: 't', inputSchema });
}

function paramsOf(inputSchema: unknown) {
  const read = readHeaderParams(tool(inputSchema));
  if (read.kind === 'invalid') throw new Error(read.why);
  return read.params;
}

const NESTED = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    deep: { type: 'object', properties: { count: { type: 'integer', 'x-mcp-header': 'Count' } } },
    flag: { type: 'boolean', 'x-mcp-header': 'Flag' },
  },
};

test('readHeaderParams finds annotations at any depth of properties', () => {
  expect(paramsOf(NESTED)).toEqual([
    { header: 'mcp-param-region', path: ['region'], numeric: false },
    { header: 'mcp-param-count', path: ['deep', 'count'], numeric: true },
    { header: 'mcp-param-flag', path: ['flag'], numeric: false },
  ]);
});

test('readHeaderParams finds nothing in a tool without annotations, or without a schema', () => {
  expect(paramsOf({ type: 'object', properties: { a: { type: 'string' } } })).toEqual([]);
  expect(readHeaderParams('{"name":"\\u00e9"}')).toEqual({ kind: 'valid', params: [] });
});

test.each([
  ['a number', { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } }],
  ['no type', { properties: { a: { 'x-mcp-header': 'A' } } }],
  ['an object', { properties: { a: { type: 'object', 'x-mcp-header': 'A' } } }],
  ['the root', { type: 'string', 'x-mcp-header': 'A' }],
  ['an empty name', { properties: { a: { type: 'string', 'x-mcp-header': '' } } }],
  ['a name with a space', { properties: { a: { type: 'string', 'x-mcp-header': 'a b' } } }],
  ['a line break', { properties: { a: { type: 'string', 'x-mcp-header': 'a\r\nb' } } }],
  ['a number as name', { properties: { a: { type: 'string', 'x-mcp-header': 3 } } }],
  ['array items', { properties: { a: { items: { type: 'string', 'x-mcp-header': 'A' } } } }],
  ['a branch', { anyOf: [{ properties: { a: { type: 'string', 'x-mcp-header': 'A' } } }] }],
  ['a definition', { $defs: { d: { type: 'string', 'x-mcp-header': 'A' } } }],
  [
    'the same name in another case',
    {
      properties: {
        a: { type: 'string', 'x-mcp-header': 'Same' },
        b: { type: 'string', 'x-mcp-header': 'sAME' },
      },
    },
  ],
])('readHeaderParams refuses an annotation on %s', (_what, schema) => {
  expect(readHeaderParams(tool(schema)).kind).toBe('invalid');
});

test('mismatchedHeader accepts equal values, numbers by value and base64 sentinels', () => {
  const params = paramsOf(NESTED);
  const args = { region: 'zürich', deep: { count: 42 }, flag: true };
  const headers = {
    'mcp-param-region': `=?base64?${Buffer.from('zürich').toString('base64')}?=`,
    'mcp-param-count': '42.0',
    'mcp-param-flag': 'true',
  };
  expect(mismatchedHeader(params, args, headers)).toBeUndefined();
});

test('mismatchedHeader names a header that is missing or says something else', () => {
  const params = paramsOf(NESTED);
  expect(mismatchedHeader(params, { region: 'a' }, {})).toBe('mcp-param-region');
  expect(mismatchedHeader(params, { deep: { count: 1 } }, { 'mcp-param-count': '2' })).toBe(
    'mcp-param-count',
  );
});

test('mismatchedHeader expects no header for a value that is absent or null', () => {
  const params = paramsOf(NESTED);
  const headers = { 'mcp-param-region': 'left over' };
  expect(mismatchedHeader(params, { region: null }, headers)).toBeUndefined();
  expect(mismatchedHeader(params, undefined, headers)).toBeUndefined();
});

test('headersFor repeats what can be repeated, and mismatchedHeader agrees with it', () => {
  const params = paramsOf(NESTED);
  const args = { region: ' odd ✓', deep: { count: 7 }, flag: false };
  const headers = headersFor(params, args);
  expect(headers).toMatchObject({ 'mcp-param-count': '7', 'mcp-param-flag': 'false' });
  expect(mismatchedHeader(params, args, headers)).toBeUndefined();
  expect(headersFor(params, { deep: { count: 2 ** 60 } })).toEqual({});
});
