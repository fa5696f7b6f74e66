import { expect, test } from 'vitest';
import { legacyToolResult, legacyToolText } from '../../src/protocol/legacy-tool.ts';

test('legacyToolText leaves tools without output schema, and with an object, as they are', () => {
  expect(legacyToolText('{"name":"t"}')).toBeUndefined();
  expect(legacyToolText('{"name":"t","outputSchema":{"type":"object"}}')).toBeUndefined();
  expect(legacyToolText('{"name":"t","outputSchema":true}')).toBeUndefined();
});

test('legacyToolText wraps any other schema under result and moves its pointers', () => {
  const outputSchema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'array',
    items: { $ref: '#/$defs/item' },
    $defs: {
      item: { properties: { $ref: { type: 'string' }, next: { $ref: '#' } } },
      far: { $id: 'https://example.test/far', $ref: '#/local' },
    },
    default: [{ $ref: '#/data' }],
  };
  const text = legacyToolText(JSON.stringify({ name: 't', outputSchema, 'x-odd': 1 }));
  expect(JSON.parse(text ?? '')).toEqual({
    name: 't',
    outputSchema: {
      $schema: outputSchema.$schema,
      type: 'object',
      properties: {
        result: {
          ...outputSchema,
          items: { $ref: '#/properties/result/$defs/item' },
          $defs: {
            item: {
              properties: { $ref: { type: 'string' }, next: { $ref: '#/properties/result' } },
            },
            far: outputSchema.$defs.far,
          },
        },
      },
      required: ['result'],
    },
    'x-odd': 1,
  });
});

test('legacyToolResult wraps what is no object, and whatever a wrapped schema describes', () => {
  expect(legacyToolResult('{"structuredContent":[1, 2],"content":[]}', false)).toBe(
    '{"structuredContent":{"result":[1, 2]},"content":[]}',
  );
  expect(legacyToolResult('{"structuredContent":{"a":1}}', true)).toBe(
    '{"structuredContent":{"result":{"a":1}}}',
  );
  expect(legacyToolResult('{"structuredContent":{"a":1}}', false)).toBe(
    '{"structuredContent":{"a":1}}',
  );
  expect(legacyToolResult('{"content":[]}', true)).toBe('{"content":[]}');
});
