import { expect, test } from 'vitest';
import { CatalogCell, type CatalogChange } from '../../src/catalog/catalog.ts';
import { buildCatalog, type CatalogBuild } from '../../src/catalog/build-catalog.ts';
import type { CatalogSource } from '../../src/catalog/source.ts';
import { MAX_NAME_LENGTH, exposedName } from '../../src/catalog/tool-name.ts';
import { runInSlices } from '../../src/connectors/pace.ts';
import type { Manifest, ManifestItem } from '../../src/connectors/manifest.ts';
import { findMember, objectMembers } from '../../src/protocol/json-scan.ts';

function item(text: string, key: string): ManifestItem {
  const idSpan = findMember(objectMembers(text), key);
  if (idSpan === undefined) throw new Error(`${text} has no ${key}`);
  return { id: String(JSON.parse(text.slice(idSpan.start, idSpan.end))), text, idSpan };
}

interface Offer {
  readonly tools?: readonly string[];
  readonly resources?: readonly string[];
  readonly templates?: readonly string[];
}

function manifest(offer: Offer): Manifest {
  return {
    info: {
      era: 'modern',
      protocolVersion: '2026-07-28',
      capabilities: { tools: {} },
      serverInfo: { name: 'x', version: '1' },
      instructions: undefined,
    },
    lists: {
      tools: (offer.tools ?? []).map((text) => item(text, 'name')),
      prompts: [],
      resources: (offer.resources ?? []).map((uri) => item(JSON.stringify({ uri }), 'uri')),
      resourceTemplates: (offer.templates ?? []).map((uriTemplate) =>
        item(JSON.stringify({ uriTemplate }), 'uriTemplate'),
      ),
    },
    hint: { ttlMs: 1000, cacheScope: 'public' },
    digest: '',
    warnings: [],
  };
}

function source(connectorId: string, held: Manifest): CatalogSource<string> {
  const target = `way to ${connectorId}`;
  return { connectorId, manifest: held, receivedAtMs: 0, hint: held.hint, target };
}

const options = { separator: '__', prebuilt: true };

