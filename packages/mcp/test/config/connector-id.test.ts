import { assert, constantFrom, oneof, property, string, uniqueArray } from 'fast-check';
import { expect, test } from 'vitest';
import { assignConnectorIds, isConnectorId, slug } from '../../src/config/connector-id.ts';

test('slug() always gives an id', () => {
  assert(
    property(string({ unit: 'grapheme' }), (name) => {
      expect(slug(name)).toSatisfy(isConnectorId);
    }),
  );
});

test('assignConnectorIds() gives distinct ids and leaves names that are ids alone', () => {
  const name = oneof(
    string(),
    constantFrom('a', 'A', 'a-2', 'A 2', 'a_2', 'a--2', '-', 'x'.repeat(80)),
  );
  assert(
    property(uniqueArray(name, { maxLength: 30 }), (names) => {
      const ids = assignConnectorIds(names);
      expect(new Set(ids).size).toBe(names.length);
      expect(ids.filter((id) => !isConnectorId(id))).toEqual([]);
      const kept = ids.filter((_, index) => isConnectorId(names[index] ?? ''));
      expect(kept).toEqual(names.filter((given) => isConnectorId(given)));
    }),
  );
});

test('assignConnectorIds() numbers long names within the limit', () => {
  const ids = assignConnectorIds([`${'x'.repeat(70)}!`, `${'x'.repeat(70)}?`]);
  expect(ids).toEqual(['x'.repeat(63), `${'x'.repeat(61)}-2`]);
});
