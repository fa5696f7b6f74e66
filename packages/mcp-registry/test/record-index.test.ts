import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesGlob } from '../src/glob.ts';
import { RecordIndex } from '../src/record-index.ts';
import { officialMetaKey, recordKey } from '../src/server-record.ts';
import { SortedKeys } from '../src/sorted-keys.ts';
import { storeRecord } from '../src/stored-record.ts';
import { compareVersions } from '../src/version-order.ts';
import { published, server, stored } from './lib/records.ts';

function indexOf(...records: ReturnType<typeof server>[]): RecordIndex {
  const index = new RecordIndex();
  for (const record of records) index.put(storeRecord(record), 1);
  return index;
}

function meta(status: string, updatedAt?: string) {
  return { _meta: { [officialMetaKey]: { status, updatedAt } } };
}

test('search() finds text in name, title and description without case', () => {
  const index = indexOf(
    server('Alpha'),
    server('b', { title: 'has ALPHA' }),
    server('c', { description: 'an alphabet' }),
    published('io.test/d', '1.0.0'),
    server('e', { command: 'alpha' }),
  );
  expect(index.search({ text: 'aLpHa' }).keys).toEqual(['Alpha', 'b', 'c']);
  expect(index.search({ text: 'TEST/D 1' }).keys).toEqual([recordKey('io.test/d', '1.0.0')]);
});

test('search() matches whole tags, not parts of names or commands (B7.25)', () => {
  const index = indexOf(
    server('db', { tags: ['Data'] }),
    server('data'),
    server('x', { tags: ['database'] }),
  );
  expect(index.search({ tag: 'data' }).keys).toEqual(['db']);
});

test('search() takes a name pattern as a pattern, never as a regular expression (B7.25)', () => {
  const index = indexOf(server('github'), server('gitlab'), server('(a+)+$'));
  expect(index.search({ name: 'git*' }).keys).toEqual(['github', 'gitlab']);
  expect(index.search({ name: '(a+)+$' }).keys).toEqual(['(a+)+$']);
  expect(index.search({ name: '[' }).keys).toEqual([]);
});

test('search() filters by transport, status and time', () => {
  const index = indexOf(
    server('a'),
    published('x/b', '1.0.0', meta('deleted', '2026-02-01T00:00:00Z')),
    published('x/c', '1.0.0', meta('active', '2026-01-01T00:00:00Z')),
  );
  const [b, c] = [recordKey('x/b', '1.0.0'), recordKey('x/c', '1.0.0')];
  expect(index.search({ transport: 'stdio' }).keys).toEqual(['a']);
  expect(index.search({ status: 'deleted' }).keys).toEqual([b]);
  expect(index.search({ includeDeleted: false }).keys).toEqual(['a', c]);
  expect(index.search({ updatedSinceMs: Date.parse('2026-01-15') }).keys).toEqual([b]);
});

test('search() pages in key order without gap or repeat while keys come and go', () => {
  const index = indexOf(...Array.from({ length: 95 }, (_, i) => server(`s-${i}`)));
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = index.search({ limit: 10, after });
    seen.push(...page.keys);
    index.put(stored(`aaa-${seen.length}`), 1);
    index.delete(page.keys[0] ?? '');
    after = page.next;
  } while (after !== undefined);
  const expected = Array.from({ length: 95 }, (_, i) => `s-${i}`).toSorted();
  expect(seen.filter((key) => key.startsWith('s-'))).toEqual(expected);
});

test('search() cut into pieces by maxScanned finds the same as in one go', () => {
  const index = indexOf(...Array.from({ length: 95 }, (_, i) => server(`s-${i}`)));
  const seen: string[] = [];
  let pieces = 0;
  let after: string | undefined;
  do {
    const page = index.search({ name: '*9', limit: 3, maxScanned: 7, after });
    seen.push(...page.keys);
    pieces += 1;
    after = page.next;
  } while (after !== undefined);
  expect(seen).toEqual(index.search({ name: '*9' }).keys);
  expect(pieces).toBeGreaterThanOrEqual(14);
});

