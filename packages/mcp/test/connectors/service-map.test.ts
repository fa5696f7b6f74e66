import { expect, test } from 'vitest';
import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createFileGenerationStore,
  createMemoryGenerationStore,
  type MapGenerationStore,
} from '../../src/connectors/map/service-map-generation.ts';
import {
  loadConnectorServiceMap,
  type LoadedServiceMap,
} from '../../src/connectors/map/service-map.ts';
import { DEFAULT_MAP_STALE_MS } from '../../src/connectors/map/service-map-time.ts';
import { hmacKey } from '../../src/connectors/map/signature-keys.ts';
import { signServiceMap, type RawServiceMap } from '../../src/connectors/map/signature.ts';
import type { Handler } from './service-map-fixture.ts';
import {
  codeOf,
  entry,
  errorOf,
  fromUrl,
  inline,
  isoIn,
  KEY,
  keys,
  mapWith,
  send,
  signed,
  tempFolder,
  useClosers,
} from './service-map-fixture.ts';

useClosers();

const sendMap = (map: RawServiceMap): Handler => send(JSON.stringify(map));
const codeOfSigned = async (fields: object): Promise<string> =>
  await codeOf(fromUrl(sendMap(signed(fields))));

test('loadConnectorServiceMap() reads a signed map from a URL as remote, with its key and digest', async () => {
  const map = signed();
  const before = performance.now();
  const loaded = await fromUrl(send(JSON.stringify(map)));
  expect(loaded.payload.connectors.map(({ id }) => id)).toEqual(['one', 'two']);
  expect(loaded).toMatchObject({ origin: 'remote', invalidEntries: [], warnings: [], raw: map });
  expect(loaded.signedBy).toBe(KEY);
  expect(loaded.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(loaded.expiresAtMs).toBeGreaterThanOrEqual(before + 300_000);
  expect(loaded.expiresAtMs).toBeLessThanOrEqual(performance.now() + 300_000);
  expect(loaded.usableUntilMs - loaded.expiresAtMs).toBe(DEFAULT_MAP_STALE_MS);
});

test('loadConnectorServiceMap() refuses unsigned and wrongly signed maps from a URL', async () => {
  expect(await codeOf(fromUrl(sendMap(mapWith())))).toBe('MAP_UNSIGNED');
  expect(await codeOf(fromUrl(sendMap(signed()), { keys: [] }))).toBe('MAP_UNSIGNED');
  expect(await codeOf(fromUrl(sendMap({ ...signed(), ttlSeconds: 301 })))).toBe(
    'MAP_BAD_SIGNATURE',
  );
  const other = [hmacKey('other')];
  expect(await codeOf(fromUrl(sendMap(signed()), { keys: other }))).toBe('MAP_BAD_SIGNATURE');
});

test('loadConnectorServiceMap() takes unsigned maps when told to, but never a bad signature', async () => {
  const allowUnsigned = { allowUnsigned: true };
  const loaded = await fromUrl(send(JSON.stringify(mapWith())), allowUnsigned);
  expect(loaded.warnings.map(({ code }) => code)).toEqual(['unsigned']);
  const bad = { ...signed(), ttlSeconds: 301 };
  expect(await codeOf(inline(bad, { keys, ...allowUnsigned }))).toBe('MAP_BAD_SIGNATURE');
});

test('loadConnectorServiceMap() verifies before schema work: keys no schema knows count (B3)', async () => {
  const fields = {
    connectors: [entry('a', { quotas: { perDay: 1, x: 1 }, vendor: true })],
    top: 1,
  };
  const loaded = await inline(signed(fields), { keys });
  expect(loaded.payload['top']).toBe(1);
  expect(loaded.payload.connectors[0]).toMatchObject({ vendor: true, quotas: { perDay: 1, x: 1 } });
  const broken = { ...signed({ ttlSeconds: 'x' }), signature: 'A'.repeat(43) };
  expect(await codeOf(inline(broken, { keys }))).toBe('MAP_BAD_SIGNATURE');
});

test('loadConnectorServiceMap() reads local maps unsigned, and checks them once there are keys', async () => {
  const loaded = await inline(mapWith());
  expect(loaded).toMatchObject({ origin: 'local', signedBy: undefined });
  expect(loaded.warnings.map(({ code }) => code)).toEqual(['unsigned']);
  expect((await inline(signed())).warnings[0]?.code).toBe('signature-unchecked');
  expect(await codeOf(inline(mapWith(), { keys }))).toBe('MAP_UNSIGNED');
});

test('loadConnectorServiceMap() does not date a local unsigned map', async () => {
  const loaded = await inline(mapWith({ generatedAt: '2020-01-01T00:00:00Z' }));
  expect(loaded.expiresAtMs).toBeGreaterThan(performance.now() + 200_000);
});

test('defect 12: expired, future and never-fresh maps are refused by name', async () => {
  expect(await codeOfSigned({ generatedAt: isoIn(-3_600_000) })).toBe('MAP_EXPIRED');
  expect(await codeOfSigned({ generatedAt: isoIn(600_000) })).toBe('MAP_FUTURE');
  expect(await codeOfSigned({ ttlSeconds: 0 })).toBe('MAP_NEVER_FRESH');
  expect(await codeOfSigned({ notAfter: '2020-01-01T00:00:00Z' })).toBe('MAP_NEVER_FRESH');
  expect(await codeOfSigned({ notAfter: isoIn(-1), generatedAt: isoIn(-60_000) })).toBe(
    'MAP_EXPIRED',
  );
});

test('defect 12: a replayed map is refused, the newest stays, and the operator may override', async () => {
  const generations = createMemoryGenerationStore();
  const older = signed({ generatedAt: new Date(Date.now() - 60_000).toISOString() });
  const newer = signed();
  await inline(newer, { keys, generations });
  expect(await codeOf(inline(older, { keys, generations }))).toBe('MAP_REPLAYED');
  await inline(newer, { keys, generations });
  await inline(older, { keys, generations, allowReplay: true });
  await inline(older, { keys, generations });
});

test('defect 12: a replay is noticed after a restart (file of generations, 0600)', async () => {
  const folder = await tempFolder();
  const path = join(folder, 'state', 'map-generation.json');
  await inline(signed(), { keys, generations: createFileGenerationStore(path) });
  const older = signed({ generatedAt: new Date(Date.now() - 60_000).toISOString() });
  const generations = createFileGenerationStore(path);
  expect(await codeOf(inline(older, { keys, generations }))).toBe('MAP_REPLAYED');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'state'))).mode & 0o777).toBe(0o700);
  for (const damaged of ['{', '7', '{"generatedAtMs":"x"}']) {
    await writeFile(path, damaged);
    expect(await generations.load()).toBeUndefined();
  }
});

