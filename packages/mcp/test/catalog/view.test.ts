import { expect, test } from 'vitest';
import { changedKinds } from '../../src/catalog/catalog-change.ts';
import {
  EMPTY_VIEW,
  type Catalog,
  type CatalogView,
  type Route,
} from '../../src/catalog/catalog.ts';
import { atOnce } from '../../src/catalog/at-once.ts';
import { perRequestBody, prebuiltBody } from '../../src/catalog/list-body.ts';
import { pieceOf } from '../../src/catalog/listed-item.ts';
import type { ViewFilter } from '../../src/catalog/view-filter.ts';
import { FilteredViews, filteredView } from '../../src/catalog/view.ts';
import type { ListKind } from '../../src/protocol/list-kind.ts';

function filter(key: string, allowed: readonly string[]): ViewFilter {
  return {
    key,
    connector: (id) => allowed.some((name) => name.startsWith(`${id}/`)),
    narrows: () => true,
    item: (_kind, id, name) => allowed.includes(`${id}/${name}`),
  };
}

const route = (connectorId: string, upstreamName: string): Route<string> => ({
  connectorId,
  upstreamName,
  target: connectorId,
});

const item = (id: string) => {
  const text = JSON.stringify({ name: id });
  const start = text.indexOf(JSON.stringify(id));
  return { id, text, idSpan: { key: 'name', start, end: start + id.length + 2 } };
};

const GROUPS = ['a', 'b'].map((connectorId) => {
  const items = ['x', 'y'].map((id) => ({ item: item(id), name: `${connectorId}__${id}` }));
  return { connectorId, items, piece: atOnce(pieceOf(items)) };
});

const view: CatalogView<string> = {
  ...EMPTY_VIEW,
  lists: {
    ...EMPTY_VIEW.lists,
    tools: atOnce(prebuiltBody('tools', GROUPS)),
    prompts: perRequestBody('prompts', GROUPS),
  },
  tools: new Map(
    ['a', 'b'].flatMap((id) => ['x', 'y'].map((name) => [`${id}__${name}`, route(id, name)])),
  ),
};

function catalogOf(generation: number): Catalog<string> {
  return { generation, all: view, connectors: new Map([['a', view]]), warnings: [] };
}

test('a filtered list is the whole one without what is left out, in both ways of making it', () => {
  const { lists } = filteredView(view, filter('k', ['a/y', 'b/x']));
  expect(lists.tools.bytes('modern').toString()).toBe(
    '"tools":[{"name":"a__y"},{"name":"b__x"}]}}',
  );
  expect(lists.tools.count).toBe(2);
  expect(lists.prompts.bytes('legacy').toString()).toBe(
    '"prompts":[{"name":"a__y"},{"name":"b__x"}]}}',
  );
  const page = lists.tools.page(undefined, 1, 'modern');
  expect(page.bytes.toString()).toBe('"tools":[{"name":"a__y"}]}}');
  expect(lists.tools.page(page.next, 1, 'modern').bytes.toString()).toBe(
    '"tools":[{"name":"b__x"}]}}',
  );
  expect(lists.resources.bytes('modern').toString()).toBe('"resources":[]}}');
  expect(lists.tools).toBe(lists.tools);
});

test('filtered routes are those whose item is seen, however they are read', () => {
  const { tools } = filteredView(view, filter('k', ['a/y', 'b/x']));
  expect([tools.has('a__y'), tools.has('a__x'), tools.get('a__x'), tools.get('none')]).toEqual([
    true,
    false,
    undefined,
    undefined,
  ]);
  expect(tools.size).toBe(2);
  expect([...tools.keys()]).toEqual(['a__y', 'b__x']);
  expect(Array.from(tools.values(), ({ connectorId }) => connectorId)).toEqual(['a', 'b']);
  expect([...tools].length).toBe([...tools.entries()].length);
  const seen: string[] = [];
  tools.forEach((_route, name) => seen.push(name));
  expect(seen).toEqual(['a__y', 'b__x']);
});

test('FilteredViews keeps a view for equal filters, until the next catalog', () => {
  const views = new FilteredViews<string>();
  const catalog = catalogOf(1);
  const first = views.of(catalog, undefined, filter('k', ['a/x']));
  expect(views.of(catalog, undefined, filter('k', ['a/x']))).toBe(first);
  expect(views.of(catalog, 'a', filter('k', ['a/x']))).not.toBe(first);
  expect(views.of(catalogOf(2), undefined, filter('k', ['a/x']))).not.toBe(first);
  expect(views.size).toBe(1);
});

test('FilteredViews of a connector that is hidden or unknown are empty', () => {
  const views = new FilteredViews<string>();
  for (const id of ['b', 'none']) {
    expect(views.of(catalogOf(1), id, filter('k', ['a/x'])).lists.tools.count).toBe(0);
  }
});

test('FilteredViews keeps so many, the longest unused goes', () => {
  const views = new FilteredViews<string>();
  const catalog = catalogOf(1);
  const first = views.of(catalog, undefined, filter('first', []));
  const found = new Set<unknown>();
  for (let index = 0; index < 600; index += 1) {
    views.of(catalog, undefined, filter(`k${index}`, []));
    if (index % 100 === 0) found.add(views.of(catalog, undefined, filter('first', [])));
  }
  expect([...found]).toEqual([first]);
  expect(views.size).toBe(512);
});

test('changedKinds() tells nobody of changes of what he does not see', () => {
  const change = {
    all: new Set<ListKind>(['tools', 'prompts']),
    connectors: new Map([
      ['a', new Set<ListKind>(['tools'])],
      ['b', new Set<ListKind>(['prompts'])],
    ]),
  };
  expect(changedKinds(change, undefined, undefined)).toBe(change.all);
  expect([...(changedKinds(change, undefined, filter('k', ['a/x'])) ?? [])]).toEqual(['tools']);
  expect([...(changedKinds(change, undefined, filter('k', [])) ?? [])]).toEqual([]);
  expect([...(changedKinds(change, 'b', undefined) ?? [])]).toEqual(['prompts']);
  expect(changedKinds(change, 'c', undefined)).toBeUndefined();
});
