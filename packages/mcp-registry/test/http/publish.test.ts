import { expect, test } from 'vitest';
import { recordLimits } from '../../src/server-record.ts';
import { openOnDisk } from '../lib/open-cache.ts';
import { published } from '../lib/records.ts';
import {
  document,
  manualClock,
  official,
  openApi,
  pathTo,
  type ServerItem,
} from './lib/open-api.ts';

const name = 'io.test/a';
const commands = {
  packages: [
    {
      registryType: 'npm',
      identifier: 'evil',
      version: '1.0.0',
      transport: { type: 'stdio' },
      environmentVariables: [{ name: 'NODE_OPTIONS', value: '--require=/tmp/x' }],
    },
  ],
  remotes: [{ type: 'sse', url: 'https://example.test/sse' }],
  connector: { command: 'sh' },
  enabled: true,
  command: 'sh',
};

test('POST /publish stores a version and answers like GET, once it is durable', async () => {
  const clock = manualClock();
  const { disk, call, item } = await openApi({ now: clock.now });
  const answer = await call('/publish', { json: document(name) });
  expect(answer.status).toBe(200);
  expect(official(answer.body as ServerItem)).toEqual({
    status: 'active',
    statusChangedAt: '2026-03-01T00:00:00.000Z',
    publishedAt: '2026-03-01T00:00:00.000Z',
    updatedAt: '2026-03-01T00:00:00.000Z',
    isLatest: true,
  });
  expect(await item(pathTo(name, '1.0.0'))).toEqual(answer.body);
  const { cache } = await openOnDisk(disk.reboot('nothing'));
  expect(cache.get(name, '1.0.0')?.server).toEqual(document(name));
});

test('what comes by HTTP is stored as remote data without anything of ours that could be run', async () => {
  const { cache, call } = await openApi();
  const info = { name, transport: 'stdio', command: 'sh', env: { LD_PRELOAD: '/tmp/x' } };
  const meta = {
    'io.modelcontextprotocol.registry/publisher-provided': {
      tool: 'cli',
      'dev.cortex-os.registry/server-info': info,
    },
    'io.modelcontextprotocol.registry/official': { status: 'active' },
  };
  const written = [
    await call('/publish', { json: document(name, '1.0.0', { ...commands, _meta: meta }) }),
    await call(pathTo(name, '1.0.0'), {
      method: 'PUT',
      json: document(name, '1.0.0', { ...commands, title: 'New', _meta: meta }),
    }),
  ];
  expect(written.map(({ status }) => status)).toEqual([200, 200]);
  const record = cache.get(name, '1.0.0');
  expect(Object.keys(record ?? {}).toSorted()).toEqual([
    '_meta',
    'name',
    'origin',
    'server',
    'transport',
  ]);
  expect(record).toMatchObject({ origin: 'remote', transport: 'sse' });
  expect(record?.server?.['_meta']).toEqual({
    'io.modelcontextprotocol.registry/publisher-provided': { tool: 'cli' },
  });
});

test('PUT over a local entry leaves nothing of it that could be run', async () => {
  const { cache, call } = await openApi();
  await cache.upsert(published(name, '1.0.0', { command: 'mine', enabled: true, connector: {} }));
  await call(pathTo(name, '1.0.0'), { method: 'PUT', json: document(name) });
  expect(cache.get(name, '1.0.0')).not.toHaveProperty('enabled');
  expect(cache.get(name, '1.0.0')).not.toHaveProperty('connector');
  expect(cache.get(name, '1.0.0')).toMatchObject({ origin: 'remote' });
});

