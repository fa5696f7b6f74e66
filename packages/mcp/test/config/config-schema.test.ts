import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { configJsonSchema } from '../../src/config/config-schema.ts';

test('schema/config.schema.json is what configJsonSchema() gives', async () => {
  const file = new URL('../../schema/config.schema.json', import.meta.url);
  const text = JSON.stringify(configJsonSchema(), undefined, 2);
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(text));
});

test('configJsonSchema() documents every setting and lets unknown keys pass, as they only warn', () => {
  const schema = configJsonSchema();
  expect(schema['additionalProperties']).toBeUndefined();
  expect(schema['required']).toBeUndefined();
  const properties = Object(schema['properties']) as Record<string, { description?: string }>;
  const undocumented = Object.keys(properties).filter(
    (name) => !properties[name]?.description?.endsWith('.'),
  );
  expect(undocumented).toEqual([]);
});
