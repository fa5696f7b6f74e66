import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { type LoadedConfig, loadConfig } from '../../src/config/config.ts';
import { Secret } from '../../src/connectors/secret.ts';
import { generateSignatureKey } from '../../src/connectors/map/signature-keys.ts';

async function load(
  folder: string,
  serviceMap: object | undefined,
  env: Record<string, string> = {},
): Promise<LoadedConfig> {
  await writeFile(join(folder, 'cortex-mcp.json'), JSON.stringify({ mcpServers: {}, serviceMap }));
  return await loadConfig({ flags: {}, env, cwd: folder, home: folder });
}

const KEY = { CONNECTORS_SIGNATURE_KEY: 'secret' };
const url = 'https://maps.example/map';

test('CONNECTORS_SERVICE_MAP_URL wins over the file, with the keys of the environment and the bearer of B4', async () => {
  await using folder = tempFolder();
  const env = {
    ...KEY,
    CONNECTORS_SIGNATURE_KEY_PREVIOUS: 'old',
    CONNECTORS_SERVICE_MAP_URL: `${url}?a=b`,
    MCP_API_KEY: 'mcp-of-sixteen-or-more',
    ASBR_API_KEY: 'asbr',
  };
  const { serviceMap } = await load(folder.path, { url: 'https://other.example' }, env);
  expect(serviceMap).toMatchObject({
    shown: url,
    origin: { kind: 'environment', variable: 'CONNECTORS_SERVICE_MAP_URL' },
  });
  expect(serviceMap?.keys.reveal().length).toBe(2);
  const source = serviceMap?.source;
  if (source?.kind !== 'url') throw new Error('not a URL');
  expect([source.url.reveal(), source.apiKey?.reveal()]).toEqual([`${url}?a=b`, 'asbr']);
  expect(JSON.stringify(serviceMap)).not.toMatch(/secret|asbr|a=b/);
});

test('MCP_API_KEY lets clients in here, and is never sent to the server of the map (S8)', async () => {
  await using folder = tempFolder();
  const env = { ...KEY, MCP_API_KEY: 'mcp-of-sixteen-or-more', CONNECTORS_SERVICE_MAP_URL: url };
  const { serviceMap, warnings } = await load(folder.path, undefined, env);
  const source = serviceMap?.source;
  if (source?.kind !== 'url') throw new Error('not a URL');
  expect(source.apiKey).toBeUndefined();
  expect(warnings.join()).not.toContain('MCP_API_KEY');
});

test('without a variable or a serviceMap there is no map', async () => {
  await using folder = tempFolder();
  expect(await load(folder.path, undefined, KEY)).toMatchObject({
    serviceMap: undefined,
    publishedMap: undefined,
  });
});

test('a map may be written into the configuration itself, and another map is another revision', async () => {
  await using folder = tempFolder();
  const inline = { generatedAt: '2026-01-01T00:00:00Z', ttlSeconds: 60, connectors: [] };
  const { serviceMap, mapRevision, publishedMap, warnings } = await load(
    folder.path,
    { inline },
    KEY,
  );
  expect(serviceMap?.source).toEqual({ kind: 'inline', map: inline });
  expect(serviceMap?.shown).toMatch(/^serviceMap\.inline in .*cortex-mcp\.json$/);
  expect([publishedMap, warnings]).toEqual([undefined, []]);
  const other = await load(folder.path, { inline: { ...inline, ttlSeconds: 61 } }, KEY);
  expect(other.mapRevision).not.toBe(mapRevision);
});

test('a file map needs no key, is published too, and paths count from the configuration', async () => {
  await using folder = tempFolder();
  const config = await load(folder.path, { file: 'map.json' }, KEY);
  const path = join(folder.path, 'map.json');
  expect(config.serviceMap?.source).toEqual({ kind: 'file', path });
  expect(config.publishedMap?.path).toBe(path);
  expect(config.publishedMap?.key?.reveal().alg).toBe('hmac-sha256');
  expect(config.warnings).toEqual([]);
});

