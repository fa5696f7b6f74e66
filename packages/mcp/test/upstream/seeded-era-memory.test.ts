import { expect, test } from 'vitest';
import { createSeededEraMemory } from '../../src/upstream/streamable-http/seeded-era-memory.ts';

const legacy = { era: 'legacy', storedAtMs: 5 } as const;

test('createSeededEraMemory() says what is remembered until something newer is known', () => {
  const memory = createSeededEraMemory(() => legacy);
  expect(memory.get('k')).toEqual({ ...legacy, info: undefined });
  const modern = { era: 'modern', storedAtMs: 6, info: undefined } as const;
  memory.set('k', modern);
  expect(memory.get('k')).toBe(modern);
});

test('what was forgotten on purpose stays forgotten', () => {
  const memory = createSeededEraMemory(() => legacy);
  memory.set('k', undefined);
  expect(memory.get('k')).toBeUndefined();
});
