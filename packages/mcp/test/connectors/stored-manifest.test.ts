import { expect, test } from 'vitest';
import { decodeManifest, encodeManifest } from '../../src/connectors/cache/stored-manifest.ts';
import { textsOf, type Manifest } from '../../src/connectors/manifest.ts';
import { manifestDigest, manifestDigestAtOnce } from '../../src/connectors/manifest-digest.ts';
import { readItem, rereadItem, type ManifestItem } from '../../src/connectors/manifest-item.ts';

function tool(text: string): ManifestItem {
  const reading = readItem(text, 'tools', 64);
  if (reading.kind === 'refused') throw new Error(reading.why);
  return reading.item;
}

const TEXTS = [
  '{"name":"first","inputSchema":{"type":"object","properties":{"name":{"type":"string"}}}}',
  '{ "name" : "spaced" }',
  '{"title":"ü","name":"last"}',
  '{"name":"with \\"quotes\\"","x":1}',
];

async function manifestOf(texts: readonly string[]): Promise<Manifest> {
  const info = {
    era: 'modern',
    protocolVersion: '2026-07-28',
    capabilities: { tools: {} },
    serverInfo: { name: 's', version: '1' },
    instructions: 'Read me.',
  } as const;
  const lists = { tools: texts.map(tool), prompts: [], resources: [], resourceTemplates: [] };
  const hint = { ttlMs: 5_000, cacheScope: 'private' } as const;
  const digest = await manifestDigest({ head: [info, hint.cacheScope], texts: textsOf(lists) });
  return { info, lists, hint, digest, warnings: ['one was left out'] };
}

async function kept(texts: readonly string[] = TEXTS): Promise<string> {
  const manifest = await manifestOf(texts);
  return JSON.stringify(encodeManifest({ manifest, source: 'here', eraAtMs: 7 }));
}

test('decodeManifest() gives back what encodeManifest() kept, wherever the names stand (S4-19)', async () => {
  const manifest = await manifestOf(TEXTS);
  expect(decodeManifest(JSON.parse(await kept()))).toEqual({
    manifest,
    source: 'here',
    eraAtMs: 7,
  });
});

test('decodeManifest() gives back a manifest without the parts that may be missing', async () => {
  const { info, ...manifest } = await manifestOf([]);
  const bare = { ...info, serverInfo: undefined, instructions: undefined };
  const value = { manifest: { ...manifest, info: bare }, source: 'here' };
  expect(decodeManifest(JSON.parse(JSON.stringify(encodeManifest(value))))).toEqual(value);
});

test('manifestDigestAtOnce() is the digest that manifestDigest() gives, and follows every item', async () => {
  const { info, hint, lists, digest } = await manifestOf(TEXTS);
  const head = [info, hint.cacheScope] as const;
  const texts = textsOf(lists);
  expect(manifestDigestAtOnce({ head, texts })).toBe(digest);
  const fewer = { ...texts, tools: texts.tools.slice(1) };
  expect(manifestDigestAtOnce({ head, texts: fewer })).not.toBe(digest);
  expect(manifestDigestAtOnce({ head: [info, 'public'], texts })).not.toBe(digest);
});

test.each(TEXTS)('rereadItem() finds the name where readItem() did: %s', (text) => {
  expect(rereadItem(text, 'tools', 64)).toEqual(readItem(text, 'tools', 64));
});

test.each(['{"name":""}', '{"name":7}', '{}'])(
  'rereadItem() says of %s what readItem() says',
  (text) => {
    expect(rereadItem(text, 'tools', 64)).toEqual(readItem(text, 'tools', 64));
  },
);

test.each([
  ['a second name', '{"name":"a","name":"b"}', 'has "name" more than once'],
  ['an end that is lost', '{"name":"a","title":"b', 'JSON'],
  ['no name', '{"title":"b"}', 'has no "name"'],
])('decodeManifest() refuses an item that was changed to have %s (S11)', async (_, text, why) => {
  const value = JSON.parse(await kept()) as { manifest: { lists: { tools: string[] } } };
  value.manifest.lists.tools[0] = text;
  expect(() => decodeManifest(value)).toThrow(why);
});

test('decodeManifest() takes an item that was changed and is still a tool', async () => {
  const value = JSON.parse(await kept()) as { manifest: { lists: { tools: string[] } } };
  value.manifest.lists.tools = ['{"name":"edited"}'];
  expect(decodeManifest(value).manifest.lists.tools).toEqual([tool('{"name":"edited"}')]);
});

type Path = readonly [...string[], string];

test.each<[Path, unknown, string]>([
  [['source'], 1, 'source is no string'],
  [['eraAtMs'], 'soon', 'eraAtMs is no number'],
  [['manifest'], [], 'manifest is no object'],
  [['manifest', 'info'], 'x', 'info is no object'],
  [['manifest', 'info', 'era'], 'stone', 'era is not modern or legacy'],
  [['manifest', 'info', 'protocolVersion'], undefined, 'protocolVersion is no string'],
  [['manifest', 'info', 'capabilities'], null, 'capabilities is no object'],
  [['manifest', 'info', 'serverInfo'], 'x', 'serverInfo is no object'],
  [['manifest', 'info', 'instructions'], 1, 'instructions is no string'],
  [['manifest', 'hint', 'ttlMs'], '1', 'ttlMs is no number'],
  [['manifest', 'hint', 'ttlMs'], -1, 'ttlMs is negative'],
  [['manifest', 'hint', 'cacheScope'], 'all', 'cacheScope is not public or private'],
  [['manifest', 'lists', 'tools'], [{}], 'tools is no array of strings'],
  [['manifest', 'lists', 'prompts'], {}, 'prompts is no array of strings'],
  [['manifest', 'digest'], 1, 'digest is no string'],
  [['manifest', 'warnings'], [1], 'warnings is no array of strings'],
])('decodeManifest() says that %j must not be %j', async (path, wrong, message) => {
  const value: unknown = JSON.parse(await kept());
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => Reflect.get(Object(at), key), value);
  Reflect.set(Object(parent), path.at(-1) ?? '', wrong);
  expect(() => decodeManifest(value)).toThrow(new TypeError(message));
});

test('decodeManifest() refuses what is no object', () => {
  expect(() => decodeManifest('x')).toThrow('value is no object');
});
