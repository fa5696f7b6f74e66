import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import type { ConnectorTransport } from '../../src/connectors/connector.ts';
import { hasLateValues, resolveLateValues } from '../../src/connectors/entry/late-values.ts';
import { connector } from '../e2e/gateway-fixture.ts';

async function resolved(
  transport: ConnectorTransport | undefined,
): Promise<ConnectorTransport | undefined> {
  return (await resolveLateValues(connector('a', transport), { VALUE: 'v' })).transport;
}

const has = (transport: ConnectorTransport | undefined): boolean =>
  hasLateValues(connector('a', transport));

const stdio = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined } as const;
const http = { kind: 'http', url: 'https://h.example/***', headers: {} } as const;

test('hasLateValues() is true for references in any place, and for nothing else', () => {
  expect([undefined, stdio, http, { kind: 'in-process', server: 's' } as const].map(has)).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect(has({ ...stdio, lateArgs: [0] })).toBe(true);
  expect(has({ ...stdio, lateEnv: {} })).toBe(true);
  expect(has({ ...http, lateUrl: 'https://h.example/${file:/x}' })).toBe(true);
  expect(has({ ...http, kind: 'sse', lateHeaders: {} })).toBe(true);
});

test('resolveLateValues() replaces the marked arguments only, and leaves nothing late', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'token');
  await writeFile(file, 'secret\n');
  const args = ['${file:/never/read}', `--token=\${file:${file}}`];
  expect(await resolved({ ...stdio, args, lateArgs: [1], lateEnv: { A: '${VALUE}' } })).toEqual({
    ...stdio,
    args: ['${file:/never/read}', '--token=secret'],
    env: { A: 'v' },
  });
  expect(await resolved(undefined)).toBeUndefined();
});

test('resolveLateValues() makes the address, with its user info as a header', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'token');
  await writeFile(file, 'p%20w');
  const lateUrl = `https://me:\${file:${file}}@h.example/\${file:${file}}`;
  expect(await resolved({ ...http, lateUrl })).toEqual({
    kind: 'http',
    url: 'https://h.example/p%20w',
    headers: { Authorization: `Basic ${btoa('me:p w')}` },
  });
  const given = { lateUrl, lateHeaders: { authorization: 'Own ${VALUE}' } };
  expect(await resolved({ ...http, ...given })).toMatchObject({
    headers: { authorization: 'Own v' },
  });
});

test.each([
  ['//h.example:${file}/', 'x', /no http or https URL once its secret is in it$/],
  ['//me:${file}@h.example/', '%zz', /user info of the address is not valid/],
  ['//h.example/${file}', 'a\0b', /the value of the address holds a NUL/],
])('resolveLateValues() of %s with a bad secret says what is wrong without it', async (...row) => {
  const [template, secret, message] = row;
  await using folder = tempFolder();
  const file = join(folder.path, 'token');
  await writeFile(file, secret);
  const lateUrl = `https:${template.replace('${file}', `\${file:${file}}`)}`;
  const error: unknown = await resolved({ ...http, lateUrl }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'SECRET_UNRESOLVED',
    message: expect.stringMatching(message) as string,
  });
  expect(String(error)).not.toContain(secret.length > 1 ? secret : 'h.example');
});
