import { expect, test } from 'vitest';
import { CatalogCell } from '../../src/catalog/catalog.ts';
import type { CatalogChange } from '../../src/catalog/catalog-change.ts';
import { buildCatalog, type CatalogBuild } from '../../src/catalog/build-catalog.ts';
import { namespacedUri, ownUri } from '../../src/catalog/resource-uri.ts';
import type { CatalogSource } from '../../src/catalog/source.ts';
import { MAX_NAME_LENGTH, exposedName } from '../../src/catalog/tool-name.ts';
import { runInSlices } from '../../src/protocol/pace.ts';
import type { Manifest, ManifestItem } from '../../src/connectors/manifest.ts';
import { findRoute } from '../../src/gateway/call/call-target.ts';
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

const listOf = (
  built: CatalogBuild<string>,
  kind: 'tools' | 'resources' | 'resourceTemplates',
): string => built.catalog.all.lists[kind].bytes('modern').toString();

test('buildCatalog() prefixes tools and changes not a letter besides', () => {
  const raw = '{ "title":"T", "name" : "search", "x-vendor": {"n": 1.0} }';
  const built = build([source('github', manifest({ tools: [raw] }))]);
  expect(listOf(built, 'tools')).toBe(
    '"tools":[{ "title":"T", "name" : "github__search", "x-vendor": {"n": 1.0} }]}}',
  );
  expect(built.catalog.all.tools.get('github__search')).toEqual({
    connectorId: 'github',
    upstreamName: 'search',
    target: 'way to github',
    definition: expect.objectContaining({ id: 'search', text: raw }),
  });
  expect(built.catalog.connectors.get('github')?.lists.tools.bytes('modern').toString()).toBe(
    `"tools":[${raw}]}}`,
  );
});

test('buildCatalog() orders connectors by id, whatever order they come in', () => {
  const a = source('a', manifest({ tools: ['{"name":"t"}'] }));
  const b = source('b', manifest({ tools: ['{"name":"t"}'] }));
  expect(listOf(build([b, a]), 'tools')).toBe(listOf(build([a, b]), 'tools'));
  expect(listOf(build([b, a]), 'tools')).toBe('"tools":[{"name":"a__t"},{"name":"b__t"}]}}');
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
  expect(listOf(second, 'tools')).toBe('"tools":[]}}');
});

test('buildCatalog() sees no change when a manifest is fetched again with the same content', () => {
  const first = build([source('a', manifest({ tools: ['{"name":"t"}'] }))]);
  const second = build([source('a', manifest({ tools: ['{"name":"t"}'] }))], first);
  expect(second.change.all.size).toBe(0);
});

test('buildCatalog() keeps a resource URI with the first connector and shows the other by its path', () => {
  const built = build([
    source('b', manifest({ resources: ['x://1', 'x://2'] })),
    source('a', manifest({ resources: ['x://1'] })),
  ]);
  expect(listOf(built, 'resources')).toBe(
    '"resources":[{"uri":"x://1"},{"uri":"x://1/b"},{"uri":"x://2"}]}}',
  );
  const { resources } = built.catalog.all;
  expect(resources.get('x://1')?.connectorId).toBe('a');
  expect(resources.get('x://1/b')).toMatchObject({ connectorId: 'b', upstreamName: 'x://1' });
  expect(built.catalog.warnings).toEqual([
    'resources: "x://1" of b is also offered by a, which keeps it; x://1/b is the other',
  ]);
  expect(built.catalog.connectors.get('b')?.resources.has('x://1')).toBe(true);
});

test('buildCatalog() routes the URIs of a template that two connectors have to either', () => {
  const built = build([
    source('a', manifest({ templates: ['f://h/{x}', 'g://{host}/y'] })),
    source('b', manifest({ templates: ['f://h/{x}', 'g://{host}/y'] })),
  ]);
  const view = built.catalog.all;
  const read = (name: string) => findRoute(view, { kind: 'resources', name });
  expect(read('f://h/1')).toMatchObject({ connectorId: 'a', upstreamName: 'f://h/1' });
  expect(read('f://h/b/1')).toMatchObject({ connectorId: 'b', upstreamName: 'f://h/1' });
  const complete = findRoute(view, { kind: 'references', name: 'f://h/b/{x}' });
  expect(complete).toMatchObject({ connectorId: 'b', upstreamName: 'f://h/{x}' });
  // There is no path to put the id into: only the first one's is offered.
  expect(listOf(built, 'resourceTemplates').match(/g:/g)).toHaveLength(1);
});

test.each(['ui://app/main', 'ui://app', 'ui://app/', 'urn:a:b', 'file:///a?b#c', 'plain', 'f:/a'])(
  'namespacedUri() of %s is undone by ownUri() and keeps the scheme',
  (uri) => {
    const other = namespacedUri(uri, 'b') ?? '';
    expect(other).not.toBe(uri);
    expect(other.split(':')[0]).toBe(uri === 'plain' ? 'b/plain' : uri.split(':')[0]);
    expect(ownUri(other, 'b')).toBe(uri);
  },
);

const names = (prefix: string) => [0, 1, 2].map((i) => `{"name":"${prefix}${i}"}`);

test('buildCatalog() pages a list without a gap or a repeat while other connectors change', () => {
  const a = source('a', manifest({ tools: names('a') }));
  const c = source('c', manifest({ tools: names('c') }));
  const before = build([a, source('b', manifest({ tools: names('b') })), c]);
  const first = before.catalog.all.lists.tools.page(undefined, 4, 'modern');
  expect(JSON.parse(`{"result":{${first.bytes.toString()}`).result.tools).toHaveLength(4);
  // The connector in which the page ended loses the tool it ended with, another one is new.
  const b = source('b', manifest({ tools: ['{"name":"new"}', '{"name":"b1"}', '{"name":"b2"}'] }));
  const after = build([a, b, c], before);
  const rest = after.catalog.all.lists.tools.page(first.next, 10, 'modern');
  expect(
    JSON.parse(`{"result":{${rest.bytes.toString()}`).result.tools.map(
      ({ name }: { name: string }) => name,
    ),
  ).toEqual(['b__new', 'b__b1', 'b__b2', 'c__c0', 'c__c1', 'c__c2']);
  expect(rest.next).toBeUndefined();
});

test('buildCatalog() shows legacy clients wrapped output schemas, and counts on the wrapping in calls', () => {
  const tool = '{"name":"n","outputSchema":{"type":"array"}}';
  const modern = manifest({ tools: [tool] });
  const built = build([
    source('m', { ...modern, info: { ...modern.info, era: 'modern' } }),
    source('l', { ...modern, info: { ...modern.info, era: 'legacy' } }),
  ]);
  const shown = (era: 'modern' | 'legacy'): string =>
    built.catalog.all.lists.tools.bytes(era).toString();
  expect(shown('modern')).toBe(
    '"tools":[{"name":"l__n","outputSchema":{"type":"array"}},{"name":"m__n","outputSchema":{"type":"array"}}]}}',
  );
  expect(JSON.parse(`{"result":{${shown('legacy')}`).result.tools[1]).toEqual({
    name: 'm__n',
    outputSchema: {
      type: 'object',
      properties: { result: { type: 'array' } },
      required: ['result'],
    },
  });
  expect(built.catalog.all.tools.get('m__n')?.wrapsOutput).toBe(true);
  expect(built.catalog.all.tools.get('l__n')?.wrapsOutput).toBeUndefined();
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
  expect(
    JSON.parse(`{"result":{${off.catalog.all.lists.tools.bytes('modern').toString()}`).result,
  ).toEqual({
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
