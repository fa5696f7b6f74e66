import { expect, test } from 'vitest';
import type { Grant } from '../../src/auth/grant.ts';
import { createPolicy } from '../../src/auth/policy.ts';
import { freshnessOf } from '../../src/catalog/freshness.ts';
import { exposedName } from '../../src/catalog/tool-name.ts';
import { FilteredViews } from '../../src/catalog/view.ts';
import type { ViewFilter } from '../../src/catalog/view-filter.ts';
import { build, fleetOf, namesIn, sourceOf, toolText } from './catalog-fixture.ts';

/** Counts what it is asked about single items. */
function counting(filter: ViewFilter): ViewFilter & { asked: string[] } {
  const asked: string[] = [];
  return {
    key: filter.key,
    asked,
    connector: (id) => filter.connector(id),
    narrows: (id) => filter.narrows(id),
    item: (kind, id, name) => {
      asked.push(`${kind} ${id}`);
      return filter.item(kind, id, name);
    },
  };
}

function policyOf(grant: Omit<Grant, 'scopes'>): ReturnType<typeof counting> {
  const policy = createPolicy([{ scopes: [], ...grant }], { separator: '__', exposedName });
  if (policy === undefined) throw new Error('it allows everything');
  return counting(policy);
}

const changed = (id: string, tools: number) =>
  sourceOf(id, { tools: Array.from({ length: tools }, (_, i) => toolText(`tool_${i}`, 'new')) });

test('a rebuild after one connector changed serialises that one only', () => {
  const sources = fleetOf(20, 5);
  const first = build(sources);
  const second = build(sources.with(7, changed('c0007', 5)), first);
  for (const [id, part] of second.parts) {
    const isSame = part.groups.tools === first.parts.get(id)?.groups.tools;
    expect([id, isSame]).toEqual([id, id !== 'c0007']);
  }
  const text = second.catalog.all.lists.tools.bytes('modern').toString();
  expect(text.match(/the new thing/g)).toHaveLength(5 * 6);
  expect(text.match(/the first thing/g)).toHaveLength(95 * 6);
});

test('a connector that goes another way has new routes, and no list that others have changes', () => {
  const sources = fleetOf(3, 2);
  const first = build(sources);
  const [one] = sources;
  if (one === undefined) throw new Error('no connector');
  const second = build(sources.with(0, { ...one, target: 'another way' }), first);
  expect(second.catalog.all.tools.get('c0000__tool_0')?.target).toBe('another way');
  expect(second.catalog.all.tools.get('c0001__tool_0')?.target).toBe('way to c0001');
  expect(second.change.all.size).toBe(0);
  expect(second.catalog.all.lists.prompts).toBe(first.catalog.all.lists.prompts);
});

test('a policy judges again what changed, and nothing else', () => {
  const sources = fleetOf(20, 5);
  const policy = policyOf({ tools: { deny: ['*__tool_3'] } });
  const views = new FilteredViews<string>();
  const first = build(sources);
  expect(views.of(first.catalog, undefined, policy).lists.tools.count).toBe(80);
  expect(policy.asked.splice(0)).toHaveLength(100);
  const second = build(sources.with(7, changed('c0007', 5)), first);
  const { tools } = views.of(second.catalog, undefined, policy).lists;
  expect(tools.count).toBe(80);
  expect(policy.asked.splice(0)).toEqual(Array.from({ length: 5 }, () => 'tools c0007'));
  const names = namesIn(tools.bytes('modern'));
  expect(names.filter((name) => name.endsWith('tool_3'))).toEqual([]);
  expect(names.filter((name) => name.startsWith('c0007'))).toHaveLength(4);
  // Nothing of the list changed: it is the very same one.
  const third = build(
    [...second.parts.values()].map(({ source }) => source),
    second,
  );
  expect(views.of(third.catalog, undefined, policy).lists.tools).toBe(tools);
  expect(policy.asked).toEqual([]);
});

