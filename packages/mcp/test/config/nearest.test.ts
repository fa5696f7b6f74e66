import { expect, test } from 'vitest';
import { describeUnknownKey, nearest } from '../../src/config/nearest.ts';

test.each([
  ['comand', 'command'],
  ['prot', 'port'],
  ['URL', 'url'],
  ['hots', 'host'],
  ['enviroment', undefined],
  ['x', undefined],
  ['', undefined],
])('nearest(%j) is %j', (word, meant) => {
  expect(nearest(word, ['command', 'port', 'url', 'host', 'env'])).toBe(meant);
});

test('describeUnknownKey() suggests only what is near', () => {
  expect(describeUnknownKey('comand', ['command'])).toBe(
    'unknown key "comand", did you mean "command"?',
  );
  expect(describeUnknownKey('foo', ['command'])).toBe('unknown key "foo"');
});
