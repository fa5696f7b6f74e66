import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CliBench, cliBench } from './fake-io.ts';

const SECRET = { CONNECTORS_SIGNATURE_KEY: 'a shared secret' };

const MAP = {
  id: 'fleet',
  ttlSeconds: 300,
  connectors: [{ id: 'one', displayName: 'One', endpoint: 'https://one.example/mcp' }],
};

async function benchWithMap(
  env: Record<string, string> = {},
  fields: object = {},
): Promise<CliBench> {
  const bench = await cliBench({ env });
  await writeFile(join(bench.path, 'map.json'), JSON.stringify({ ...MAP, ...fields }));
  return bench;
}

/** Signs `map.json` into `signed.json`. */
async function sign(bench: CliBench, ...options: string[]): Promise<void> {
  expect(await bench.run('map', 'sign', 'map.json', ...options)).toBe(0);
  await writeFile(join(bench.path, 'signed.json'), bench.stdout.text);
  bench.stdout.text = '';
}

test('map sign prints the map with a signature and a date, and map verify accepts it', async () => {
  await using bench = await benchWithMap(SECRET);
  await sign(bench);
  const signed = JSON.parse(await readFile(join(bench.path, 'signed.json'), 'utf8')) as object;
  expect(signed).toMatchObject(MAP);
  expect(signed).toHaveProperty('generatedAt');
  expect(await bench.run('map', 'verify', 'signed.json')).toBe(0);
  expect(bench.stdout.text).toMatch(/^good: alg hmac-sha256, kid -, age .*, 1 connectors\n$/);
});

test('map verify names why a map is refused, exit code 1', async () => {
  await using bench = await benchWithMap(SECRET);
  await sign(bench);
  const path = join(bench.path, 'signed.json');
  await writeFile(path, (await readFile(path, 'utf8')).replace('one.example', 'two.example'));
  expect(await bench.run('map', 'verify', 'signed.json')).toBe(1);
  expect(bench.stderr.text).toContain('MAP_BAD_SIGNATURE');
  expect(await bench.run('map', 'verify', 'map.json', '--json')).toBe(1);
  expect(JSON.parse(bench.stdout.text)).toMatchObject({ error: { code: 'MAP_UNSIGNED' } });
});

test('map verify takes the previous key as well', async () => {
  await using bench = await benchWithMap(SECRET);
  await sign(bench);
  const env = {
    CONNECTORS_SIGNATURE_KEY: 'a new secret',
    CONNECTORS_SIGNATURE_KEY_PREVIOUS: SECRET.CONNECTORS_SIGNATURE_KEY,
  };
  await using rotated = await cliBench({ env, cwd: bench.path });
  expect(await rotated.run('map', 'verify', 'signed.json')).toBe(0);
});

test('map keygen --ed25519 writes a pair, 0600, that signs and verifies; the public key cannot sign', async () => {
  await using bench = await benchWithMap();
  expect(await bench.run('map', 'keygen', '--ed25519', 'key.pem')).toBe(0);
  expect(bench.stdout.text).toContain('public key: ');
  bench.stdout.text = '';
  for (const name of ['key.pem', 'key.pem.pub']) {
    expect((await stat(join(bench.path, name))).mode & 0o777).toBe(0o600);
  }
  await sign(bench, '--ed25519', '--key-file', 'key.pem', '--kid', 'k1');
  for (const name of ['key.pem', 'key.pem.pub']) {
    bench.stdout.text = '';
    expect(await bench.run('map', 'verify', 'signed.json', '--key-file', name, '--json')).toBe(0);
    expect(JSON.parse(bench.stdout.text)).toMatchObject({
      alg: 'ed25519',
      kid: 'k1',
      connectors: 1,
    });
  }
  expect(await bench.run('map', 'sign', 'map.json', '--key-file', 'key.pem.pub')).toBe(2);
  expect(bench.stderr.text).toContain('cannot be read as PEM');
  expect(await bench.run('map', 'keygen', '--ed25519', 'key.pem')).toBe(2);
  expect(bench.stderr.text).toContain('is there already');
});

test('map keygen prints a secret, or writes it to a file that map sign takes', async () => {
  await using bench = await benchWithMap();
  expect(await bench.run('map', 'keygen')).toBe(0);
  expect(bench.stdout.text).toMatch(/^[\w-]{43}\n$/);
  expect(await bench.run('map', 'keygen', 'keys/map.key')).toBe(0);
  bench.stdout.text = '';
  await sign(bench, '--key-file', 'keys/map.key');
  expect(await bench.run('map', 'verify', 'signed.json', '--key-file', 'keys/map.key')).toBe(0);
  expect(
    await bench.run('map', 'sign', 'map.json', '--ed25519', '--key-file', 'keys/map.key'),
  ).toBe(2);
  expect(bench.stderr.text).toContain('is no Ed25519 key');
});

test('map sign and map verify without a key, or with one that cannot be read, are one line and exit code 2', async () => {
  await using bench = await benchWithMap();
  expect(await bench.run('map', 'sign', 'map.json')).toBe(2);
  expect(await bench.run('map', 'verify', 'map.json')).toBe(2);
  expect(await bench.run('map', 'verify', 'map.json', '--key-file', 'no.key')).toBe(2);
  expect(bench.stderr.text.trim().split('\n')).toEqual([
    expect.stringContaining('there is no key'),
    expect.stringContaining('there is no key'),
    expect.stringContaining('cannot be read'),
  ]);
});

test('map sign refuses what nobody would take, and warns of a date gone by and of entries that cannot be used', async () => {
  await using bad = await benchWithMap(SECRET, { ttlSeconds: 0 });
  expect(await bad.run('map', 'sign', 'map.json')).toBe(1);
  const connectors = [...MAP.connectors, { id: 'Bad Id', endpoint: 'https://x.example' }];
  await using odd = await benchWithMap(SECRET, { connectors });
  await sign(odd);
  expect(odd.stderr.text).toContain('Bad Id cannot be used');
  await using old = await benchWithMap(SECRET, { generatedAt: '2020-01-01T00:00:00Z' });
  await sign(old);
  expect(old.stderr.text).toContain('set generatedAt to now');
  expect(await old.run('map', 'verify', 'signed.json')).toBe(1);
});

test('config show names the map and shows no key', async () => {
  const env = {
    CONNECTORS_SERVICE_MAP_URL: 'https://maps.example/map?token=hidden',
    CONNECTORS_SIGNATURE_KEY: 'hidden-secret',
    MCP_API_KEY: 'hidden-key-of-sixteen',
  };
  await using bench = await cliBench({ env });
  await bench.configure({
    one: { url: 'https://one.example', headers: { 'x-key': 'file:/run/hidden' } },
  });
  expect(await bench.run('config', 'show')).toBe(0);
  expect(bench.stdout.text).toMatch(
    /serviceMap +https:\/\/maps\.example\/map +CONNECTORS_SERVICE_MAP_URL/,
  );
  expect(bench.stdout.text).toContain('x-key: [redacted]');
  expect(await bench.run('config', 'show', '--json')).toBe(0);
  expect(bench.stdout.text).not.toContain('hidden');
});
