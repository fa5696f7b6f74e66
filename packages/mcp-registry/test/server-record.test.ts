import { expect, test } from 'vitest';
import {
  acceptRecord,
  checkRecord,
  keyOf,
  nameOfKey,
  officialMeta,
  officialMetaKey,
  recordKey,
  recordLimits,
} from '../src/server-record.ts';
import { published, server } from './lib/records.ts';

test('checkRecord() takes every entry the earlier build accepted (B5)', () => {
  const entries = [
    { name: 'a', transport: 'stdio' },
    { name: 'b', transport: 'http' },
    { name: 'c', transport: 'sse', endpoint: 'http://localhost/sse', headers: { A: 'b' } },
    { name: 'd', transport: 'ws', endpoint: 'ws://localhost' },
    { name: 'e', transport: 'streamableHttp', command: 'x', args: ['y'], env: { K: 'v' } },
  ];
  for (const entry of entries) expect(checkRecord(entry)).toEqual({ kind: 'valid', record: entry });
});

test.each([
  ['a text', 'x'],
  ['null', null],
  ['no name', { transport: 'stdio' }],
  ['an empty name', { name: '', transport: 'stdio' }],
  ['a control character', { name: 'a\nb', transport: 'stdio' }],
  ['a long name', { name: 'x'.repeat(recordLimits.maxNameLength + 1), transport: 'stdio' }],
  ['transport https, which an importer once produced (B7.25)', { name: 'a', transport: 'https' }],
  ['args that are no list', { name: 'a', transport: 'stdio', args: 'x' }],
  ['env that is not text', { name: 'a', transport: 'stdio', env: { A: 1 } }],
  ['a server of another name', { ...published('a/b', '1.0.0'), name: 'a/c' }],
])('checkRecord() rejects %s', (_what, value) => {
  expect(checkRecord(value).kind).toBe('invalid');
});

test('checkRecord() returns the value with every unknown field in its order', () => {
  const entry = { zeta: 1, name: 'a', custom: { deep: [null] }, transport: 'stdio' };
  const check = checkRecord(entry);
  expect(JSON.stringify(check.kind === 'valid' && check.record)).toBe(JSON.stringify(entry));
});

test('acceptRecord() keeps a copy that the caller cannot change (B7.23)', () => {
  const env = { A: '1' };
  const accepted = acceptRecord(server('a', { env }));
  env.A = '2';
  expect(accepted.record.env).toEqual({ A: '1' });
});

test('acceptRecord() checks what is stored, not what a getter shows', () => {
  const record = { ...server('a'), toJSON: () => ({ name: 'a', transport: 'https' }) };
  expect(() => acceptRecord(record)).toThrow(expect.objectContaining({ code: 'EINVALIDRECORD' }));
});

test('acceptRecord() refuses what is not JSON', () => {
  const circular: Record<string, unknown> = { ...server('a') };
  circular['self'] = circular;
  for (const value of [circular, undefined, server('a', { big: 1n })])
    expect(() => acceptRecord(value)).toThrow(expect.objectContaining({ code: 'EINVALIDRECORD' }));
});

test('acceptRecord() refuses more than the record limit', () => {
  const record = server('a', { text: 'x'.repeat(recordLimits.maxBytes) });
  expect(() => acceptRecord(record)).toThrow(/at most 262144 bytes/u);
});

test('acceptRecord() refuses a record that would take the stack of whoever reads it (S13)', () => {
  const nested = (levels: number): unknown =>
    levels === 0 ? 1 : levels % 2 ? [nested(levels - 1)] : { a: nested(levels - 1) };
  expect(acceptRecord(server('a', { x: nested(recordLimits.maxDepth - 1) })).key).toBe('a');
  for (const levels of [recordLimits.maxDepth, 3_000])
    expect(() => acceptRecord(server('a', { x: nested(levels) }))).toThrow(/nests deeper than 80/u);
});

test('keys tell versions and names apart and sort by name first', () => {
  expect(keyOf(server('a'))).toBe('a');
  expect(keyOf(published('a/b', '1.0.0'))).toBe(recordKey('a/b', '1.0.0'));
  expect(nameOfKey(recordKey('a/b', '1.0.0'))).toBe('a/b');
  const keys = [recordKey('a-b'), recordKey('a', '2'), recordKey('a')].toSorted();
  expect(keys).toEqual([recordKey('a'), recordKey('a', '2'), recordKey('a-b')]);
});

test('officialMeta() reads the block and ignores a broken one', () => {
  const block = { status: 'deprecated', updatedAt: '2026-01-01T00:00:00Z' };
  expect(officialMeta(server('a', { _meta: { [officialMetaKey]: block } }))).toEqual(block);
  expect(officialMeta(server('a', { _meta: { [officialMetaKey]: { status: 'odd' } } }))).toBe(
    undefined,
  );
  expect(officialMeta(server('a'))).toBeUndefined();
});
