import { expect, test } from 'vitest';
import {
  createSeededEraMemory,
  type EraSeed,
} from '../../src/upstream/streamable-http/seeded-era-memory.ts';

const legacy = { era: 'legacy', storedAtMs: 5 } as const;

function seed(): EraSeed & { readonly written: Parameters<EraSeed['write']>[0][] } {
  const written: Parameters<EraSeed['write']>[0][] = [];
  return { written, read: () => legacy, write: (verdict) => void written.push(verdict) };
}

test('createSeededEraMemory() says what is kept until something newer is known, and passes that on', () => {
  const kept = seed();
  const memory = createSeededEraMemory(kept);
  expect(memory.get('k')).toEqual({ ...legacy, info: undefined });
  const modern = { era: 'modern', storedAtMs: 6, info: undefined } as const;
  memory.set('k', modern);
  expect(memory.get('k')).toBe(modern);
  expect(kept.written).toEqual([{ era: 'modern', storedAtMs: 6 }]);
});

test('what was forgotten on purpose stays forgotten', () => {
  const kept = seed();
  const memory = createSeededEraMemory(kept);
  memory.set('k', undefined);
  expect(memory.get('k')).toBeUndefined();
  expect(kept.written).toEqual([]);
});
