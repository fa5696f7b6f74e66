import { expect, test } from 'vitest';
import { schemaField, type Field, type NamedField } from '../../src/model/schema-field.ts';

function members(schema: Record<string, unknown>): Readonly<Record<string, Field>> {
  const field = schemaField(schema);
  if (field.kind !== 'object') throw new Error(`It is ${field.kind}.`);
  return Object.fromEntries(field.fields.map(({ key, field: inner }: NamedField) => [key, inner]));
}

function member(schema: unknown): Field | undefined {
  return members({ type: 'object', properties: { one: schema } })['one'];
}

test('schemaField() makes one input per property, with title, description, need and default', () => {
  const fields = members({
    type: 'object',
    required: ['a'],
    properties: {
      a: { type: 'string', title: 'The A', description: 'What a is.', default: 'x' },
      b: { type: 'number' },
    },
  });
  expect(fields['a']).toMatchObject({
    kind: 'text',
    title: 'The A',
    description: 'What a is.',
    isRequired: true,
    standard: 'x',
  });
  expect(fields['b']).toMatchObject({
    kind: 'number',
    title: 'b',
    isRequired: false,
    isInteger: false,
  });
});

test.each([
  [{ type: 'string' }, { kind: 'text', isLong: false }],
  [
    { type: 'string', maxLength: 5000 },
    { kind: 'text', isLong: true },
  ],
  [{ type: 'integer' }, { kind: 'number', isInteger: true }],
  [{ type: 'boolean' }, { kind: 'boolean' }],
  [{ enum: ['x', 1, null] }, { kind: 'choice', options: ['x', 1, null] }],
  [{ const: 7 }, { kind: 'choice', options: [7] }],
  [
    { oneOf: [{ const: 'a', title: 'A' }, { const: 'b' }] },
    { kind: 'choice', options: ['a', 'b'] },
  ],
  [
    { type: 'array', items: { type: 'string' }, maxItems: 3 },
    { kind: 'list', maxItems: 3 },
  ],
  [
    { type: 'array', items: { type: 'string' } },
    { kind: 'list', maxItems: 100 },
  ],
  [{ type: 'array' }, { kind: 'json', why: 'a list of anything' }],
  [{ type: 'object', additionalProperties: true }, { kind: 'json' }],
  [{ properties: { a: { type: 'string' } } }, { kind: 'object' }],
  [
    { oneOf: [{ type: 'string' }, { type: 'object' }] },
    { kind: 'json', why: 'one of several forms (oneOf)' },
  ],
  [{ allOf: [{ type: 'string' }] }, { kind: 'json' }],
  [{ type: ['string', 'null'] }, { kind: 'text' }],
  [{ type: ['string', 'number'] }, { kind: 'json', why: 'any JSON' }],
  [{ anyOf: [{ type: 'integer' }, { type: 'null' }] }, { kind: 'number', isInteger: true }],
  [true, { kind: 'json', why: 'any JSON' }],
  [{}, { kind: 'json', why: 'any JSON' }],
])('schemaField() of %j is %j', (schema, field) => {
  expect(member(schema)).toMatchObject(field);
});

test('schemaField() gives much room to what is named like a long text', () => {
  const fields = members({
    properties: {
      sql: { type: 'string' },
      messageText: { type: 'string' },
      id: { type: 'string' },
    },
  });
  expect(fields['sql']).toMatchObject({ isLong: true });
  expect(fields['id']).toMatchObject({ isLong: false });
});

const hint = (schema: object): string | undefined => member(schema)?.hint;

test('schemaField() says bounds in words', () => {
  expect(hint({ type: 'integer', minimum: 1, maximum: 9 })).toBe('1 to 9');
  expect(hint({ type: 'number', minimum: 1 })).toBe('at least 1');
  expect(hint({ type: 'string', maxLength: 9, format: 'uri', pattern: '^h' })).toBe(
    'at most 9 characters, uri, matches ^h',
  );
  expect(hint({ type: 'array', minItems: 1, maxItems: 2, items: {} })).toBe('1 to 2 items');
});

test('schemaField() follows references inside the schema, and what is beside them wins', () => {
  const fields = members({
    type: 'object',
    $defs: { 'a/b': { type: 'string', title: 'From there' } },
    properties: {
      one: { $ref: '#/$defs/a~1b' },
      two: { $ref: '#/$defs/a~1b', title: 'From here' },
      three: { anyOf: [{ $ref: '#/$defs/a~1b' }, { type: 'null' }] },
      far: { $ref: 'https://example.org/schema.json' },
      lost: { $ref: '#/$defs/none' },
    },
  });
  expect(fields['one']).toMatchObject({ kind: 'text', title: 'From there' });
  expect(fields['two']).toMatchObject({ kind: 'text', title: 'From here' });
  expect(fields['three']).toMatchObject({ kind: 'text' });
  expect(fields['far']).toMatchObject({ kind: 'json' });
  expect(fields['lost']).toMatchObject({ kind: 'json' });
});

test('schemaField() ends where schemas lead in circles', () => {
  const tree = {
    type: 'object',
    $defs: { loop: { $ref: '#/$defs/loop' } },
    properties: { child: { $ref: '#' }, loop: { $ref: '#/$defs/loop' } },
  };
  const text = JSON.stringify(schemaField(tree));
  expect(text).toContain('deeply nested');
  expect(text.length).toBeLessThan(10_000);
});

test('schemaField() shows no more than 200 members as inputs', () => {
  const properties = Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`p${at}`, {}]));
  expect(schemaField({ type: 'object', properties })).toMatchObject({ kind: 'json' });
});

test('schemaField() of no schema is an empty form', () => {
  expect(schemaField({})).toMatchObject({ kind: 'object', fields: [] });
  expect(schemaField({ type: 'object' })).toMatchObject({ kind: 'object', fields: [] });
  expect(schemaField({ type: 'string' })).toMatchObject({ kind: 'text' });
});
