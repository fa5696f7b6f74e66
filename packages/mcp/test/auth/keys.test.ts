import { once } from 'node:events';
import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { startUpstream, tempFolder, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createKey, revokeKey, rotateKey } from '../../src/auth/edit-keys.ts';
import { createKeyStore } from '../../src/auth/key-store.ts';
import { parseKeys, readKeys } from '../../src/auth/keys-file.ts';
import { ensureSecret } from '../../src/auth/secret-file.ts';
import { createUsedKeys, readUsedKeys } from '../../src/auth/used-keys.ts';
import { exposedName } from '../../src/catalog/tool-name.ts';
import { connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { openSession } from '../gateway/raw-client.ts';
import { ask, bearer, names, startGuarded, statusOf } from './guarded-gateway.ts';

const naming = { separator: '__', exposedName };
let upstream: HttpUpstream;

beforeAll(async () => {
  upstream = await startUpstream({ kind: 'modern-http' });
});
afterAll(async () => await upstream.close());

test('a key is kept as a digest only, in files nobody else may read', async () => {
  await using folder = tempFolder();
  const { text, record } = await createKey(folder.path, { scopes: ['client'], title: 'ci' });
  expect(text).toMatch(/^mgw_[a-z0-9]+_[\w-]{43}$/);
  for (const name of ['keys.json', 'secrets/keys-pepper', 'secrets/operator-key']) {
    const path = join(folder.path, name);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).not.toContain(text.slice(-43));
  }
  expect(record.id).toBe(/^mgw_([a-z0-9]+)_/.exec(text)?.[1]);
});

test('what could not be read again is refused before it is written', async () => {
  await using folder = tempFolder();
  await createKey(folder.path, { scopes: ['client'] });
  const before = await readFile(join(folder.path, 'keys.json'), 'utf8');
  const odd: Parameters<typeof createKey>[1][] = [
    { scopes: ['client'], title: 'x'.repeat(201) },
    { scopes: ['client'], rate: { perMinute: 2e9 } },
    { scopes: ['client'], tools: { deny: Array<string>(257).fill('a') } },
    { scopes: ['client'], resources: { allow: [''] } },
  ];
  for (const one of odd) {
    await expect(createKey(folder.path, one)).rejects.toMatchObject({ code: 'KEY_INVALID' });
  }
  expect(await readFile(join(folder.path, 'keys.json'), 'utf8')).toBe(before);
});

test('S4: a service does not open because its keys cannot be looked at', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'not-a-folder');
  await writeFile(path, '');
  const auth = { settings: {}, stateFolder: join(path, 'mcp'), watch: false };
  await expect(startGateway([], {}, { auth })).rejects.toThrow(
    /ENOTDIR|cannot be read|not-a-folder/,
  );
  await symlink(join(folder.path, 'nowhere'), join(folder.path, 'keys.json'));
  const linked = { ...auth, stateFolder: folder.path };
  await expect(startGateway([], {}, { auth: linked })).rejects.toMatchObject({
    code: 'KEYS_UNREADABLE',
  });
});

test('find() knows good secrets, and no others: unknown, cut, swapped, expired, revoked', async () => {
  await using folder = tempFolder();
  const one = await createKey(folder.path, { scopes: [] });
  const two = await createKey(folder.path, { scopes: [] });
  const ended = await createKey(folder.path, { scopes: [], expiresAt: '2020-01-01T00:00:00Z' });
  const gone = await createKey(folder.path, { scopes: [] });
  await revokeKey(folder.path, gone.record.id);
  const pepper = await ensureSecret(folder.path, 'keys-pepper');
  const store = createKeyStore((await readKeys(folder.path)) ?? [], pepper, naming);
  const now = Date.now();
  expect(store.find(one.text, now)?.principal.id).toBe(`key:${one.record.id}`);
  const swapped = `mgw_${one.record.id}_${two.text.slice(-43)}`;
  const texts = ['', 'mgw_', one.text.slice(0, -1), `${one.text}x`, swapped, ended.text, gone.text];
  expect(texts.map((text) => store.find(text, now))).toEqual(texts.map(() => undefined));
  const other = createKeyStore((await readKeys(folder.path)) ?? [], Buffer.alloc(32), naming);
  expect(other.find(one.text, now), 'digests are worth nothing without the pepper').toBeUndefined();
  expect(store.count(now)).toBe(2);
});

