import { spawnSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tempFolder, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readKeys } from '../../src/auth/keys-file.ts';
import { ensureSecret } from '../../src/auth/secret-file.ts';
import { queryAudit } from '../../src/audit/audit-reader.ts';
import { readConfigDocument } from '../../src/config/config-document.ts';
import { createFileCacheStore } from '../../src/connectors/cache/cache-store-file.ts';
import { createMapStore } from '../../src/connectors/map/map-store.ts';
import { createFileGenerationStore } from '../../src/connectors/map/service-map-generation.ts';
import { resolveSecretReferences } from '../../src/connectors/secret-reference.ts';
import { readPrivateFile } from '../../src/credentials/private-file.ts';
import { readPinFile } from '../../src/pins/pin-file.ts';
import { createSessionJournal } from '../../src/service/session-journal.ts';
import { startGateway } from '../e2e/gateway-fixture.ts';

// Opening a pipe waits for its other end, and reading a device may never end: neither may hang a start or a request.

let folder: TempFolder;
beforeAll(() => {
  folder = tempFolder();
});
afterAll(async () => await folder[Symbol.asyncDispose]());

/** A pipe that nobody is at the other end of. */
async function pipe(name: string): Promise<string> {
  const path = join(folder.path, name);
  await mkdir(dirname(path), { recursive: true });
  spawnSync('mkfifo', ['-m', '600', path]);
  return path;
}

test('readKeys() and ensureSecret() say that a pipe is no file of keys', async () => {
  await pipe('keys.json');
  await pipe('secrets/pepper');
  const code = 'KEYS_UNREADABLE';
  const message = expect.stringContaining('not a regular file') as string;
  await expect(readKeys(folder.path)).rejects.toMatchObject({ code, message });
  await expect(ensureSecret(folder.path, 'pepper')).rejects.toMatchObject({ code, message });
});

test('readKeys() does not read a device', async () => {
  await using other = tempFolder();
  await symlink('/dev/zero', join(other.path, 'keys.json'));
  await expect(readKeys(other.path)).rejects.toMatchObject({ message: /not a regular file|mode/ });
});

test('a service whose keys.json is a pipe does not start, and says why', async () => {
  await using state = tempFolder();
  spawnSync('mkfifo', ['-m', '600', join(state.path, 'keys.json')]);
  const auth = { settings: {}, stateFolder: state.path, watch: false };
  await expect(startGateway([], {}, { auth })).rejects.toThrow('not a regular file');
});

test('a pipe as configuration, pins, credentials or secret is an error that says so', async () => {
  const path = await pipe('any.json');
  await expect(readConfigDocument(path)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringContaining('not a regular file') as string,
  });
  await expect(readPinFile(path)).rejects.toThrow('not a regular file');
  await expect(readPrivateFile(path, 1_000)).rejects.toThrow('not a regular file');
  await expect(resolveSecretReferences(`file:${path}`, {})).rejects.toThrow('cannot be read');
});

test('a pipe in place of what can be had again counts as absent', async () => {
  await pipe('manifests/one.json');
  const damaged: string[] = [];
  const store = createFileCacheStore({
    folder: join(folder.path, 'manifests'),
    decode: () => ({}),
    onDamaged: (file) => damaged.push(file),
  });
  expect(await store.loadAll()).toEqual([]);
  expect(damaged).toEqual(['one.json']);
  await pipe('map-floor.json');
  expect(await createMapStore(folder.path).loadFloor()).toBeUndefined();
  expect(await createFileGenerationStore(await pipe('generation')).load()).toBeUndefined();
  expect(await queryAudit(await pipe('audit.jsonl'), { limit: 9 })).toEqual([]);
});

test('sessions are not kept in a pipe, which is said, and a request does not wait for it', async () => {
  const errors: unknown[] = [];
  const journal = createSessionJournal({
    path: await pipe('sessions.jsonl'),
    mayCompact: () => true,
    onError: (error) => errors.push(error),
  });
  const client = { protocolVersion: '2025-11-25', capabilities: {}, infoText: undefined };
  const kept = { connectorId: undefined, principalId: 'p', client, logLevel: undefined };
  journal.keep('id', { ...kept, resources: [] });
  expect(await journal.recall('id')).toBeUndefined();
  expect(errors.length).toBeGreaterThan(0);
});
