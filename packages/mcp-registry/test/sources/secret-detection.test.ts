import { expect, test } from 'vitest';
import {
  hasSecretDefault,
  isLiteralSecret,
  isReference,
} from '../../src/sources/secret-detection.ts';
import { mapRecordValues } from '../../src/sources/record-values.ts';
import { server } from '../lib/records.ts';

test.each([
  'ghp_16C7e42F292c6912E7710c838347Ae178B4a',
  'sk-proj-abcdefgh12345678',
  'xoxb-1234-abcdefghijkl',
  'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh',
  'a8Fk29dLq03mZx81bVt5Rw2s',
  'Bearer a8Fk29dLq03mZx81bVt5Rw2s',
  '9f86d081884c7d659a2feaa0c55ad015',
])('isLiteralSecret() knows %s by its look', (value) => {
  expect(isLiteralSecret(value, false)).toBe(true);
});

test.each([
  '',
  '-y',
  '@modelcontextprotocol/server-github@2025.4.8',
  '/home/me/projects/some-very-long-folder-name/index2.js',
  'ghcr.io/x/y@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  '123e4567-e89b-12d3-a456-426614174000',
  'https://example.com/mcp',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa111',
  '${API_TOKEN}',
])('isLiteralSecret() leaves %s alone', (value) => {
  expect(isLiteralSecret(value, false)).toBe(false);
});

test.each(['hunter2', 'pass word', 'Bearer abc', '${A}and-more-text'])(
  'isLiteralSecret() takes %s under a secret name',
  (value) => {
    expect(isLiteralSecret(value, true)).toBe(true);
  },
);

test.each([
  '',
  ' ',
  'true',
  '3600',
  '${A}',
  'Bearer ${A}',
  'token ${env:A}',
  '${A}:${B}',
  'file:secrets/x',
  'file:/etc/key',
  '<your token>',
])('isLiteralSecret() leaves "%s" alone even under a secret name', (value) => {
  expect(isLiteralSecret(value, true)).toBe(false);
});

test('hasSecretDefault() looks into defaults only', () => {
  expect(hasSecretDefault('${TOKEN:-hunter2}', true)).toBe(true);
  expect(hasSecretDefault('${TOKEN:-}', true)).toBe(false);
  expect(hasSecretDefault('${MODE:-fast}', false)).toBe(false);
  expect(hasSecretDefault('${A} ${TOKEN:-hunter2:-x}', true)).toBe(true);
  expect(isReference('${TOKEN:-hunter2}')).toBe(true);
});

test('hasSecretDefault() takes linear time on a text made to be slow (S10)', () => {
  const started = performance.now();
  for (const piece of ['a:-', ':', '${', '${:-'])
    expect(hasSecretDefault('${' + piece.repeat(60_000), true)).toBe(false);
  expect(performance.now() - started).toBeLessThan(3_000);
});

test('mapRecordValues() takes linear time on texts made to be slow', () => {
  const evil = ['${a}', '${', ':', '$', '@', '/', '?a=${'].map(
    (piece) => `https://${piece.repeat(20_000)}`,
  );
  const started = performance.now();
  for (const endpoint of evil)
    mapRecordValues(
      { ...server('a'), endpoint, args: [endpoint, `--x=${endpoint}`] },
      (value) => value,
    );
  expect(performance.now() - started).toBeLessThan(3_000);
});

test('mapRecordValues() with the same values gives the same record', () => {
  const record = server('a', {
    endpoint: 'wss://u@h.test:1/a//b?x&y=&z=1#f=2',
    args: ['a=b', '--token', '--other', 'x', 'postgres://u:p@h/db', '-H', 'K: v'],
    source: { kind: 'client', client: 'cursor', keys: { a: [1, 'x', { token: 't' }, null] } },
  });
  expect(mapRecordValues(record, (value) => value)).toEqual(record);
});
