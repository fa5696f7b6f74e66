import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { acceptRecord, checkRecord, officialMetaKey, recordKey } from '../src/server-record.ts';
import { peekStored, readStored, storedJson, storeRecord } from '../src/stored-record.ts';
import { published, server } from './lib/records.ts';

test('property: readStored() is equal and shares nothing, whatever the field names (B7.23)', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, key) => {
      const json: unknown = JSON.parse(JSON.stringify({ ...server('a'), [key]: value }));
      const check = checkRecord(json);
      fc.pre(check.kind === 'valid');
      if (check.kind !== 'valid') return;
      const stored = storeRecord(check.record);
      expect(JSON.stringify(readStored(stored))).toBe(JSON.stringify(check.record));
      expect(readStored(stored)).not.toBe(readStored(stored));
    }),
  );
});

test('readStored() keeps a field called __proto__ a field', () => {
  const { record, json } = acceptRecord(
    JSON.parse('{"name":"a","transport":"stdio","x":{"__proto__":{"y":1}}}'),
  );
  const copy = readStored(storeRecord(record, json));
  expect(JSON.stringify(copy)).toContain('"__proto__":{"y":1}');
  expect(Object.getPrototypeOf(copy['x'])).toBe(Object.prototype);
});

test('a record stays in the bytes it was read from', () => {
  const record = server('ünï ☃', { text: 'é' });
  const json = Buffer.from(JSON.stringify(record));
  const bytes = Buffer.concat([Buffer.from('before, '), json, Buffer.from(' after')]);
  const stored = storeRecord(record, { bytes, start: 8, end: 8 + json.length });
  expect(stored.source).toBe(bytes);
  expect(storedJson(stored)).toBe(JSON.stringify(record));
  expect(readStored(stored)).toEqual(record);
});

test('storeRecord() notes what searches look at', () => {
  const official = { status: 'deprecated', updatedAt: '2026-01-02T03:04:05Z' };
  const record = published('io.test/Name', '1.0.0', {
    tags: ['Data'],
    _meta: { [officialMetaKey]: official },
  });
  expect(storeRecord(record)).toMatchObject({
    key: recordKey('io.test/Name', '1.0.0'),
    transport: 'streamableHttp',
    status: 'deprecated',
    updatedAt: official.updatedAt,
    tags: ['data'],
    haystack: 'io.test/name\nio.test/name 1.0.0',
    shared: undefined,
  });
  expect(storeRecord(server('a'))).toMatchObject({ status: 'active', updatedAt: undefined });
});

test('the text that is searched is bounded, and keeps no long description alive', () => {
  const { haystack } = storeRecord(server('a', { title: 'T', description: 'X'.repeat(100_000) }));
  expect(haystack).toBe(`a\nt\n${'x'.repeat(400)}`);
});

test('peekStored() gives records used as connectors themselves, others as copies', () => {
  const record = server('a', { connector: { id: 'a' } });
  expect(peekStored(storeRecord(record))).toBe(record);
  const plain = storeRecord(server('b'));
  expect(peekStored(plain)).toEqual(server('b'));
  expect(plain.shared).toBeUndefined();
});