function build(
  sources: readonly CatalogSource<string>[],
  previous?: CatalogBuild<string>,
): CatalogBuild<string> {
  const work = buildCatalog(sources, previous, options);
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

const listOf = (built: CatalogBuild<string>, kind: 'tools' | 'resources'): string =>
  built.catalog.all.lists[kind].bytes().toString();

test('buildCatalog() prefixes tools and changes not a letter besides', () => {
  const raw = '{ "title":"T", "name" : "search", "x-vendor": {"n": 1.0} }';
  const built = build([source('github', manifest({ tools: [raw] }))]);
  expect(listOf(built, 'tools')).toBe(
    '"tools":[{ "title":"T", "name" : "github__search", "x-vendor": {"n": 1.0} }]',
  );
  expect(built.catalog.all.tools.get('github__search')).toEqual({
    connectorId: 'github',
    upstreamName: 'search',
    target: 'way to github',
  });
  expect(built.catalog.connectors.get('github')?.lists.tools.bytes().toString()).toBe(
    `"tools":[${raw}]`,
  );
});

test('buildCatalog() orders connectors by id, whatever order they come in', () => {
  const a = source('a', manifest({ tools: ['{"name":"t"}'] }));
  const b = source('b', manifest({ tools: ['{"name":"t"}'] }));
  expect(listOf(build([b, a]), 'tools')).toBe(listOf(build([a, b]), 'tools'));
  expect(listOf(build([b, a]), 'tools')).toBe('"tools":[{"name":"a__t"},{"name":"b__t"}]');
});

test('buildCatalog() takes over the parts of connectors that did not change', () => {
  const a = source('a', manifest({ tools: ['{"name":"t"}'] }));
  const first = build([a, source('b', manifest({}))]);
  const second = build([a, source('b', manifest({ tools: ['{"name":"new"}'] }))], first);
  expect(second.parts.get('a')).toBe(first.parts.get('a'));
  expect(second.parts.get('b')).not.toBe(first.parts.get('b'));
  expect([...second.change.connectors.keys()]).toEqual(['b']);
  expect(second.change.all).toEqual(new Set(['tools']));
  expect(second.catalog.generation).toBe(2);
});

test('buildCatalog() says what a removed connector takes with it', () => {
  const first = build([source('a', manifest({ tools: ['{"name":"t"}'] }))]);
  const second = build([], first);
  expect(second.change.all).toEqual(new Set(['tools']));
  expect(second.catalog.all.tools.size).toBe(0);
  expect(listOf(second, 'tools')).toBe('"tools":[]');
});

test('buildCatalog() sees no change when a manifest is fetched again with the same content', () => {
  const first = build([source('a', manifest({ tools: ['{"name":"t"}'] }))]);
  const second = build([source('a', manifest({ tools: ['{"name":"t"}'] }))], first);
  expect(second.change.all.size).toBe(0);
});

test('buildCatalog() keeps a resource URI with the first connector and names the clash', () => {
  const built = build([
    source('b', manifest({ resources: ['x://1', 'x://2'] })),
    source('a', manifest({ resources: ['x://1'] })),
  ]);
  expect(listOf(built, 'resources')).toBe('"resources":[{"uri":"x://1"},{"uri":"x://2"}]');
  expect(built.catalog.all.resources.get('x://1')?.connectorId).toBe('a');
  expect(built.catalog.warnings).toHaveLength(1);
  expect(built.catalog.warnings[0]).toContain('"x://1" of b is also offered by a');
  expect(built.catalog.connectors.get('b')?.resources.has('x://1')).toBe(true);
});

test('buildCatalog() orders template prefixes longest first', () => {
  const built = build([
    source('a', manifest({ templates: ['f://{x}', 'f://deep/{x}', 'f://{y}/z'] })),
  ]);
  expect(built.catalog.all.templates.map(({ prefix }) => prefix)).toEqual([
    'f://deep/',
    'f://',
    'f://',
  ]);
});

test('buildCatalog() without prebuilt lists gives the same tools (MCP_LIST_PREBUILT off)', async () => {
  const held = manifest({ tools: ['{"name":"one","a":1}', '{"name":"two"}'] });
  const off = await runInSlices(
    buildCatalog([source('c', held)], undefined, { separator: '.', prebuilt: false }),
  );
  expect(JSON.parse(`{${off.catalog.all.lists.tools.bytes().toString()}}`)).toEqual({
    tools: [{ name: 'c.one', a: 1 }, { name: 'c.two' }],
  });
  expect(off.catalog.all.lists.tools.count).toBe(2);
});

test('CatalogCell tells its listeners once a swap, and only when a list differs', () => {
  const cell = new CatalogCell<string>();
  const heard: CatalogChange[] = [];
  const unsubscribe = cell.subscribe((change) => heard.push(change));
  const first = build([source('a', manifest({ tools: ['{"name":"t"}'] }))]);
  cell.swap(first.catalog, first.change);
  const same = build(
    [...first.parts.values()].map((part) => part.source),
    first,
  );
  cell.swap(same.catalog, same.change);
  expect(heard).toHaveLength(1);
  expect(cell.current.generation).toBe(2);
  unsubscribe();
  const none = build([], same);
  cell.swap(none.catalog, none.change);
  expect(heard).toHaveLength(1);
});

test('exposedName() cuts long names to 64 characters and keeps them apart', () => {
  const one = exposedName('a', 'x'.repeat(80), '__');
  const two = exposedName('a', `${'x'.repeat(79)}y`, '__');
  expect(one).toHaveLength(MAX_NAME_LENGTH);
  expect(one).toMatch(/^a__x+_[0-9a-f]{6}$/);
  expect(one).not.toBe(two);
  expect(exposedName('a', 'short', '.')).toBe('a.short');
});
