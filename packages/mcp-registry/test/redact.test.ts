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

const signed = 'X-Amz-Signature=5e2f&X-Amz-Credential=AKIA1';

test.each([
  ['https://e.test/icon.png?v=2&size=64x64', 'https://e.test/icon.png?v=2&size=64x64'],
  ['https://e.test/?tab=readme&ref=main#top', 'https://e.test/?tab=readme&ref=main#top'],
  ['ssh://git@e.test/a/b.git', 'ssh://git@e.test/a/b.git'],
  ['https://user:pw@e.test/a', 'https://***@e.test/a'],
  ['https://ghp_abcdefgh@e.test/a', 'https://***@e.test/a'],
  ['https://e.test/?v=2&token=abc', 'https://e.test/?v=2&token=***'],
  ['https://e.test/?api_key=abc&v=2', 'https://e.test/?api_key=***&v=2'],
  ['https://e.test/?sig=abc', 'https://e.test/?sig=***'],
  [`https://e.test/?${signed}`, 'https://e.test/?X-Amz-Signature=***&X-Amz-Credential=***'],
  ['https://e.test/?v=ghp_16C7e42F292c', 'https://e.test/?v=***'],
  ['https://e.test/?v=a8f5f167f44f4964e6c998dee827110c', 'https://e.test/?v=***'],
  ['https://e.test/#access_token=abc', 'https://e.test/#access_token=***'],
  ['https://e.test/?token=${TOKEN}', 'https://e.test/?token=${TOKEN}'],
])('redactRecord() of %s where it is only shown', (address, shown) => {
  const record = server('a/b', {
    iconUrl: address,
    server: {
      name: 'a/b',
      version: '1.0.0',
      description: 'd',
      websiteUrl: address,
      icons: [{ src: address, mimeType: 'image/png', sizes: ['64x64'] }],
      repository: { url: address, source: 'github', token: 'abc' },
      remotes: [{ type: 'sse', url: 'https://e.test/sse?v=2' }],
    },
  });
  expect(redactRecord(record)).toEqual({
    ...record,
    iconUrl: shown,
    server: {
      ...record.server,
      websiteUrl: shown,
      icons: [{ src: shown, mimeType: 'image/png', sizes: ['64x64'] }],
      repository: { url: shown, source: 'github', token: redactedValue },
      remotes: [{ type: 'sse', url: `https://e.test/sse?v=${redactedValue}` }],
    },
  });
});

test('redactRecord() hides values in the fragment of an endpoint', () => {
  const endpoint = 'https://host.test/mcp#id=s1';
  expect(redactRecord(server('a', { endpoint })).endpoint).toBe(
    `https://host.test/mcp#id=${redactedValue}`,
  );
});

test('redactRecord() takes linear time on addresses made to be slow (S10)', () => {
  const started = performance.now();
  for (const piece of ['a', '1', 'a1', '?', '=', '@', 'https://'])
    redactRecord(
      server('a', {
        websiteUrl: `https://x.test/?a=${piece.repeat(200_000)}`,
        endpoint: `https://x.test/?a=${piece.repeat(200_000)}`,
      }),
    );
  expect(performance.now() - started).toBeLessThan(3_000);
});
