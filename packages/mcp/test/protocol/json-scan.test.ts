import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  JsonDepthError,
  arrayElements,
  findMember,
  objectMembers,
  replaceSpan,
  valueEnd,
} from '../../src/protocol/json-scan.ts';

const values = fc.jsonValue({ maxDepth: 6 });
const spaced = fc.constantFrom(undefined, 1, '\t', '\n ');

test('objectMembers() finds every member of any object, with its exact value', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'binary' }), values), spaced, (object, indent) => {
      const text = `  ${JSON.stringify(object, undefined, indent)} `;
      const members = objectMembers(text);
      expect(members.map(({ key }) => key)).toEqual(
        Object.keys(JSON.parse(text) as Record<string, unknown>),
      );
      for (const { key, start, end } of members) {
        expect(JSON.parse(text.slice(start, end))).toEqual(
          (JSON.parse(text) as Record<string, unknown>)[key],
        );
      }
    }),
  );
});

test('arrayElements() finds every element of any array, with its exact value', () => {
  fc.assert(
    fc.property(fc.array(values), spaced, (array, indent) => {
      const text = JSON.stringify(array, undefined, indent);
      const elements = arrayElements(text);
      expect(
        elements.map(({ start, end }) => JSON.parse(text.slice(start, end)) as unknown),
      ).toEqual(JSON.parse(text));
    }),
  );
});

test('objectMembers() keeps duplicates in order and decodes escaped keys', () => {
  const text = String.raw`{"a":1,"\u0061":[2],"b":{"c":"}"}}`;
  expect(objectMembers(text).map(({ key, start, end }) => [key, text.slice(start, end)])).toEqual([
    ['a', '1'],
    ['a', '[2]'],
    ['b', '{"c":"}"}'],
  ]);
});

test('objectMembers() is not misled by quotes and backslashes in strings', () => {
  const text = String.raw`{"x":"\\","y":"a\"b","z":"\\\""}`;
  expect(objectMembers(text).map(({ start, end }) => JSON.parse(text.slice(start, end)))).toEqual([
    '\\',
    'a"b',
    '\\"',
  ]);
});

test('objectMembers() and arrayElements() answer with nothing for another kind of value', () => {
  expect(objectMembers('[1]')).toEqual([]);
  expect(objectMembers('"{}"')).toEqual([]);
  expect(arrayElements('{"a":[1]}')).toEqual([]);
});

test('valueEnd() stops at nesting beyond maxDepth', () => {
  const deep = `${'['.repeat(65)}${']'.repeat(65)}`;
  expect(() => valueEnd(deep, 0, 64)).toThrow(JsonDepthError);
  expect(valueEnd(deep, 0, 65)).toBe(130);
});

test('replaceSpan() changes one value and not a letter more', () => {
  const text = '{ "n" : "old", "big": 9007199254740993, "f": 1.0 }';
  const span = findMember(objectMembers(text), 'n');
  expect(span && replaceSpan(text, span, '"new"')).toBe(
    '{ "n" : "new", "big": 9007199254740993, "f": 1.0 }',
  );
});
