import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { configJsonSchema } from '../../src/config/config-schema.ts';

type Schema = Readonly<Record<string, unknown>>;

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null;
}

/** Paths of all properties without a description, however deep. */
function undescribed(schema: unknown, path = ''): string[] {
  if (!isSchema(schema)) return [];
  const properties = isSchema(schema['properties']) ? Object.entries(schema['properties']) : [];
  const own = properties.flatMap(([name, property]) => {
    const below = `${path}.${name}`;
    const text = isSchema(property) ? property['description'] : undefined;
    const missing = typeof text === 'string' && /[.)]$/.test(text) ? [] : [below];
    return missing.concat(undescribed(property, below));
  });
  const nested = ['items', 'additionalProperties', 'anyOf', 'oneOf', 'allOf'].flatMap((key) => {
    const value = schema[key];
    return (Array.isArray(value) ? value : [value]).flatMap((one) => undescribed(one, path));
  });
  return [...own, ...nested];
}

test('configJsonSchema() describes every key at every depth, as the reference is made from it', () => {
  expect(undescribed(configJsonSchema())).toEqual([]);
  expect(undescribed({ properties: { a: { properties: { b: {} } } } })).toEqual(['.a', '.a.b']);
});

test('a variable that the description of a setting names decides that setting', async () => {
  const { properties } = configJsonSchema() as {
    properties: Record<string, { description: string }>;
  };
  const values: Readonly<Record<string, string>> = {
    logLevel: 'debug',
    host: 'localhost',
    sse: 'yes',
    page: 'no',
  };
  const named = Object.entries(properties).flatMap(([key, { description }]) =>
    [...description.matchAll(/\b(?:MCP_)?[A-Z_]*PORT\b|\bMCP_[A-Z_]+/g)].map(
      ([name]) => [key, name] as const,
    ),
  );
  const scalar = named.filter(
    ([key]) => !['allowedHosts', 'allowedOrigins', 'oddText'].includes(key),
  );
  expect(scalar.length).toBeGreaterThan(8);
  for (const [key, variable] of scalar) {
    const env = { [variable]: values[key] ?? '1000' };
    const { settings } = await loadConfig({ flags: {}, env, cwd: '/', home: '/', orEmpty: true });
    const { origin } = settings[key as keyof typeof settings];
    expect([key, origin]).toEqual([key, { kind: 'environment', variable }]);
  }
});
