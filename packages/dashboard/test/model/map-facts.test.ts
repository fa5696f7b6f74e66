import { expect, test } from 'vitest';
import { mapFacts } from '../../src/model/map-facts.ts';

test('mapFacts() turns keys into words and milliseconds into what a person reads', () => {
  const facts = mapFacts({
    source: 'https://maps.example/map',
    state: 'fresh',
    ageMs: 28_243,
    usableForMs: 86_671_863,
    connectors: 1_200,
    nextFetchInMs: 900,
  });
  expect(facts).toEqual([
    ['source', 'https://maps.example/map'],
    ['state', 'fresh'],
    ['age', '28 s'],
    ['usable for', '1 d 00 h'],
    ['connectors', '1,200'],
    ['next fetch in', '900 ms'],
  ]);
});

test('mapFacts() says none for what is empty, and lists what is nested', () => {
  const facts = mapFacts({
    warnings: [],
    error: null,
    isStale: true,
    isSigned: false,
    signedBy: { alg: 'hmac-sha256', lastUsedMs: 1_500 },
    ids: ['a', { code: 'X' }],
  });
  expect(facts).toEqual([
    ['warnings', 'none'],
    ['error', 'none'],
    ['is stale', 'yes'],
    ['is signed', 'no'],
    ['signed by', 'alg hmac-sha256, last used 1.5 s'],
    ['ids', 'a, code X'],
  ]);
});
