import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { hasLateValues, resolveLateValues } from '../../src/connectors/entry/late-values.ts';
import {
  hasSecretReference,
  isFileReference,
  resolveSecretReferences,
  variablesIn,
} from '../../src/connectors/secret-reference.ts';
import { connector } from '../e2e/gateway-fixture.ts';

const SCOPE = { KEY: 'k', EMPTY: '', NESTED: '${KEY}' };

test.each([
  ['plain', 'plain'],
  ['Bearer ${KEY}', 'Bearer k'],
  ['${env:KEY}/${KEY}', 'k/k'],
  ['${EMPTY:-other}', 'other'],
  ['${MISSING:-}', ''],
  ['${NESTED}', '${KEY}'],
])('resolveSecretReferences(%s) is %s', async (text, expected) => {
  expect(await resolveSecretReferences(text, SCOPE)).toBe(expected);
});

test.each([
  '${MISSING}',
  '${EMPTY}',
  '${not a name}',
  'file:/no/such/file',
  '${file:/no/such/file}',
])('resolveSecretReferences(%s) names the reference', async (text) => {
  await expect(resolveSecretReferences(text, SCOPE)).rejects.toMatchObject({
    code: 'SECRET_UNRESOLVED',
    message: expect.stringMatching(/MISSING|EMPTY|not a name|no\/such\/file/) as string,
  });
});

test('files are read at each call, without the line break at their end, up to 64 KiB', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'key');
  await writeFile(path, 'one\n');
  expect(await resolveSecretReferences(`file:${path}`, {})).toBe('one');
  await writeFile(path, 'two\r\n');
  expect(await resolveSecretReferences(`Bearer \${file:${path}}`, {})).toBe('Bearer two');
  await writeFile(path, 'x'.repeat(65_537));
  await expect(resolveSecretReferences(`file:${path}`, {})).rejects.toThrow('larger than');
});

test('a URL with the file scheme is no reference', () => {
  expect([isFileReference('file:/run/key'), isFileReference('${file:/run/key}')]).toEqual([
    true,
    true,
  ]);
  expect([isFileReference('file:///run/key'), isFileReference('see file:/x')]).toEqual([
    false,
    false,
  ]);
  expect([hasSecretReference('a ${B}'), hasSecretReference('file://x')]).toEqual([true, false]);
  expect(variablesIn('${A} ${env:B} ${C:-d}')).toEqual(['A', 'B', 'C']);
});

test('resolveLateValues() fills in headers and environment, and leaves the rest alone', async () => {
  const http = { kind: 'http', url: 'https://one.example/', headers: { a: '${KEY}' } } as const;
  const late = connector('one', { ...http, lateHeaders: { b: '${KEY}' } });
  expect([hasLateValues(late), hasLateValues(connector('two', http))]).toEqual([true, false]);
  expect((await resolveLateValues(late, SCOPE)).transport).toEqual({
    ...http,
    headers: { a: '${KEY}', b: 'k' },
  });
  const stdio = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined } as const;
  const program = connector('three', { ...stdio, lateEnv: { B: 'x${KEY}' } });
  expect((await resolveLateValues(program, SCOPE)).transport).toEqual({
    ...stdio,
    env: { B: 'xk' },
  });
  await expect(resolveLateValues(program, { KEY: 'a\0' })).rejects.toThrow('NUL');
  const none = connector('four', undefined);
  expect(await resolveLateValues(none, SCOPE)).toBe(none);
});
