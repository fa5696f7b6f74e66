import { expect, test } from 'vitest';
import { AgeList } from '../../src/gateway/session/age-list.ts';

/** What is left, oldest first; empties the list. */
function drain(list: AgeList<string>, places: ReadonlyMap<string, ReturnType<typeof list.add>>) {
  const left: string[] = [];
  for (let oldest = list.oldest; oldest !== undefined; oldest = list.oldest) {
    left.push(oldest);
    const place = places.get(oldest);
    if (place === undefined) break;
    list.remove(place);
  }
  return left;
}

test.each([
  { removed: [], left: 'abcd' },
  { removed: ['a'], left: 'bcd' },
  { removed: ['d'], left: 'abc' },
  { removed: ['b', 'c'], left: 'ad' },
  { removed: ['c', 'b', 'a'], left: 'd' },
  { removed: ['a', 'b', 'c', 'd'], left: '' },
])('remove($removed) leaves the others in the order they came', ({ removed, left }) => {
  const list = new AgeList<string>();
  const places = new Map(['a', 'b', 'c', 'd'].map((value) => [value, list.add(value)]));
  for (const value of removed) {
    const place = places.get(value);
    if (place !== undefined) list.remove(place);
  }
  places.set('e', list.add('e'));
  expect(drain(list, places).join('')).toBe(`${left}e`);
});
