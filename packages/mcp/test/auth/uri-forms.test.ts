import { cpuMs } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createPolicy } from '../../src/auth/policy.ts';
import type { GlobRule } from '../../src/auth/grant.ts';
import { uriForms } from '../../src/auth/uri-forms.ts';
import { exposedName } from '../../src/catalog/tool-name.ts';

const sees = (resources: GlobRule, uri: string): boolean =>
  createPolicy([{ scopes: ['client'], resources }], { separator: '__', exposedName })?.item(
    'resources',
    'a',
    uri,
  ) ?? true;

test('S4: what denies a URI denies every other way to write it', () => {
  const rule = { deny: ['file:///secret/*'] };
  const evasions = [
    'file:///secret/x',
    'file:///%73ecret/x',
    'file:///%2573ecret/x',
    'file:///%73ecret/%252e%252e/x',
    'file:///docs/../secret/x',
    'file:///docs/%2e%2e/secret/x',
    'file:///docs%2f..%2fsecret/x',
    String.raw`file:///docs\..\secret\x`,
    'file:////secret//x',
    'file:///./secret/x',
    'file://localhost/secret/x',
    'file:/secret/x',
    'FILE:///secret/x',
    'file:///%73ecret/x?/../../docs',
    'file:///%73ecret/x#/../../docs',
    'file:///secret/.',
    'file:///secret%ff/../secret/x',
  ];
  for (const uri of evasions) expect.soft(sees(rule, uri), uri).toBe(false);
  for (const uri of ['file:///docs/x', 'file:///secrets/x', 'mem://secret/x', 'ui://a/b?c=d']) {
    expect.soft(sees(rule, uri), uri).toBe(true);
  }
  expect(sees({ deny: ['https://host.example/a b*'] }, 'HTTPS://host.example:443/a%20b')).toBe(
    false,
  );
  expect(sees({ deny: ['db://x/table'] }, 'db://x/table?')).toBe(false);
});

test('S4: what allows a URI allows nothing that leads out of it', () => {
  const rule = { allow: ['file:///docs/*', 'file:///a%20b/*', 'web://h/p?u=*'] };
  const leading = [
    'file:///docs/../secret',
    'file:///docs/%2e%2e/secret',
    'file:///docs/%252e%252e/secret',
    'file:///docs%3F/../../secret',
    'file:///docs/x?/../../../secret',
    String.raw`file:///docs/..\..\secret`,
  ];
  for (const uri of leading) expect.soft(sees(rule, uri), uri).toBe(false);
  const inside = [
    'file:///docs/x',
    'file:///docs/sub/../x',
    'file:///docs/.hidden',
    'file:///docs/%C3%BC',
    'file:///docs/%ff',
    'file:///docs/x?y#z',
    'file:///a%20b/c',
    'web://h/p?u=https://other.example//x',
  ];
  for (const uri of inside) expect.soft(sees(rule, uri), uri).toBe(true);
});

test('a URI that is plainly written has one form, and one that is too long to judge none', () => {
  expect(uriForms('file:///a/b.txt')?.all).toEqual(['file:///a/b.txt']);
  expect(uriForms(`file:///${'a/'.repeat(20_000)}`)?.all).toHaveLength(1);
  expect(uriForms(`file:///${'%61'.repeat(20_000)}`)).toBeUndefined();
  expect(sees({ deny: ['x'] }, `file:///${'%61'.repeat(20_000)}`)).toBe(false);
});

test('S13: forms of hostile URIs are found quickly', async () => {
  const tookMs = await cpuMs(() => {
    for (const part of ['%25', '../', '//', '%', '%ff', '?#', '{', ':']) {
      uriForms(`file:///${part.repeat(16_000 / part.length)}`);
    }
    uriForms(`a${':'.repeat(4_000_000)}`);
  });
  expect(tookMs).toBeLessThan(1_000);
});