test('writes need the key: 501 without one configured, 401 for a wrong one', async () => {
  const writes = [
    ['POST', '/publish'],
    ['PUT', pathTo(name, '1.0.0')],
    ['DELETE', pathTo(name, '1.0.0')],
    ['PATCH', `${pathTo(name, '1.0.0')}/status`],
    ['PATCH', '/servers/io.test%2Fa/status'],
  ] as const;
  const closed = await openApi({ apiKey: undefined });
  const open = await openApi();
  for (const [method, path] of writes) {
    const refused = await closed.call(path, { method, json: document(name) });
    expect([refused.status, refused.body]).toMatchObject([501, { code: 'READ_ONLY' }]);
    for (const authorization of [
      '',
      'Bearer',
      'Bearer wrong',
      'Basic a-key-for-tests-only',
      'a-key-for-tests-only',
    ]) {
      const answer = await open.call(path, {
        method,
        json: document(name),
        headers: { authorization },
      });
      expect([authorization, answer.status]).toEqual([authorization, 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  }
  expect(open.cache.size).toBe(0);
});

test('versions are immutable: publishing one again is refused with 409', async () => {
  const { call, cache } = await openApi();
  await cache.upsert(
    published('io.test/odd', '1.0.0', {
      server: { name: 'io.test/odd', version: '1.0.0', description: '' },
    }),
  );
  await call('/publish', { json: document(name) });
  for (const again of [
    document(name),
    document(name, '1.0.0', { title: 'Other' }),
    document('io.test/odd'),
  ])
    expect((await call('/publish', { json: again })).body).toMatchObject({
      status: 409,
      code: 'VERSION_EXISTS',
    });
});

test.each([
  ['the version latest', { version: 'latest' }],
  ['a caret range', { version: '^1.0.0' }],
  ['a wildcard', { version: '1.x' }],
  ['a long version', { version: '1'.repeat(256) }],
  ['a name without a slash', { name: 'simple' }],
  ['a name with two slashes', { name: 'a/b/c' }],
  ['a long description', { description: 'x'.repeat(101) }],
  ['an empty description', { description: '' }],
  [
    'a range as package version',
    {
      packages: [
        { registryType: 'npm', identifier: 'x', version: '>=1', transport: { type: 'stdio' } },
      ],
    },
  ],
  ['a package without transport', { packages: [{ registryType: 'npm', identifier: 'x' }] }],
  ['a remote of another scheme', { remotes: [{ type: 'sse', url: 'file:///etc/passwd' }] }],
  [
    'a positional argument without value',
    {
      packages: [
        {
          registryType: 'npm',
          identifier: 'x',
          transport: { type: 'stdio' },
          packageArguments: [{ type: 'positional' }],
        },
      ],
    },
  ],
  [
    'an mcpb package without hash',
    { packages: [{ registryType: 'mcpb', identifier: 'x', transport: { type: 'stdio' } }] },
  ],
  ['a website that is no URI', { websiteUrl: 'not a uri' }],
  ['an icon of another type', { icons: [{ src: 'https://e.test/i', mimeType: 'text/html' }] }],
  [
    'too much publisher data',
    { _meta: { 'io.modelcontextprotocol.registry/publisher-provided': { x: 'y'.repeat(4_096) } } },
  ],
])('publishing %s is refused with 422', async (_what, more) => {
  const { call, cache } = await openApi();
  const answer = await call('/publish', { json: document(name, '1.0.0', more) });
  expect(answer.body).toMatchObject({ status: 422, code: 'INVALID_SERVER' });
  expect(cache.size).toBe(0);
});

test.each([
  ['no JSON', '{"name":', 400],
  ['a byte order mark', '\uFEFF{}', 400],
  [
    'a member twice',
    '{"name":"io.test/a","n\\u0061me":"io.test/b","version":"1.0.0","description":"x"}',
    400,
  ],
  ['a nested member twice', '{"_meta":{"a":[{"b":1,"b":2}]}}', 400],
  ['__proto__', '{"__proto__":{"name":"x"}}', 400],
  ['deep nesting', '['.repeat(65), 400],
  ['an array', '[]', 422],
  ['a body over the limit', JSON.stringify({ x: 'y'.repeat(recordLimits.maxBytes) }), 413],
])('a body that is %s is refused', async (_what, json, status) => {
  const { call } = await openApi();
  expect((await call('/publish', { json })).status).toBe(status);
});

test('a body of another type or encoding, or that is not UTF-8, is refused', async () => {
  const { call, base } = await openApi();
  const json = document(name);
  for (const headers of [{ 'content-type': 'text/plain' }, { 'content-encoding': 'gzip' }])
    expect((await call('/publish', { json, headers })).status).toBe(415);
  const response = await fetch(`${base}/v0.1/publish`, {
    method: 'POST',
    body: Buffer.from([0x7b, 0xff, 0x7d]),
    headers: { authorization: 'Bearer a-key-for-tests-only', 'content-type': 'application/json' },
  });
  expect(response.status).toBe(400);
});

test('a body sent without a length stops at the limit', async () => {
  const { base } = await openApi();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      sent += 65_536;
      if (sent > 2 * recordLimits.maxBytes) controller.close();
      else controller.enqueue(new Uint8Array(65_536).fill(0x20));
    },
  });
  const response = await fetch(`${base}/v0.1/publish`, {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { authorization: 'Bearer a-key-for-tests-only', 'content-type': 'application/json' },
  });
  expect(response.status).toBe(413);
});