test('search() holds its limits', () => {
  const index = indexOf(...Array.from({ length: 1_200 }, (_, i) => server(`s-${i}`)));
  expect(index.search({}).keys.length).toBe(50);
  expect(index.search({ limit: 5_000 }).keys.length).toBe(1_000);
  expect(index.search({ limit: 0 }).keys.length).toBe(1);
});

test('latestKey() is the highest version that is not deleted', () => {
  const index = indexOf(
    published('x/a', '1.10.0'),
    published('x/a', '1.9.0'),
    published('x/a', '2.0.0', meta('deleted')),
    published('x/a', '2.0.0-rc.1'),
    published('x/gone', '1.0.0', meta('deleted')),
    published('x/ab', '9.0.0'),
  );
  expect(index.latestKey('x/a')).toBe(recordKey('x/a', '2.0.0-rc.1'));
  expect(index.latestKey('x/gone')).toBe(recordKey('x/gone', '1.0.0'));
  expect(index.latestKey('x')).toBeUndefined();
  expect(index.search({ latestOnly: true }).keys).toEqual([
    recordKey('x/a', '2.0.0-rc.1'),
    recordKey('x/ab', '9.0.0'),
    recordKey('x/gone', '1.0.0'),
  ]);
  expect(index.keysOf('x/a').length).toBe(4);
});

test('compareVersions() follows semver §11; other texts come last', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.10',
    '1.2.0',
    '10.0.0',
    '2024-nightly',
    'snapshot',
  ];
  const shuffled = ordered.toReversed();
  expect(shuffled.toSorted(compareVersions)).toEqual(ordered);
  expect(compareVersions('v1.0.0+a', '1.0.0+b')).toBe(0);
});

test('property: SortedKeys equals a sorted set', () => {
  const key = fc.integer({ min: 0, max: 3_000 }).map((n) => `k${n}`);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.boolean(), key), { maxLength: 3_000 }),
      key,
      (steps, after) => {
        const keys = new SortedKeys();
        const model = new Set<string>();
        for (const [adds, one] of steps) {
          if (adds) keys.add(one);
          else keys.delete(one);
          if (adds) model.add(one);
          else model.delete(one);
        }
        const sorted = [...model].toSorted();
        expect([...keys.after()]).toEqual(sorted);
        expect([...keys.after(after)]).toEqual(sorted.filter((one) => one > after));
        expect([...keys.startingWith('k1')]).toEqual(sorted.filter((one) => one.startsWith('k1')));
      },
    ),
    { numRuns: 30 },
  );
});

test('SortedKeys splits blocks in any order of arrival', () => {
  for (const step of [1, 7, -1]) {
    const keys = new SortedKeys();
    const names = Array.from({ length: 5_000 }, (_, i) =>
      String((i * step + 5_000_000) % 5_003).padStart(5, '0'),
    );
    for (const name of names) keys.add(name);
    expect([...keys.after()]).toEqual([...new Set(names)].toSorted());
    for (const name of names) keys.delete(name);
    expect([...keys.after()]).toEqual([]);
  }
});

test('property: matchesGlob() equals the regular expression of the pattern', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  fc.assert(
    fc.property(letters, letters, (text, pattern) => {
      const source = pattern.replaceAll('*', '[^]*').replaceAll('?', '[^]');
      expect(matchesGlob(text, pattern)).toBe(new RegExp(`^${source}$`, 'iu').test(text));
    }),
    { numRuns: 500 },
  );
});

test('matchesGlob() answers a hostile pattern at once (B7.25)', () => {
  const started = performance.now();
  expect(matchesGlob('a'.repeat(200), `${'*a'.repeat(50)}b`)).toBe(false);
  // With backtracking it would not end.
  expect(performance.now() - started).toBeLessThan(3_000);
});