test('rotateKey() keeps the old secret for the grace time, and the principal for ever', async () => {
  await using folder = tempFolder();
  const { text: old, record } = await createKey(folder.path, { scopes: ['client'] });
  const { text: next } = await rotateKey(folder.path, record.id, 60_000);
  const pepper = await ensureSecret(folder.path, 'keys-pepper');
  const store = createKeyStore((await readKeys(folder.path)) ?? [], pepper, naming);
  const [soon, late] = [Date.now() + 30_000, Date.now() + 90_000];
  expect(store.find(old, soon)?.principal.id).toBe(store.find(next, soon)?.principal.id);
  expect([store.find(old, late) === undefined, store.find(next, late) === undefined]).toEqual([
    true,
    false,
  ]);
  const { record: at } = await rotateKey(folder.path, record.id, 0);
  expect(at.secrets.length).toBe(1);
  await revokeKey(folder.path, record.id);
  await expect(rotateKey(folder.path, record.id, 0)).rejects.toThrow(/revoked/);
  await expect(revokeKey(folder.path, 'none')).rejects.toThrow(/no key "none"/);
});

test('keys made at the same time are all kept', async () => {
  await using folder = tempFolder();
  const made = await Promise.all(
    Array.from({ length: 12 }, async () => await createKey(folder.path, { scopes: [] })),
  );
  const kept = (await readKeys(folder.path)) ?? [];
  expect(kept.map(({ id }) => id).toSorted()).toEqual(
    made.map(({ record }) => record.id).toSorted(),
  );
});

test('parseKeys() refuses a file in which a rule is misspelt, as it would not apply', () => {
  const key = { id: 'abcd', scopes: [], createdAt: '2026-01-01T00:00:00Z', secrets: [] };
  const parse = (more: object) =>
    parseKeys(JSON.stringify({ version: 1, keys: [{ ...key, ...more }] }), 'f');
  expect(parse({}).length).toBe(1);
  expect(() => parse({ tool: { deny: ['x'] } })).toThrow(/^f: keys\.0: /);
  expect(() => parse({ tools: { denied: ['x'] } })).toThrow(/keys\.0\.tools/);
  expect(() => parse({ tools: { deny: ['x'.repeat(257)] } })).toThrow(/deny/);
  expect(() => parseKeys('{', 'f')).toThrow(/f is not JSON/);
  const twice = JSON.stringify({ version: 1, keys: [key, key] });
  expect(() => parseKeys(twice, 'f')).toThrow(/twice/);
});

test('a service takes over new, changed and revoked keys while it runs, and keeps the last good ones', async () => {
  const { gateway, keys } = await startGuarded([connectorFor(upstream, 'm')], { keys: [{}] });
  await using _ = gateway;
  const [first = ''] = keys;
  const second = await gateway.key({ tools: { allow: ['m__echo'] } });
  await waitUntil(async () => (await statusOf(gateway.url(), second)) !== 401, {
    describe: 'the new key',
  });
  expect(await names(gateway.url(), second)).toEqual(['m__echo']);
  const path = join(gateway.folder, 'keys.json');
  const good = await readFile(path, 'utf8');
  await writeFile(path, '{ broken');
  const authStatus = () => gateway.service.status()['auth'] as { problem?: string };
  await waitUntil(() => authStatus().problem !== undefined, { describe: 'the problem is shown' });
  expect(await statusOf(gateway.url(), first), 'the last good keys stay').toBe(405);
  expect(await statusOf(gateway.url())).toBe(401);
  await writeFile(path, good);
  await waitUntil(() => authStatus().problem === undefined, { describe: 'the file is good again' });
  await chmod(path, 0o644);
  await waitUntil(() => /chmod 600/.test(authStatus().problem ?? ''), {
    describe: 'the mode is seen',
  });
  await chmod(path, 0o600);
  const id = /^mgw_([a-z0-9]+)_/.exec(first)?.[1] ?? '';
  await revokeKey(gateway.folder, id);
  await waitUntil(async () => (await statusOf(gateway.url(), first)) === 401, {
    describe: 'it is out',
  });
});

