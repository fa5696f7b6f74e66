import { assert, jsonValue, property, string } from 'fast-check';
import { expect, test } from 'vitest';
import {
  canonicalDefinition,
  createDefinitionHasher,
  definitionHash,
} from '../../src/pins/definition-hash.ts';

const TOOL =
  '{"name":"t","description":"A tool.","inputSchema":{"type":"object","properties":{"a":{"type":"string"},"b":{"enum":[1,2]}}},"annotations":{"readOnlyHint":true}}';

/** The same value with other order of keys, spacing and escapes. */
function rewritten(value: unknown): string {
  if (Array.isArray(value)) return `[ ${value.map(rewritten).join(' ,\n')} ]`;
  if (typeof value === 'string') {
    return `"${Array.from({ length: value.length }, (_, i) => `\\u${value.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`;
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toReversed();
  return `{\t${members.map(([key, member]) => `${rewritten(key)} : ${rewritten(member)}`).join(' , ')} }`;
}

test('definitionHash() is that of the value, whatever order, spacing and escapes (S9)', () => {
  expect(definitionHash(TOOL)).toMatch(/^[\w-]{43}$/);
  expect(definitionHash(rewritten(JSON.parse(TOOL)))).toBe(definitionHash(TOOL));
  const json = jsonValue({ maxDepth: 4 });
  assert(
    property(json, string(), (value, description) => {
      const tool = { name: 'x', description, inputSchema: value, _meta: { value } };
      expect(definitionHash(rewritten(tool))).toBe(definitionHash(JSON.stringify(tool)));
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['a character of the description', '"A tool."', '"A tool!"'],
  ['a type in the schema', '"type":"string"', '"type":"number"'],
  ['the order of a list', '[1,2]', '[2,1]'],
  ['an annotation', 'true', 'false'],
  ['the name', '"name":"t"', '"name":"T"'],
  ['something that cannot be seen', '"A tool."', '"A tool.\\u200b"'],
  ['a title that was not there', '{"name"', '{"title":"x","name"'],
  ['an icon', '{"name"', '{"icons":[],"name"'],
  ['a second description', '{"name"', '{"description":"Another.","name"'],
  ['a number that parsers round', '[1,2]', '[1,2.00000000000000000001]'],
])('definitionHash() changes with %s (S9)', (_what, from, to) => {
  const changed = TOOL.replace(from, to);
  expect(changed).not.toBe(TOOL);
  expect(definitionHash(changed)).not.toBe(definitionHash(TOOL));
});

test('canonicalDefinition() leaves out what nobody acts on, and keeps keys such as __proto__ (S14)', () => {
  expect(canonicalDefinition('{"x-vendor":1,"name":"t","execution":{}}')).toBe('{"name":"t"}');
  expect(
    canonicalDefinition(' {"inputSchema":{"constructor":1,"__proto__":{"b":[ ],"a":{ }}}}'),
  ).toBe('{"inputSchema":{"__proto__":{"a":{},"b":[]},"constructor":1}}');
});

test('createDefinitionHasher() works each definition out once', () => {
  const hashOf = createDefinitionHasher();
  const item = { text: TOOL };
  expect([hashOf(item), hashOf(item), hashOf({ text: TOOL })]).toEqual([
    definitionHash(TOOL),
    definitionHash(TOOL),
    definitionHash(TOOL),
  ]);
});
