import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { normalizeServiceMapEntry } from '../../src/connectors/map/service-map-normalize.ts';
import {
  parseServiceMapEntry,
  parseServiceMapEnvelope,
  serviceMapJsonSchema,
} from '../../src/connectors/map/service-map-schema.ts';

const ENTRY = { id: 'wikidata', displayName: 'Wikidata', endpoint: 'https://w.example/mcp' };

function problems(entry: unknown): string {
  const result = parseServiceMapEntry(entry);
  return result.kind === 'ok' ? '' : result.problems.join('; ');
}

test('serviceMapJsonSchema() is what schema/service-map.schema.json publishes (run schema/generate.mjs)', () => {
  const file = new URL('../../schema/service-map.schema.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(
    JSON.parse(JSON.stringify(serviceMapJsonSchema())),
  );
});

test('parseServiceMapEntry() fills in defaults and keeps unknown keys at every level', () => {
  const result = parseServiceMapEntry({
    id: 'a',
    endpoint: 'https://a.example/',
    vendor: { x: 1 },
    auth: { type: 'apiKey', audience: 'y' },
    quotas: { perMinute: 0, perWeek: 7 },
    remoteTools: [{ name: 'no_dot_needed', title: 'T' }],
  });
  expect(result).toEqual({
    kind: 'ok',
    value: {
      id: 'a',
      displayName: 'a',
      enabled: true,
      endpoint: 'https://a.example/',
      vendor: { x: 1 },
      auth: { type: 'apiKey', audience: 'y' },
      quotas: { perMinute: 0, perWeek: 7 },
      remoteTools: [{ name: 'no_dot_needed', title: 'T' }],
    },
  });
});

test('parseServiceMapEntry() leaves ${NAME} placeholders as written', () => {
  const entry = {
    ...ENTRY,
    enabled: true,
    endpoint: 'https://${HOST}/mcp',
    headers: { Authorization: 'Bearer ${TOKEN}' },
  };
  expect(parseServiceMapEntry(entry)).toEqual({ kind: 'ok', value: entry });
});

test.each([
  [{ ...ENTRY, id: 'Upper' }, /^id:/],
  [{ ...ENTRY, id: 'a'.repeat(64) }, /^id:/],
  [{ ...ENTRY, endpoint: 'ftp://w.example/' }, /http or https/],
  [{ ...ENTRY, endpoint: 'not a url' }, /http or https/],
  [{ ...ENTRY, headers: { 'X-A': 'a\r\nX-B: b' } }, /^headers/],
  [{ ...ENTRY, headers: { 'X A': 'a' } }, /^headers/],
  [{ ...ENTRY, quotas: { perMinute: -1 } }, /^quotas.perMinute/],
  [{ ...ENTRY, timeouts: { connectMs: 1.5 } }, /^timeouts.connectMs/],
  [{ ...ENTRY, ttlSeconds: 0 }, /^ttlSeconds/],
  [{ ...ENTRY, auth: { type: 'basic' } }, /^auth.type/],
  [{ ...ENTRY, command: 'npx' }, /an endpoint and a command/],
  [{ id: 'a' }, /neither endpoint nor command/],
  [null, /./],
  ['text', /./],
])('parseServiceMapEntry() names what is wrong with %j', (entry, problem) => {
  expect(problems(entry)).toMatch(problem);
});

test('parseServiceMapEntry() accepts a disabled entry without a way to reach it', () => {
  expect(problems({ id: 'a', enabled: false })).toBe('');
});

test('parseServiceMapEntry() cannot be used to pollute prototypes (S14)', () => {
  const entry = JSON.parse(
    '{"id":"constructor","endpoint":"https://a.example/","__proto__":{"polluted":1},"headers":{"__proto__":"x"},"metadata":{"__proto__":{"polluted":1}}}',
  ) as unknown;
  const result = parseServiceMapEntry(entry);
  expect(result).toMatchObject({ kind: 'ok', value: { id: 'constructor' } });
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  const value = result.kind === 'ok' ? result.value : {};
  expect(Reflect.get(value, 'polluted')).toBeUndefined();
});

test('parseServiceMapEnvelope() keeps unknown keys and does not look into entries', () => {
  const map = {
    id: 'm',
    generatedAt: '2026-11-20T12:00:00+01:00',
    ttlSeconds: 60,
    connectors: [1, null, { anything: true }],
    metadata: { count: 3 },
    vendor: 'x',
  };
  expect(parseServiceMapEnvelope(map)).toEqual({ kind: 'ok', value: map });
});

test('parseServiceMapEnvelope() refuses a map without connectors, dates or a usable TTL', () => {
  const map = { id: 'm', generatedAt: '2026-11-20T12:00:00Z', ttlSeconds: 60, connectors: [{}] };
  for (const change of [
    { connectors: [] },
    { connectors: {} },
    { generatedAt: 'yesterday' },
    { notAfter: '2026' },
    { ttlSeconds: 1.5 },
    { ttlSeconds: '60' },
    { id: '' },
  ]) {
    const result = parseServiceMapEnvelope({ ...map, ...change });
    expect(result).toMatchObject({ kind: 'invalid', problems: [expect.any(String)] });
  }
});

test('normalizeServiceMapEntry() reads the verifier shape of the earlier build (B2)', () => {
  const legacy = { id: 'a', version: '1', name: 'A', status: 'enabled', ttl: 60, scopes: ['s'] };
  expect(normalizeServiceMapEntry(legacy)).toEqual({
    entry: {
      id: 'a',
      version: '1',
      displayName: 'A',
      status: 'enabled',
      ttlSeconds: 60,
      scopes: ['s'],
    },
    legacyKeys: ['name', 'ttl', 'status'],
  });
});

test('normalizeServiceMapEntry() has disabled win and newer keys take precedence (B2)', () => {
  const both = {
    id: 'a',
    name: 'old',
    displayName: 'new',
    ttl: 1,
    ttlSeconds: 2,
    enabled: true,
    status: 'disabled',
  };
  expect(normalizeServiceMapEntry(both).entry).toMatchObject({
    displayName: 'new',
    ttlSeconds: 2,
    enabled: false,
  });
});

test('normalizeServiceMapEntry() leaves the producer shape alone, its health status included (B2)', () => {
  const entry = { ...ENTRY, status: 'offline', enabled: true };
  expect(normalizeServiceMapEntry(entry)).toEqual({ entry, legacyKeys: [] });
  expect(normalizeServiceMapEntry(7)).toEqual({ entry: 7, legacyKeys: [] });
});

test('normalizeServiceMapEntry() reads the headers of the operator manifest (B2)', () => {
  const authentication = { headers: [{ name: 'X-Key', value: '${KEY}' }, 'junk'] };
  expect(normalizeServiceMapEntry({ id: 'a', authentication })).toEqual({
    entry: { id: 'a', authentication, headers: { 'X-Key': '${KEY}' } },
    legacyKeys: ['authentication'],
  });
});