test('a policy that leaves connectors whole judges none of their tools one by one', () => {
  const policy = policyOf({ connectors: { deny: ['c0001'] } });
  const { catalog } = build(fleetOf(3, 2));
  const { tools } = new FilteredViews<string>().of(catalog, undefined, policy).lists;
  expect(namesIn(tools.bytes('modern'))).toEqual([
    'c0000__tool_0',
    'c0000__tool_1',
    'c0002__tool_0',
    'c0002__tool_1',
  ]);
  expect(policy.asked).toEqual([]);
});

test('a URI that no policy lets pass is left out of lists of connectors that are shown whole (S11)', () => {
  const odd = `f://h/${'%41'.repeat(6_000)}`;
  const policy = policyOf({ connectors: { deny: ['other'] } });
  const { catalog } = build([sourceOf('a', { resources: ['f://h/x', odd] })]);
  const view = new FilteredViews<string>().of(catalog, undefined, policy);
  const shown = namesIn(view.lists.resources.bytes('modern'));
  expect(policy.item('resources', 'a', odd)).toBe(false);
  expect(shown).toEqual(['f://h/x']);
});

test('templates are judged when they are asked for, each once', () => {
  const sources = ['a', 'b'].map((id) =>
    sourceOf(id, { templates: [`f://${id}/{x}`, `g://${id}/{x}`] }),
  );
  const policy = policyOf({ resources: { allow: ['f://*', 'g://*'] } });
  const views = new FilteredViews<string>();
  const first = build(sources);
  const view = views.of(first.catalog, undefined, policy);
  expect(policy.asked).toEqual([]);
  expect(view.templates.map(({ route }) => route.upstreamName)).toContain('f://a/{x}');
  expect(view.templates).toBe(view.templates);
  const asked = policy.asked.splice(0).length;
  expect(asked).toBe(first.catalog.all.templates.length);
  const second = build(sources.with(0, sourceOf('a', { templates: ['f://new/{x}'] })), first);
  const { templates } = views.of(second.catalog, undefined, policy);
  expect(templates.map(({ route }) => route.upstreamName)).toContain('f://new/{x}');
  expect(policy.asked).toEqual(['resourceTemplates a']);
});

test('what is shown of a connector that lost a name is serialised again when it changes, and no sooner', () => {
  const a = sourceOf('a', { resources: ['x://1'] });
  const b = sourceOf('b', { resources: ['x://1', 'x://2'] });
  const first = build([a, b, sourceOf('c', {})]);
  const second = build([a, b, sourceOf('c', { resources: ['y://1'] })], first);
  const kept = second.kinds.resources.clashing.get('b');
  expect(kept).toBe(first.kinds.resources.clashing.get('b'));
  expect(namesIn(second.catalog.all.lists.resources.bytes('modern'))).toEqual([
    'x://1',
    'x://1/b',
    'x://2',
    'y://1',
  ]);
  const third = build([b, sourceOf('c', {})], second);
  expect(namesIn(third.catalog.all.lists.resources.bytes('modern'))).toEqual(['x://1', 'x://2']);
  expect(third.catalog.warnings).toEqual([]);
});

const part = (connectorId: string, receivedAtMs: number, ttlMs: number, isPrivate = false) => ({
  connectorId,
  receivedAtMs,
  hint: { ttlMs, cacheScope: isPrivate ? ('private' as const) : ('public' as const) },
});

test('a view is fresh for as long as the part that is for the least time, and private with one that is', () => {
  expect(freshnessOf([])).toEqual({ untilMs: -Infinity, cacheScope: 'public' });
  const parts = [part('a', 500, 100), part('b', 100, 300)];
  expect(freshnessOf(parts)).toEqual({ untilMs: 400, cacheScope: 'public' });
  expect(freshnessOf([...parts, part('c', 0, 900, true)])).toEqual({
    untilMs: 400,
    cacheScope: 'private',
  });
  const { catalog } = build(['a', 'b'].map((id, i) => sourceOf(id, { ttlMs: 1_000 * (i + 1) })));
  expect(catalog.all.freshness.untilMs).toBe(1_000);
  expect(catalog.connectors.get('b')?.freshness.untilMs).toBe(2_000);
  const view = new FilteredViews<string>().of(
    catalog,
    undefined,
    policyOf({ connectors: { deny: ['a'] } }),
  );
  expect(view.freshness).toEqual({ untilMs: 2_000, cacheScope: 'private' });
});
