import { expect, test } from 'vitest';
import {
  draftItems,
  draftMembers,
  draftOf,
  draftText,
  draftValue,
  textValue,
  type Draft,
} from '../../src/model/form-draft.ts';
import { schemaField } from '../../src/model/schema-field.ts';

function form(properties: Record<string, unknown>, required: readonly string[] = []) {
  const field = schemaField({ type: 'object', properties, required });
  return { field, value: (draft: Draft) => draftValue(field, draft) };
}

test('draftOf() begins with the defaults, and draftValue() sends them', () => {
  const { field, value } = form({
    text: { type: 'string', default: 'x' },
    number: { type: 'integer', default: 0 },
    choice: { enum: ['a', 'b'], default: 'b' },
    bool: { type: 'boolean', default: false },
    list: { type: 'array', items: { type: 'string' }, default: ['p', 'q'] },
    any: { default: { deep: [1] } },
    none: { type: 'string' },
  });
  expect(value(draftOf(field))).toEqual({
    value: { text: 'x', number: 0, choice: 'b', bool: false, list: ['p', 'q'], any: { deep: [1] } },
    problems: [],
  });
});

test('draftValue() leaves out what is empty and may be left out', () => {
  const { field, value } = form({
    text: { type: 'string' },
    list: { type: 'array', items: { type: 'string' } },
    inner: {
      type: 'object',
      required: ['lat'],
      properties: { lat: { type: 'number' }, ok: { type: 'boolean' } },
    },
  });
  expect(value(draftOf(field))).toEqual({ value: {}, problems: [] });
});

test('draftValue() asks for what an optional object needs once something is set in it', () => {
  const { value } = form({
    inner: {
      type: 'object',
      required: ['lat'],
      properties: { lat: { type: 'number' }, ok: { type: 'boolean' } },
    },
  });
  expect(value({ inner: { lat: '', ok: 'true' } })).toEqual({
    value: { inner: { ok: true } },
    problems: [{ path: 'inner.lat', why: 'is needed' }],
  });
});

test('draftValue() names every problem with its place', () => {
  const { value } = form(
    {
      text: { type: 'string' },
      whole: { type: 'integer' },
      number: { type: 'number' },
      json: {},
      list: { type: 'array', items: { type: 'number' } },
    },
    ['text'],
  );
  const { problems } = value({ text: '', whole: '1.5', number: 'x', json: '{', list: ['1', ''] });
  expect(problems).toEqual([
    { path: 'text', why: 'is needed' },
    { path: 'whole', why: 'is no whole number' },
    { path: 'number', why: 'is no number' },
    { path: 'json', why: 'is no JSON' },
    { path: 'list.1', why: 'is needed' },
  ]);
});

test('draftValue() keeps blanks in texts, and takes them for nothing elsewhere', () => {
  const { value } = form({ text: { type: 'string' }, number: { type: 'number' } });
  expect(value({ text: ' ', number: ' ' }).value).toEqual({ text: ' ' });
});

test('draftValue() sends a needed list, boolean and single choice without a touch', () => {
  const { field, value } = form(
    {
      list: { type: 'array', items: {}, minItems: 0 },
      bool: { type: 'boolean' },
      only: { const: 'x' },
    },
    ['list', 'bool', 'only'],
  );
  expect(value(draftOf(field))).toEqual({
    value: { list: [], bool: false, only: 'x' },
    problems: [],
  });
});

test('draftValue() makes members of any name, and never a prototype', () => {
  const properties = JSON.parse('{"__proto__": {"type": "string"}}') as Record<string, unknown>;
  const { field } = form(properties);
  const draft = JSON.parse('{"__proto__": "x"}') as Draft;
  const { value } = draftValue(field, draft);
  expect(Object.keys(value as object)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
});

test('draftOf() takes over a value, as far as the form has a place for it', () => {
  const { field, value } = form({
    a: { type: 'string' },
    n: { type: 'number' },
    c: { enum: ['x', 'y'] },
    items: { type: 'array', items: { type: 'object', properties: { k: { type: 'string' } } } },
  });
  const typed = { a: 'one', n: 2.5, c: 'y', items: [{ k: 'v' }], other: 1 };
  expect(value(draftOf(field, typed)).value).toEqual({
    a: 'one',
    n: 2.5,
    c: 'y',
    items: [{ k: 'v' }],
  });
  expect(value(draftOf(field, { a: null, c: 'unknown' })).value).toEqual({});
});

test('draftText(), draftItems() and draftMembers() answer with something of their kind', () => {
  expect([draftText('x'), draftText([]), draftText(undefined)]).toEqual(['x', '', '']);
  expect([draftItems(['x']), draftItems('x'), draftItems(undefined)]).toEqual([['x'], [], []]);
  expect([draftMembers({ a: 'x' }), draftMembers(['x']), draftMembers(undefined)]).toEqual([
    { a: 'x' },
    {},
    {},
  ]);
});

test('textValue() takes an object of JSON and nothing else', () => {
  expect(textValue('{"a": 1}')).toEqual({ value: { a: 1 }, problems: [] });
  expect(textValue(' \n')).toEqual({ value: {}, problems: [] });
  expect(textValue('[1]').problems).toEqual([{ path: '', why: 'is no JSON object' }]);
  expect(textValue('{').problems[0]?.why).toMatch(/^is no JSON: /);
});
