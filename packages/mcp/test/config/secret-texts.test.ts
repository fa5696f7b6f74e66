import { expect, test } from 'vitest';
import { secretTexts } from '../../src/config/secret-texts.ts';
import type { ConnectorTransport } from '../../src/connectors/connector.ts';
import { Secret } from '../../src/connectors/secret.ts';

function textsOf(transport: ConnectorTransport | undefined, key?: string): readonly string[] {
  const value = key === undefined ? undefined : new Secret(key);
  return secretTexts({
    connectors: [{ transport }],
    access: { apiKey: { value, origin: { kind: 'default' } } },
  });
}

test('secretTexts() has values of headers with and without their scheme, and what an address holds', () => {
  const basic = `Basic ${Buffer.from('somebody:password-1').toString('base64')}`;
  const texts = textsOf({
    kind: 'http',
    url: 'https://someuser:password-2@host/mcp?token=query-value&a=b',
    headers: { Authorization: basic, 'X-Key': 'header-value', Short: 'brief' },
  });
  for (const text of ['password-1', 'password-2', 'query-value', 'header-value', basic]) {
    expect(texts).toContain(text);
  }
  expect(texts).not.toContain('brief');
  expect(texts).toEqual(texts.toSorted((a, b) => b.length - a.length));
});

test('secretTexts() has the environment of a process, and arguments that are named like secrets', () => {
  const texts = textsOf({
    kind: 'stdio',
    command: 'server',
    args: ['--root', '/home/somebody', '--api-key', 'argument-1', '--token=argument-2'],
    env: { DB: 'postgres://app:password-3@db/x', MODE: 'fast' },
    cwd: undefined,
  });
  expect(texts).toEqual(
    expect.arrayContaining([
      'argument-1',
      'argument-2',
      'postgres://app:password-3@db/x',
      'password-3',
    ]),
  );
  expect(texts.join()).not.toMatch(/home|fast/);
});

test('secretTexts() has the key of clients; a connector without a server has nothing', () => {
  expect(textsOf(undefined, 'key-of-clients')).toEqual(['key-of-clients']);
  expect(textsOf({ kind: 'in-process', server: 'registry' })).toEqual([]);
});
