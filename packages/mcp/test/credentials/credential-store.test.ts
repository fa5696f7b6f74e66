import { chmod, mkdir, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import {
  createFileCredentialStore,
  createMemoryCredentialStore,
  type CredentialStore,
  type StoredCredential,
} from '../../src/credentials/credential-store.ts';
import { replacePrivateFile, withFileLock } from '../../src/credentials/private-file.ts';

const RECORD: StoredCredential = {
  connectorId: 'one',
  issuer: 'https://as.test',
  server: 'https://x.test/mcp',
  resource: 'https://x.test/mcp',
  clientId: 'client',
  accessToken: 'the-access-token',
  refreshToken: 'the-refresh-token',
  obtainedAtMs: 1,
  scopes: ['a'],
};
const random = (): number => 0.5;
type Key = { readonly key: string; readonly name: string } | undefined;

function open(folder: string, key?: Key): CredentialStore & { readonly folder: string } {
  const store = createFileCredentialStore({
    folder,
    random,
    key: async () => Promise.resolve(key),
  });
  return Object.assign(store, { folder: join(folder, 'oauth') });
}

async function onlyFile(folder: string): Promise<string> {
  const names = (await readdir(join(folder, 'oauth'))).filter((name) => name.endsWith('.json'));
  expect(names).toHaveLength(1);
  return join(folder, 'oauth', names[0] ?? '');
}

test('save() and load() keep a record over a restart, sealed, mode 0600, with a key file of its own', async () => {
  await using folder = tempFolder();
  await open(folder.path).save(RECORD);
  const again = await open(folder.path).load('one');
  expect(again).toEqual({ records: [RECORD], damaged: [] });
  const file = await onlyFile(folder.path);
  const text = await readFile(file, 'utf8');
  expect(text).not.toMatch(/the-access-token|the-refresh-token|"client"/);
  for (const path of [file, join(folder.path, 'credentials.key')]) {
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  }
  expect((await stat(join(folder.path, 'oauth'))).mode & 0o777).toBe(0o700);
});

test('load() gives records of this connector only, newest first; remove() removes them all', async () => {
  await using folder = tempFolder();
  const store = open(folder.path);
  await store.save(RECORD);
  await store.save({ ...RECORD, issuer: 'https://other.test', obtainedAtMs: 2 });
  await store.save({ ...RECORD, connectorId: 'one-two' });
  expect((await store.load('one')).records.map(({ issuer }) => issuer)).toEqual([
    'https://other.test',
    'https://as.test',
  ]);
  expect(await store.remove('one')).toBe(2);
  expect((await store.load('one')).records).toEqual([]);
  expect((await store.load('one-two')).records).toHaveLength(1);
  expect((await open(join(folder.path, 'none')).load('one')).records).toEqual([]);
});

test('a file that was changed, cut short, moved or sealed with another key is named and not used', async () => {
  await using folder = tempFolder();
  const store = open(folder.path);
  await store.save(RECORD);
  const file = await onlyFile(folder.path);
  const good = await readFile(file, 'utf8');
  const envelope = JSON.parse(good) as { sealed: string };
  const { sealed } = envelope;
  const flipped = sealed.slice(0, -2) + (sealed.endsWith('AA') ? 'BB' : 'AA');
  const bad = [
    JSON.stringify({ ...envelope, sealed: flipped }),
    JSON.stringify({ ...envelope, issuer: 'https://evil.test' }),
    JSON.stringify({ ...envelope, server: 'https://evil.test/mcp' }),
    JSON.stringify({ ...envelope, sealed: '' }),
    good.slice(0, 40),
    'null',
    '',
    'x'.repeat(300_000),
  ];
  for (const text of bad) {
    await writeFile(file, text);
    const { records, damaged } = await store.load('one');
    expect(records).toEqual([]);
    expect(damaged).toEqual([expect.stringMatching(/AUTH_STORE_DAMAGED/)]);
    expect(damaged[0]).not.toContain(sealed.slice(0, 20));
  }
  // Control: what was there at first is good. Under another connector's name it is not.
  await writeFile(file, good);
  expect((await store.load('one')).records).toEqual([RECORD]);
  await writeFile(file.replace('/one.', '/two.'), good);
  expect(await store.load('two')).toMatchObject({ records: [], damaged: [expect.anything()] });
  const other = open(folder.path, { key: 'k'.repeat(32), name: 'MCP_SECRETS_KEY' });
  expect((await other.load('one')).damaged).toHaveLength(1);
});

test("the operator's own key is taken in place of a key file; one that is short or can be read by others is refused", async () => {
  await using folder = tempFolder();
  const key = { key: 'a key of the operator, long enough', name: 'MCP_SECRETS_KEY' };
  await open(folder.path, key).save(RECORD);
  expect(await readdir(folder.path)).toEqual(['oauth']);
  expect((await open(folder.path, key).load('one')).records).toEqual([RECORD]);
  const short = open(folder.path, { key: 'short', name: 'MCP_SECRETS_KEY' });
  await expect(short.load('one')).rejects.toMatchObject({
    code: 'AUTH_STORE_KEY',
    message: expect.stringContaining('MCP_SECRETS_KEY is shorter') as string,
  });
  await using own = tempFolder();
  await open(own.path).save(RECORD);
  await chmod(join(own.path, 'credentials.key'), 0o644);
  const store = open(own.path);
  await expect(store.load('one')).rejects.toThrow(/chmod 600/);
  await chmod(join(own.path, 'credentials.key'), 0o600);
  expect((await store.load('one')).records).toHaveLength(1);
});

test('two stores that make the key at the same time agree on one', async () => {
  await using folder = tempFolder();
  const stores = Array.from({ length: 8 }, () => open(folder.path));
  await Promise.all(
    stores.map(async (store, index) => await store.save({ ...RECORD, connectorId: `c${index}` })),
  );
  const reader = open(folder.path);
  for (const index of stores.keys()) {
    expect((await reader.load(`c${index}`)).records).toHaveLength(1);
  }
  const left = await readdir(folder.path, { recursive: true });
  expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('exclusively() lets one at a time in, and takes over from a process that died', async () => {
  await using folder = tempFolder();
  const [one, two] = [open(folder.path), open(folder.path)];
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await readdir('/');
    inside -= 1;
  };
  await Promise.all(
    [one, two, one, two].map(async (store) => await store.exclusively('one', work)),
  );
  expect(most).toBe(1);
  const lock = join(folder.path, 'oauth', '.one.lock');
  await writeFile(lock, '');
  const longAgo = new Date(Date.now() - 60_000);
  await utimes(lock, longAgo, longAgo);
  await one.exclusively('one', work);
  expect(await readdir(join(folder.path, 'oauth'))).toEqual([]);
});

test('withFileLock() goes on without the lock after its time, and leaves the lock of others alone', async () => {
  await using folder = tempFolder();
  const lock = join(folder.path, 'lock');
  await writeFile(lock, '');
  const options = { waitMs: 60, staleMs: 60_000, random };
  expect(await withFileLock(lock, options, async () => await Promise.resolve('done'))).toBe('done');
  expect(await readdir(folder.path)).toEqual(['lock']);
});

test('replacePrivateFile() leaves the old file and no other when it fails', async () => {
  await using folder = tempFolder();
  await mkdir(join(folder.path, 'taken'));
  await expect(replacePrivateFile(join(folder.path, 'taken'), 'x')).rejects.toThrow('EISDIR');
  expect(await readdir(folder.path)).toEqual(['taken']);
});

test('the store of a service without a state folder keeps nothing over its end', async () => {
  const store = createMemoryCredentialStore();
  await store.save(RECORD);
  expect((await store.load('one')).records).toEqual([RECORD]);
  expect(await store.exclusively('one', async () => await store.remove('one'))).toBe(1);
  expect((await store.load('one')).records).toEqual([]);
  expect((await createMemoryCredentialStore().load('one')).records).toEqual([]);
});