test('what a revoked key has open is cut', async () => {
  const { gateway, keys } = await startGuarded([connectorFor(upstream, 'm')], {
    keys: [{}, {}],
    settings: { sse: true },
  });
  await using _ = gateway;
  const open = async (key: string): Promise<IncomingMessage> => {
    const [response] = (await once(
      httpGet(`${gateway.origin}/sse`, { headers: bearer(key) }),
      'response',
    )) as [IncomingMessage];
    return response.resume();
  };
  const [first = '', second = ''] = keys;
  const [out, stays] = [await open(first), await open(second)];
  out.on('error', () => undefined);
  stays.on('error', () => undefined);
  await revokeKey(gateway.folder, /^mgw_([a-z0-9]+)_/.exec(first)?.[1] ?? '');
  await waitUntil(() => out.destroyed, { describe: 'its stream is cut' });
  expect(stays.destroyed).toBe(false);
  stays.destroy();
});

test('what a key has open when it expires is cut', async () => {
  await using folder = tempFolder();
  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  const { text } = await createKey(folder.path, { scopes: ['client'], expiresAt });
  const auth = { settings: {}, stateFolder: folder.path, watch: false, checkExpiryMs: 50 };
  await using gateway = await startGateway([], { sse: true }, { auth });
  const [response] = (await once(
    httpGet(`${gateway.origin}/sse`, { headers: bearer(text) }),
    'response',
  )) as [IncomingMessage];
  response.resume().on('error', () => undefined);
  expect(response.statusCode).toBe(200);
  await waitUntil(() => response.destroyed, { describe: 'its stream is cut' });
  expect(await statusOf(gateway.url(), text)).toBe(401);
});

test('the first key closes a service that was open, live', async () => {
  const { gateway } = await startGuarded([connectorFor(upstream, 'm')]);
  await using _ = gateway;
  expect((await ask(gateway.url(), undefined, 'tools/list')).status).toBe(200);
  const session = await openSession(gateway.url());
  expect((await session.send('ping')).status).toBe(200);
  const key = await gateway.key();
  await waitUntil(async () => (await statusOf(gateway.url())) === 401, {
    timeoutMs: 15_000,
    describe: 'it is closed',
  });
  expect((await session.send('ping')).status).toBe(401);
  expect((await ask(gateway.url(), key, 'tools/list')).status).toBe(200);
});

test('a service does not start with keys that others may read or that are damaged', async () => {
  await using folder = tempFolder();
  await createKey(folder.path, { scopes: [] });
  const auth = { settings: {}, stateFolder: folder.path, watch: false };
  const path = join(folder.path, 'keys.json');
  await chmod(path, 0o640);
  await expect(startGateway([], {}, { auth })).rejects.toThrow(/chmod 600/);
  await chmod(path, 0o600);
  await writeFile(path, '{"version":2}');
  await expect(startGateway([], {}, { auth })).rejects.toThrow(/keys\.json: version/);
});

test('when a key was used last is written now and then, never for the sake of a request', async () => {
  await using folder = tempFolder();
  const used = createUsedKeys({
    stateFolder: folder.path,
    onError: (error) => expect.fail(String(error)),
  });
  used.note('abcd', Date.parse('2026-02-01T10:00:00Z'));
  expect((await readUsedKeys(folder.path)).size).toBe(0);
  await used.flush();
  used.note('abcd', Date.parse('2026-01-01T10:00:00Z'));
  used.note('efgh', Date.parse('2026-03-01T10:00:00Z'));
  await used.close();
  expect([...(await readUsedKeys(folder.path))]).toEqual([
    ['abcd', '2026-02-01T10:00:00.000Z'],
    ['efgh', '2026-03-01T10:00:00.000Z'],
  ]);
  await writeFile(join(folder.path, 'keys-used.json'), 'damaged', { mode: 0o600 });
  expect((await readUsedKeys(folder.path)).size).toBe(0);
});
