import { expect, test } from 'vitest';
import {
  NO_CHALLENGE,
  readChallenge,
  scopesIn,
  scopeUnion,
} from '../../src/credentials/challenge.ts';

test('readChallenge() reads the Bearer challenge among others, quoted or not (RFC 6750, RFC 9728)', () => {
  const url = 'https://x.test/.well-known/oauth-protected-resource';
  expect(
    readChallenge(
      `Basic realm="a", Bearer error="invalid_token", resource_metadata="${url}", scope="a b"`,
    ),
  ).toEqual({ resourceMetadata: url, scope: 'a b', error: 'invalid_token' });
  expect(readChallenge(['Negotiate', 'bearer scope=read'])).toMatchObject({ scope: 'read' });
  expect(readChallenge('Bearer realm="x\\"y", scope="a", Digest scope="b"')).toMatchObject({
    scope: 'a',
  });
});

test('readChallenge() takes nothing of other schemes, and nothing that is too long', () => {
  for (const header of [
    undefined,
    '',
    'Basic scope="admin"',
    'Forbearer scope="admin"',
    `Bearer scope="${'x'.repeat(9_000)}"`,
  ]) {
    expect(readChallenge(header)).toEqual(NO_CHALLENGE);
  }
});

test('scopesIn() keeps scope tokens only, each once, and a bounded number', () => {
  expect(scopesIn('a b  a c"d é')).toEqual(['a', 'b']);
  expect(scopesIn(undefined)).toEqual([]);
  const many = Array.from({ length: 500 }, (_, index) => `s${index}`);
  expect(scopesIn(many.join(' '))).toHaveLength(100);
  expect(scopeUnion(['a'], undefined, ['b', 'a'])).toEqual(['a', 'b']);
});