test('keys are read from files: Ed25519 by publicKeyFiles, signingKeyFile and file: in the variable', async () => {
  await using folder = tempFolder();
  const pair = generateSignatureKey('ed25519');
  if (pair.alg !== 'ed25519') throw new Error('unreachable');
  await writeFile(join(folder.path, 'map.pem'), pair.privatePem);
  await writeFile(join(folder.path, 'map.pub'), pair.publicPem);
  const env = { CONNECTORS_SIGNATURE_KEY: `file:${join(folder.path, 'map.pem')}` };
  const given = { url, publicKeyFiles: ['map.pub'], publish: 'p.json', signingKeyFile: 'map.pem' };
  const config = await load(folder.path, given, env);
  expect(config.serviceMap?.keys.reveal().map(({ alg }) => alg)).toEqual(['ed25519', 'ed25519']);
  expect(config.publishedMap?.key?.reveal().alg).toBe('ed25519');
  const verifying = { ...given, signingKeyFile: undefined };
  const publicOnly = { CONNECTORS_SIGNATURE_KEY: `file:${join(folder.path, 'map.pub')}` };
  expect((await load(folder.path, verifying, publicOnly)).publishedMap?.key).toBeUndefined();
});

test('CONNECTORS_MANIFEST_PATH names the map to publish', async () => {
  await using folder = tempFolder();
  const config = await load(folder.path, undefined, { CONNECTORS_MANIFEST_PATH: '/srv/map.json' });
  expect(config.publishedMap).toEqual({ path: '/srv/map.json', key: undefined });
});

test('a URL without a key is warned about, and so are unknown keys, with the nearest known one', async () => {
  await using folder = tempFolder();
  const { warnings } = await load(folder.path, { url, allowHost: ['a'] });
  expect(warnings).toEqual([
    expect.stringMatching(/serviceMap\.allowHost: .*allowHosts/),
    expect.stringContaining('no map is taken without a key'),
  ]);
});

test.each([
  [{ url: 'ftp://x' }, {}, /serviceMap\.url: the map URL is no http or https URL/],
  [{ url: 'https://u:p@x' }, {}, /holds credentials; give them as ASBR_API_KEY/],
  [{ url, file: 'x' }, {}, /both a url and a file/],
  [{ url, publicKeyFiles: ['no.pem'] }, {}, /the key file cannot be read/],
  [{ url, maxStaleMs: -1 }, {}, /serviceMap\.maxStaleMs: must be a whole number/],
  [{}, { CONNECTORS_SERVICE_MAP_URL: 'nonsense' }, /^CONNECTORS_SERVICE_MAP_URL: /],
  [{ url }, { CONNECTORS_SIGNATURE_KEY: '-----BEGIN PUBLIC KEY-----\nx' }, /cannot be read as PEM/],
])('%o with %o is refused in one line', async (given, env, expected) => {
  await using folder = tempFolder();
  await expect(load(folder.path, given, env)).rejects.toThrow(expected);
});

test('the revisions change with what they stand for and with nothing else', async () => {
  await using folder = tempFolder();
  const one = await load(folder.path, { url }, KEY);
  const other = async (given: object, env: Record<string, string> = KEY): Promise<string> => {
    const { mapRevision, publishedMapRevision } = await load(folder.path, given, env);
    const followed = mapRevision === one.mapRevision ? '' : 'followed';
    const published = publishedMapRevision === one.publishedMapRevision ? '' : 'published';
    return followed + published;
  };
  expect(await other({ url })).toBe('');
  expect(await other({ url, sharedKeyFor: ['a'] })).toBe('followed');
  expect(await other({ url: `${url}/2` })).toBe('followed');
  expect(await other({ url }, { ...KEY, CONNECTORS_SIGNATURE_KEY_PREVIOUS: 'old' })).toBe(
    'followed',
  );
  expect(await other({ url, publish: 'map.json' })).toBe('published');
  expect(one.mapRevision).not.toContain('secret');
});

test('the revision of the followed map changes when a key file does', async () => {
  await using folder = tempFolder();
  const write = async (): Promise<string> => {
    const pair = generateSignatureKey('ed25519');
    if (pair.alg !== 'ed25519') throw new Error('unreachable');
    await writeFile(join(folder.path, 'map.pub'), pair.publicPem);
    return (await load(folder.path, { url, publicKeyFiles: ['map.pub'] })).mapRevision;
  };
  expect(await write()).not.toBe(await write());
});

test('a map may refer to no variables unless they are named', async () => {
  await using folder = tempFolder();
  expect((await load(folder.path, { url }, KEY)).serviceMap?.allowVariables).toEqual([]);
  const named = await load(folder.path, { url, allowVariables: ['TOKEN'] }, KEY);
  expect(named.serviceMap?.allowVariables).toEqual(['TOKEN']);
});

test('Secret shows nothing in JSON, text or inspection', () => {
  const secret = new Secret('hidden');
  expect([JSON.stringify(secret), String(secret), inspect({ secret })].join()).not.toContain(
    'hidden',
  );
  expect(secret.reveal()).toBe('hidden');
});
