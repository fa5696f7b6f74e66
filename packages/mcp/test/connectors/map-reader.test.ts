import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createMapReader, type MapReader } from '../../src/connectors/map/map-reader.ts';
import { createMapStore, keyFingerprint } from '../../src/connectors/map/map-store.ts';
import type { ServiceMapSource } from '../../src/connectors/map/service-map-source.ts';
import {
  ed25519SignKey,
  generateSignatureKey,
  hmacKey,
  type SignatureVerifyKey,
} from '../../src/connectors/map/signature-keys.ts';
import { signServiceMap } from '../../src/connectors/map/signature.ts';
import {
  agent,
  codeOf,
  isoIn,
  KEY,
  mapWith,
  send,
  serve,
  signed,
  tempFolder,
  useClosers,
} from './service-map-fixture.ts';

useClosers();

const signal = new AbortController().signal;

interface Producer {
  readonly source: ServiceMapSource;
  answer: unknown;
}

async function producer(answer: unknown = signed()): Promise<Producer> {
  const it = { answer };
  const { url } = await serve((request, response) =>
    send(JSON.stringify(it.answer))(request, response),
  );
  return Object.assign(it, { source: { kind: 'url', url, dispatcher: agent() } as const });
}

function reader(
  source: ServiceMapSource,
  folder: string | undefined,
  keys: readonly SignatureVerifyKey[] = [KEY],
): MapReader {
  return createMapReader({
    source,
    keys,
    store: folder === undefined ? undefined : createMapStore(folder),
    onStoreError: (error) => {
      throw error;
    },
  });
}

test('fetch() keeps the map as read, 0600, and restore() verifies and serves it as remote (M8)', async () => {
  const folder = await tempFolder();
  const { source } = await producer();
  const fetched = await reader(source, folder).fetch(signal);
  expect((await readdir(folder)).toSorted()).toEqual(['map-floor.json', 'map.json']);
  expect((await stat(join(folder, 'map.json'))).mode & 0o777).toBe(0o600);
  const restored = await reader(source, folder).restore();
  expect(restored).toMatchObject({ digest: fetched.digest, origin: 'remote' });
});

test('restore() gives nothing when nothing is kept', async () => {
  const { source } = await producer();
  expect(await reader(source, await tempFolder()).restore()).toBeUndefined();
  expect(await reader(source, undefined).restore()).toBeUndefined();
});

test('restore() refuses a kept map that was changed, and one past its use', async () => {
  const folder = await tempFolder();
  const { source } = await producer();
  await reader(source, folder).fetch(signal);
  const path = join(folder, 'map.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('two', 'too'));
  expect(await codeOf(reader(source, folder).restore())).toBe('MAP_BAD_SIGNATURE');
  await writeFile(path, JSON.stringify(signed({ generatedAt: isoIn(-2 * 86_400_000) })));
  expect(await codeOf(reader(source, folder).restore())).toBe('MAP_EXPIRED');
});

test('restore() does not take the map of another source', async () => {
  const folder = await tempFolder();
  const [one, other] = [await producer(), await producer()];
  await reader(one.source, folder).fetch(signal);
  expect(await reader(other.source, folder).restore()).toBeUndefined();
});

test('the replay floor holds over a restart, and against the map on disk alone (B7.12)', async () => {
  const folder = await tempFolder();
  const one = await producer();
  await reader(one.source, folder).fetch(signal);
  one.answer = signed({ generatedAt: isoIn(-10_000) });
  expect(await codeOf(reader(one.source, folder).fetch(signal))).toBe('MAP_REPLAYED');
  await writeFile(join(folder, 'map-floor.json'), '{ damaged');
  const again = reader(one.source, folder);
  await again.restore();
  expect(await codeOf(again.fetch(signal))).toBe('MAP_REPLAYED');
});

test('the floor of a key that is no longer used is forgotten: a leaked key keeps nobody out', async () => {
  const folder = await tempFolder();
  const leaked = hmacKey('leaked');
  const one = await producer(signServiceMap(mapWith({ generatedAt: isoIn(240_000) }), leaked));
  await reader(one.source, folder, [leaked]).fetch(signal);
  one.answer = signed();
  expect(await codeOf(reader(one.source, folder, [KEY, leaked]).fetch(signal))).toBe(
    'MAP_REPLAYED',
  );
  expect((await reader(one.source, folder, [KEY]).fetch(signal)).signedBy).toBe(KEY);
});

test('a map that cannot be kept is used all the same', async () => {
  const folder = await tempFolder();
  const file = join(folder, 'file');
  await writeFile(file, '');
  const errors: unknown[] = [];
  const { source } = await producer();
  const maps = createMapReader({
    source,
    keys: [KEY],
    store: createMapStore(join(file, 'below')),
    onStoreError: (error) => errors.push(error),
  });
  expect((await maps.fetch(signal)).payload.connectors.length).toBe(2);
  expect(errors.length).toBe(1);
});

test('an unsigned map is taken from a file without keys, never from a URL', async () => {
  const folder = await tempFolder();
  const path = join(folder, 'plain.json');
  await writeFile(path, JSON.stringify(mapWith()));
  expect((await reader({ kind: 'file', path }, undefined, []).fetch(signal)).origin).toBe('local');
  const { source } = await producer(mapWith());
  expect(await codeOf(reader(source, undefined, []).fetch(signal))).toBe('MAP_UNSIGNED');
  expect(await codeOf(reader(source, undefined).fetch(signal))).toBe('MAP_UNSIGNED');
});

test('keyFingerprint() tells keys apart without showing them', () => {
  const pair = generateSignatureKey('ed25519');
  if (pair.alg !== 'ed25519') throw new Error('unreachable');
  const names = [undefined, hmacKey('a'), hmacKey('b'), ed25519SignKey(pair.privatePem)].map(
    keyFingerprint,
  );
  expect(new Set(names).size).toBe(4);
  expect(names[0]).toBe('');
});
