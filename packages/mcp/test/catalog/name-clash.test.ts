import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { buildCatalog, type CatalogBuild } from '../../src/catalog/build-catalog.ts';
import type { CatalogSource } from '../../src/catalog/source.ts';
import { exposedName } from '../../src/catalog/tool-name.ts';
import { assignConnectorIds } from '../../src/config/connector-id.ts';
import { readItem } from '../../src/connectors/manifest-item.ts';

function source(connectorId: string, ...names: readonly string[]): CatalogSource<string> {
  const tools = names.map((name) => {
    const reading = readItem(JSON.stringify({ name }), 'tools', 64);
    if (reading.kind === 'refused') throw new Error(reading.why);
    return reading.item;
  });
  const info = {
    era: 'modern',
    protocolVersion: '2026-07-28',
    capabilities: { tools: {} },
    serverInfo: undefined,
    instructions: undefined,
  } as const;
  const lists = { tools, prompts: [], resources: [], resourceTemplates: [] };
  const hint = { ttlMs: 1000, cacheScope: 'public' } as const;
  const manifest = { info, lists, hint, digest: '', warnings: [] };
  return { connectorId, manifest, receivedAtMs: 0, hint, target: connectorId };
}

function build(...sources: readonly CatalogSource<string>[]): CatalogBuild<string>['catalog'] {
  const work = buildCatalog(sources, undefined, { separator: '__', prebuilt: true });
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value.catalog;
  }
}

const listed = (catalog: ReturnType<typeof build>): string[] =>
  (
    JSON.parse(`{"result":{${catalog.all.lists.tools.bytes('modern').toString()}`) as {
      result: { tools: { name: string }[] };
    }
  ).result.tools.map(({ name }) => name);

/** Two names whose long exposed names are cut to the same. */
function collision(first: string, second: string): readonly [string, string] {
  const seen = new Map<string, string>();
  for (let index = 0; index < 100_000; index += 1) {
    const name = createHash('md5').update(`a${index}`).digest('hex');
    seen.set(exposedName(first, name, '__'), name);
    const other = createHash('md5').update(`b${index}`).digest('hex');
    const same = seen.get(exposedName(second, other, '__'));
    if (same !== undefined) return [same, other];
  }
  throw new Error('no collision found');
}

test('tools of the same name stay apart by their connector (S11)', () => {
  const catalog = build(source('a', 'search', 'b__c'), source('a-b', 'c'), source('b', 'search'));
  expect(listed(catalog)).toEqual(['a__search', 'a__b__c', 'a-b__c', 'b__search']);
  expect(catalog.all.tools.get('b__search')?.connectorId).toBe('b');
  expect(catalog.warnings).toEqual([]);
});

test('a connector called a__b cannot pass for a tool b__… of a: its id is another (S11)', () => {
  const ids = assignConnectorIds(['a__b', 'a']);
  expect(JSON.stringify([...ids.values()])).not.toContain('__');
});

test('names that are cut to the same are both refused on the shared endpoint, with a warning (S11)', () => {
  const [a, b] = [`${'x'.repeat(58)}a`, `${'x'.repeat(58)}b`];
  const [one, two] = collision(a, b);
  const catalog = build(source(a, one, 'own'), source(b, two, 'own'));
  const name = exposedName(a, one, '__');
  expect(exposedName(b, two, '__')).toBe(name);
  expect(catalog.all.tools.has(name)).toBe(false);
  expect(listed(catalog)).toEqual([exposedName(a, 'own', '__'), exposedName(b, 'own', '__')]);
  expect(catalog.warnings).toEqual([expect.stringContaining('neither is offered there')]);
  // Each is still there at its own endpoint.
  expect(catalog.connectors.get(a)?.tools.has(one)).toBe(true);
  expect(catalog.connectors.get(b)?.tools.has(two)).toBe(true);
});

test.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'])(
  'a tool called %s is a tool like any other (S14)',
  (name) => {
    const catalog = build(source('a', name), source('b', 'other'));
    expect(listed(catalog)).toEqual([`a__${name}`, 'b__other']);
    expect(catalog.all.tools.get(`a__${name}`)?.upstreamName).toBe(name);
    expect(catalog.connectors.get('b')?.tools.get(name)).toBeUndefined();
    expect(catalog.connectors.get(name)).toBeUndefined();
  },
);

test('a name in other letters is another name, whatever it looks like (S11)', () => {
  const catalog = build(source('bank', 'pay', 'p\u0430y'));
  expect(listed(catalog)).toEqual(['bank__pay', 'bank__p\u0430y']);
  expect(catalog.all.tools.get('bank__pay')?.upstreamName).toBe('pay');
});
