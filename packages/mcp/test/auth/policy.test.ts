import { expect, test } from 'vitest';
import type { Grant } from '../../src/auth/grant.ts';
import { createPolicy, type NamingScheme, type Policy } from '../../src/auth/policy.ts';
import { exposedName } from '../../src/catalog/tool-name.ts';

const naming: NamingScheme = { separator: '__', exposedName };

function policy(...given: Partial<Grant>[]): Policy {
  const grants: Grant[] = [];
  for (const grant of given) grants.push({ scopes: ['client'], ...grant });
  const made = createPolicy(grants, naming);
  if (made === undefined) throw new Error('everything is allowed');
  return made;
}

test('createPolicy() makes none of grants that allow everything', () => {
  expect(createPolicy([{ scopes: ['client'] }], naming)).toBeUndefined();
  expect(createPolicy([{ scopes: [], connectors: {} }, { scopes: [] }], naming)).toBeUndefined();
});

test('createPolicy() of no grant at all allows nothing', () => {
  const nothing = policy();
  expect(nothing.connector('a')).toBe(false);
  expect(nothing.item('tools', 'a', 'x')).toBe(false);
});

test('deny wins, over the same grant and over any other', () => {
  const one = policy({ tools: { allow: ['a__*'], deny: ['a__delete_*'] } });
  expect(one.item('tools', 'a', 'get')).toBe(true);
  expect(one.item('tools', 'a', 'delete_all')).toBe(false);
  const two = policy({}, { connectors: { deny: ['secret-*'] } });
  expect(two.connector('secret-1')).toBe(false);
  expect(two.connector('open')).toBe(true);
});

test('several grants allow together what one of them allows', () => {
  const both = policy({ tools: { allow: ['a__*'] } }, { tools: { allow: ['b__x'] } });
  expect(both.item('tools', 'a', 'any')).toBe(true);
  expect(both.item('tools', 'b', 'x')).toBe(true);
  expect(both.item('tools', 'b', 'y')).toBe(false);
  expect(both.connector('c')).toBe(false);
});

test('a grant that names tools gives no prompts and no resources', () => {
  const tools = policy({ tools: { allow: ['a__*'] } });
  expect(tools.item('prompts', 'a', 'p')).toBe(false);
  expect(tools.item('resources', 'a', 'file:///x')).toBe(false);
  const more = policy({ tools: { allow: ['a__*'] }, resources: { allow: ['file:///docs/*'] } });
  expect(more.item('resources', 'a', 'file:///docs/x')).toBe(true);
  expect(more.item('resources', 'a', 'file:///etc/x')).toBe(false);
  expect(more.item('resourceTemplates', 'a', 'file:///docs/{name}')).toBe(true);
  expect(more.item('resourceTemplates', 'a', 'mem:///{name}')).toBe(false);
});

test('a name that is cut does not slip through a pattern for its end', () => {
  const name = `${'x'.repeat(80)}_production`;
  const denied = policy({ tools: { deny: ['*_production'] } });
  expect(exposedName('a', name, '__')).not.toMatch(/_production$/);
  expect(denied.item('tools', 'a', name)).toBe(false);
  expect(
    policy({ tools: { allow: [exposedName('a', name, '__')] } }).item('tools', 'a', name),
  ).toBe(true);
});

test('a connector of which nothing can be seen is not seen itself', () => {
  const only = policy({ tools: { allow: ['github__*'] } });
  expect([only.connector('github'), only.connector('slack')]).toEqual([true, false]);
});

test('narrows() tells connectors with items left out from those that are whole', () => {
  const some = policy({ tools: { deny: ['github__*'] } });
  expect([some.narrows('github'), some.narrows('slack')]).toEqual([true, false]);
  expect(policy({ connectors: { deny: ['x'] } }).narrows('a')).toBe(false);
});

test('equal rules have equal keys, in whatever order', () => {
  const a = policy({ tools: { allow: ['a', 'b'] } }, { connectors: { allow: ['c'] } });
  const b = policy({ connectors: { allow: ['c'] } }, { tools: { allow: ['b', 'a'] } });
  expect(a.key).toBe(b.key);
  expect(a.key).not.toBe(policy({ tools: { allow: ['a'] } }).key);
});

test('restrict takes away without making anybody partial', () => {
  const made = createPolicy([{ scopes: ['client'] }], {
    ...naming,
    restrict: (grants) => grants.map(({ scopes }) => ({ scopes, tools: { deny: ['r__write'] } })),
  });
  expect(made?.partial).toBe(false);
  expect(made?.item('tools', 'r', 'write')).toBe(false);
  expect(policy({ tools: { deny: ['x'] } }).partial).toBe(true);
});
