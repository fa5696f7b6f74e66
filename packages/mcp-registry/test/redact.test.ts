import { expect, test } from 'vitest';
import { isSecretReference, redactedValue, redactRecord } from '../src/redact.ts';
import { server } from './lib/records.ts';

test.each([
  '${TOKEN}',
  '${env:TOKEN}',
  '${input:api-key}',
  '{apiKey}',
  'env:TOKEN',
  'file:secrets/github',
  'Bearer ${TOKEN}',
  'Basic {auth}',
])('isSecretReference() takes %s', (value) => {
  expect(isSecretReference(value)).toBe(true);
});

test.each(['sk-123', '${TOKEN:-sk-123}', 'x${TOKEN}', 'Bearer abc', 'file:/etc/passwd', ''])(
  'isSecretReference() refuses %s',
  (value) => {
    expect(isSecretReference(value)).toBe(false);
  },
);

test('redactRecord() hides env and headers and leaves references (B7.24)', () => {
  const record = server('a', {
    env: { KEY: 'sk-1', REF: '${KEY}', EMPTY: '' },
    headers: { Authorization: 'Bearer abc', 'X-Ref': 'Bearer ${T}' },
  });
  expect(redactRecord(record)).toEqual({
    ...record,
    env: { KEY: redactedValue, REF: '${KEY}', EMPTY: '' },
    headers: { Authorization: redactedValue, 'X-Ref': 'Bearer ${T}' },
  });
});

test('redactRecord() hides secrets in arguments', () => {
  const args = ['--token', 's1', '--api-key=s2', '-v', 'PASSWORD=s3', '--token', '--x', 'plain'];
  expect(redactRecord(server('a', { args })).args).toEqual([
    '--token',
    redactedValue,
    `--api-key=${redactedValue}`,
    '-v',
    `PASSWORD=${redactedValue}`,
    '--token',
    '--x',
    'plain',
  ]);
});

test('redactRecord() hides user info and query values of URLs', () => {
  const endpoint = 'https://user:pw@host.test/mcp?key=s1&ref=${K}#x';
  expect(redactRecord(server('a', { endpoint })).endpoint).toBe(
    `https://${redactedValue}@host.test/mcp?key=${redactedValue}&ref=\${K}#x`,
  );
});

test('redactRecord() hides secret inputs of a server.json and secret-named fields anywhere', () => {
  const record = server('a/b', {
    custom: { apiKey: 's1', note: 'shown', list: [{ password: 's2' }], tags: ['x'] },
    server: {
      name: 'a/b',
      version: '1.0.0',
      description: 'd',
      packages: [
        {
          registryType: 'npm',
          identifier: 'p',
          transport: { type: 'stdio' },
          environmentVariables: [{ name: 'PLAIN', value: 's3' }, { name: 'ASK' }],
          packageArguments: [
            { type: 'named', name: '--mode', value: 'fast' },
            { type: 'named', name: '--auth-token', value: 's4' },
            { type: 'positional', value: 's5', isSecret: true },
          ],
        },
      ],
    },
  });
  const text = JSON.stringify(redactRecord(record));
  for (const secret of ['s1', 's2', 's3', 's4', 's5']) expect(text).not.toContain(`"${secret}"`);
  expect(text).toContain('"fast"');
  expect(text).toContain('"shown"');
});

test('redactRecord() does not change its argument', () => {
  const record = server('a', { env: { A: 'x' } });
  redactRecord(record);
  expect(record.env).toEqual({ A: 'x' });
});
