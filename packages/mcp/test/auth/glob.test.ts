import { cpuMs } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { createGlob } from '../../src/auth/glob.ts';

test.each([
  ['github__get_*', 'github__get_issue', true],
  ['github__get_*', 'github__delete', false],
  ['*', '', true],
  ['*__delete_*', 'a__delete_b', true],
  ['*__delete_*', 'a__undelete', false],
  ['a*b', 'ab', true],
  ['a*b', 'aXb', true],
  ['ab*ba', 'aba', false],
  ['a*b*c', 'a-b-c', true],
  ['a*b*c', 'a-c-b', false],
  ['exact', 'exact', true],
  ['exact', 'exactly', false],
  ['a.c', 'abc', false],
  ['[a-z]*', '[a-z]1', true],
  ['**', 'anything', true],
  ['a?c', 'abc', false],
])('createGlob(%o) matches %o: %o', (pattern, text, expected) => {
  expect(createGlob(pattern).matches(text)).toBe(expected);
});

test.each([
  ['github__*', 'github__', true],
  ['git*', 'github__', true],
  ['github__get', 'github__', true],
  ['github__', 'github__', true],
  ['slack__*', 'github__', false],
  ['*', 'github__', true],
  ['*__x', 'github__', true],
])('createGlob(%o) can match what begins with %o: %o', (pattern, beginning, expected) => {
  expect(createGlob(pattern).matchesBeginning(beginning)).toBe(expected);
});

test('S10: a pattern that would blow up a regular expression is matched in linear time', async () => {
  const bomb = createGlob(`${'*a'.repeat(120)}*b`);
  const text = 'a'.repeat(100_000);
  const tookMs = await cpuMs(() => {
    expect(bomb.matches(text)).toBe(false);
    expect(bomb.matches(`${text}b`)).toBe(true);
  });
  expect(tookMs).toBeLessThan(200);
});
