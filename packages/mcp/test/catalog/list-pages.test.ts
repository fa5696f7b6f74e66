import { expect, test } from 'vitest';
import { atOnce } from '../../src/catalog/at-once.ts';
import { buildCatalog } from '../../src/catalog/build-catalog.ts';
import type { ListBody, ListPage, PageKey } from '../../src/catalog/catalog.ts';
import type { Era } from '../../src/protocol/revision.ts';
import { build, fleetOf, namesIn, OPTIONS, sourceOf } from './catalog-fixture.ts';

function pagesOf(list: ListBody, size: number, era: Era = 'modern'): readonly ListPage[] {
  const pages: ListPage[] = [];
  let after: PageKey | undefined;
  do {
    const page = list.page(after, size, era);
    pages.push(page);
    after = page.next;
  } while (after !== undefined);
  return pages;
}

const toolsOf = (...fleet: Parameters<typeof fleetOf>): ListBody =>
  build(fleetOf(...fleet)).catalog.all.lists.tools;

test.each([1, 2, 3, 7, 10, 29, 30, 31])(
  'pages of %d are the list, whole and in order, with prebuilt lists and without',
  (size) => {
    const sources = fleetOf(10, 3);
    const list = build(sources).catalog.all.lists.tools;
    const names = namesIn(list.bytes('modern'));
    expect(names).toHaveLength(30);
    const off = atOnce(buildCatalog(sources, undefined, { ...OPTIONS, prebuilt: false }));
    for (const body of [list, off.catalog.all.lists.tools]) {
      const pages = pagesOf(body, size);
      expect(pages).toHaveLength(Math.ceil(30 / size));
      expect(pages.flatMap(({ bytes }) => namesIn(bytes))).toEqual(names);
    }
  },
);

test('a page is the same bytes, the very same, until the list changes', () => {
  const sources = fleetOf(10, 3);
  const first = build(sources);
  const before = pagesOf(first.catalog.all.lists.tools, 7).map(({ bytes }) => bytes);
  const again = pagesOf(first.catalog.all.lists.tools, 7).map(({ bytes }) => bytes);
  for (const [index, bytes] of again.entries()) expect(bytes).toBe(before[index]);
  // A connector that has other prompts, or was asked again: its tools are the same.
  const prompted = sources.with(4, {
    ...sourceOf('c0004', { prompts: ['{"name":"p"}'] }),
    ...(sources[4] && { target: sources[4].target }),
  });
  const other = sourceOf('c0004', {
    tools: sources[4]?.manifest.lists.tools.map(({ text }) => text) ?? [],
    prompts: ['{"name":"p"}'],
  });
  const second = build(sources.with(4, other), first);
  expect(second.catalog.all.lists.tools).toBe(first.catalog.all.lists.tools);
  expect(namesIn(second.catalog.all.lists.prompts.bytes('modern'))).toEqual(['c0004__p']);
  expect([...second.change.all]).toEqual(['prompts']);
  const third = build(prompted, second);
  expect(third.catalog.all.lists.tools).not.toBe(first.catalog.all.lists.tools);
});

test('a list of one page is the whole list, not a copy', () => {
  const list = toolsOf(10, 3);
  for (const size of [30, 1_000, Infinity]) {
    expect(list.page(undefined, size, 'legacy').bytes).toBe(list.bytes('modern'));
  }
});

test('cursors that somebody made up get what follows their place, and nothing is kept for them', () => {
  const list = toolsOf(10, 3);
  const at = (key: PageKey): string | undefined => namesIn(list.page(key, 4, 'modern').bytes)[0];
  expect(at({ connectorId: 'c0002', index: 0, name: 'tool_0' })).toBe('c0002__tool_1');
  expect(at({ connectorId: 'c0002', index: 2, name: 'tool_0' })).toBe('c0002__tool_1');
  expect(at({ connectorId: 'c0002', index: 1, name: 'gone' })).toBe('c0002__tool_1');
  expect(at({ connectorId: 'c0002', index: -9, name: 'gone' })).toBe('c0002__tool_0');
  expect(at({ connectorId: 'c0002', index: 99, name: 'gone' })).toBe('c0003__tool_0');
  expect(at({ connectorId: 'c0002x', index: 1, name: 'x' })).toBe('c0003__tool_0');
  expect(at({ connectorId: '', index: 1, name: 'x' })).toBe('c0000__tool_0');
  expect(at({ connectorId: 'zzz', index: 1, name: 'x' })).toBeUndefined();
  const offBeat: PageKey = { connectorId: 'c0000', index: 0, name: 'tool_0' };
  expect(list.page(offBeat, 4, 'modern').bytes).not.toBe(list.page(offBeat, 4, 'modern').bytes);
  const onBeat = list.page(undefined, 4, 'modern').next;
  expect(list.page(onBeat, 4, 'modern').bytes).toBe(list.page(onBeat, 4, 'modern').bytes);
  // Pages of another size are another list's: none of these is kept.
  expect(list.page(undefined, 5, 'modern').bytes).not.toBe(list.page(undefined, 5, 'modern').bytes);
});

test('legacy pages show what legacy clients see, and are kept beside the others', () => {
  const tools = ['a', 'b', 'c'].map(
    (name) => `{"name":"${name}","outputSchema":{"type":"array","x":"é漢"}}`,
  );
  const { tools: list } = build([sourceOf('m', { tools })]).catalog.all.lists;
  const [modern, legacy] = [pagesOf(list, 2), pagesOf(list, 2, 'legacy')];
  expect(modern.map(({ bytes }) => namesIn(bytes))).toEqual(
    legacy.map(({ bytes }) => namesIn(bytes)),
  );
  expect(modern[1]?.bytes.toString()).toBe(
    '"tools":[{"name":"m__c","outputSchema":{"type":"array","x":"é漢"}}]}}',
  );
  expect(legacy[1]?.bytes.toString()).toContain('"required":["result"]');
  expect(list.page(undefined, 2, 'legacy').bytes).toBe(legacy[0]?.bytes);
});

test('only() of what only() left has what both want, with prebuilt lists and without', () => {
  const sources = fleetOf(2, 5);
  const off = atOnce(buildCatalog(sources, undefined, { ...OPTIONS, prebuilt: false }));
  for (const { lists } of [build(sources).catalog.all, off.catalog.all]) {
    const most = lists.tools.only(() => Uint32Array.of(0, 1, 3, 4));
    const few = most.only(({ connectorId }) =>
      connectorId === 'c0000' ? Uint32Array.of(1, 2, 3) : undefined,
    );
    expect(namesIn(few.bytes('modern'))).toEqual([
      'c0000__tool_1',
      'c0000__tool_3',
      ...[0, 1, 3, 4].map((tool) => `c0001__tool_${tool}`),
    ]);
    expect(few.count).toBe(6);
    expect(few.groups().map(({ connectorId }) => connectorId)).toEqual(['c0000', 'c0001']);
    expect(
      few
        .only(() => new Uint32Array(0))
        .bytes('modern')
        .toString(),
    ).toBe('"tools":[]}}');
    expect(pagesOf(few, 4).map(({ bytes }) => namesIn(bytes).length)).toEqual([4, 2]);
  }
});
