import { expect, test } from 'vitest';
import { atOnce } from '../../src/catalog/at-once.ts';
import { pieceOf, STEP_LENGTH, type ListedItem } from '../../src/catalog/listed-item.ts';

function listed(name: string, title: string, legacyText?: string): ListedItem {
  const text = `{"name":"${name}","title":"${title}"}`;
  const idSpan = { key: 'name', start: 8, end: 10 + name.length };
  return { item: { id: name, text, idSpan }, name: `c__${name}`, legacyText };
}

/** The items that a piece says it has. */
function cut({ bytes, ends }: { readonly bytes: Buffer; readonly ends: Uint32Array }): string[] {
  return Array.from(ends, (end, at) =>
    bytes.toString('utf8', at === 0 ? 0 : (ends[at - 1] ?? 0) + 1, end),
  );
}

const renamed = ({ item, name }: ListedItem): string =>
  item.text.replace(`"${item.id}"`, `"${name}"`);

test.each([
  ['one item', [listed('a', 'A')]],
  ['several', [listed('a', 'A'), listed('b', 'B'), listed('c', '')]],
  ['other letters than ASCII', [listed('a', 'ü€😀'), listed('b', 'B'), listed('c', 'ß')]],
  [
    'more than is written between two pauses',
    ['a', 'b', 'c', 'd', 'e'].map((name) => listed(name, 'ü'.repeat(STEP_LENGTH / 2))),
  ],
  [
    'one that is longer than a pause allows',
    [listed('a', 'x'.repeat(STEP_LENGTH * 2)), listed('b', 'ü')],
  ],
])('pieceOf() has the bytes of %s, and where each ends', (_, items) => {
  const { modern, legacy } = atOnce(pieceOf(items));
  expect(modern.bytes.toString()).toBe(items.map(renamed).join(','));
  expect(cut(modern)).toEqual(items.map(renamed));
  expect(legacy).toBe(modern);
});

test('pieceOf() gives way after as many characters as may be written at once', () => {
  const items = ['a', 'b', 'c'].map((name) => listed(name, 'x'.repeat(STEP_LENGTH)));
  expect([...pieceOf(items)]).toHaveLength(2);
});

test('pieceOf() has other bytes for legacy clients where one item looks different to them', () => {
  const items = [listed('a', 'A', '{"name":"c__a"}'), listed('b', 'B')];
  const { modern, legacy } = atOnce(pieceOf(items));
  expect(cut(legacy)).toEqual(['{"name":"c__a"}', '{"name":"c__b","title":"B"}']);
  expect(cut(modern)).toEqual(items.map(renamed));
});