test('loadConnectorServiceMap() does not remember a map it refuses for another reason', async () => {
  const generations = createMemoryGenerationStore();
  const future = signed({ connectors: [entry('a'), entry('a')] });
  expect(await codeOf(inline(future, { keys, generations }))).toBe('MAP_DUPLICATE_ID');
  expect(await generations.load()).toBeUndefined();
});

test('loadConnectorServiceMap() warns of two maps with one date, and of a store that fails', async () => {
  const generatedAt = new Date().toISOString();
  const generations = createMemoryGenerationStore();
  await inline(signed({ generatedAt }), { keys, generations });
  const other = await inline(signed({ generatedAt, ttlSeconds: 60 }), { keys, generations });
  expect(other.warnings.map(({ code }) => code)).toEqual(['equivocation']);
  const broken: MapGenerationStore = {
    load: async () => await Promise.reject(new Error('disk gone')),
    save: async () => await Promise.reject(new Error('disk full')),
  };
  const loaded = await inline(signed(), { keys, generations: broken });
  expect(loaded.warnings).toEqual([
    { code: 'not-remembered', message: 'disk gone' },
    { code: 'not-remembered', message: 'disk full' },
  ]);
});

test('loadConnectorServiceMap() takes a file that is up to 24 h past its TTL, as stale', async () => {
  const folder = await tempFolder();
  const path = join(folder, 'map.json');
  const load = async (ageHours: number): Promise<LoadedServiceMap> => {
    const generatedAt = new Date(Date.now() - ageHours * 3_600_000).toISOString();
    await writeFile(path, JSON.stringify(signed({ generatedAt })));
    return await loadConnectorServiceMap({ keys, source: { kind: 'file', path } });
  };
  const loaded = await load(10);
  expect(loaded.origin).toBe('local');
  expect(loaded.expiresAtMs).toBeLessThanOrEqual(performance.now());
  expect(loaded.usableUntilMs - performance.now()).toBeGreaterThan(14 * 3_600_000);
  expect(await codeOf(load(25))).toBe('MAP_EXPIRED');
  expect(JSON.parse(await readFile(path, 'utf8'))).toHaveProperty('signature');
});

test('loadConnectorServiceMap() disables a bad entry and keeps the others (M9)', async () => {
  const connectors = [entry('one'), entry('two', { endpoint: 'ftp://x' }), 'junk', entry('three')];
  const loaded = await inline(mapWith({ connectors }));
  expect(loaded.payload.connectors.map(({ id }) => id)).toEqual(['one', 'three']);
  expect(loaded.invalidEntries).toEqual([
    { index: 1, id: 'two', problems: [expect.stringContaining('endpoint')] },
    { index: 2, id: undefined, problems: [expect.any(String)] },
  ]);
});

test('loadConnectorServiceMap() refuses duplicate ids, a wrong brand and a map that is no map', async () => {
  const twice = mapWith({ connectors: [entry('one'), entry('one')] });
  const error = await errorOf(inline(twice));
  expect(error).toMatchObject({
    code: 'MAP_DUPLICATE_ID',
    message: expect.stringContaining('one'),
  });
  expect(await codeOf(inline(mapWith(), { brand: 'acme' }))).toBe('MAP_BRAND');
  expect(await codeOf(inline(mapWith({ connectors: [] })))).toBe('MAP_SCHEMA');
  expect(await codeOf(inline('text'))).toBe('MAP_SCHEMA');
});

test('loadConnectorServiceMap() refuses what has no canonical form', async () => {
  let deep: unknown = 1;
  for (let i = 0; i < 100; i += 1) deep = [deep];
  expect(await codeOf(inline(mapWith({ deep })))).toBe('MAP_BAD_JSON');
  expect(await codeOf(inline({ ...signed(), text: '\ud800' }, { keys }))).toBe('MAP_BAD_JSON');
});

test('loadConnectorServiceMap() normalises the older shape after verifying it as it was (B2, B3)', async () => {
  const endpoint = 'https://a.example/';
  const legacy = { id: 'a', name: 'A', status: 'disabled', ttl: 60, version: '1', endpoint };
  const loaded = await inline(signed({ connectors: [legacy, entry('b')] }), { keys });
  expect(loaded.payload.connectors[0]).toEqual({
    id: 'a',
    displayName: 'A',
    enabled: false,
    status: 'disabled',
    ttlSeconds: 60,
    version: '1',
    endpoint,
  });
  expect(loaded.warnings).toEqual([
    { code: 'legacy-shape', message: expect.stringContaining('name, ttl, status') },
  ]);
});

test('loadConnectorServiceMap() uses the value it verified when a key comes twice', async () => {
  const map = signed();
  const text = JSON.stringify(map).replace('"ttlSeconds":300', '"ttlSeconds":9,"ttlSeconds":300');
  expect((await fromUrl(send(text))).payload.ttlSeconds).toBe(300);
  const swapped = JSON.stringify(map).replace(
    '"ttlSeconds":300',
    '"ttlSeconds":300,"ttlSeconds":9',
  );
  expect(await codeOf(fromUrl(send(swapped)))).toBe('MAP_BAD_SIGNATURE');
});

test('loadConnectorServiceMap() has a digest that changes with content only', async () => {
  const map = mapWith();
  const { digest } = await inline(map);
  expect((await inline(signServiceMap(map, KEY), { keys })).digest).toBe(digest);
  expect((await inline(mapWith({ ttlSeconds: 301 }))).digest).not.toBe(digest);
  expect(digest).not.toBe(createHash('sha256').update('').digest('hex'));
});
