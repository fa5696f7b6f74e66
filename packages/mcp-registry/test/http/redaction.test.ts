import { expect, test } from 'vitest';
import { server } from '../lib/records.ts';
import { document, namesOf, openApi, pathTo } from './lib/open-api.ts';

const secret = 's3cr3t-value';

/** A record with a secret in every place one can be in. */
function leaky() {
  const publisher = {
    'io.modelcontextprotocol.registry/publisher-provided': {
      apiKey: secret,
      'dev.cortex-os.registry/server-info': {
        name: 'io.test/a',
        transport: 'stdio',
        command: 'private-command',
      },
    },
  };
  return {
    name: 'io.test/a',
    transport: 'stdio' as const,
    command: 'private-command',
    args: ['--token', secret],
    env: { A: secret },
    headers: { B: secret },
    endpoint: `https://user:${secret}@private.test/`,
    connector: { command: 'private-command' },
    _meta: { 'dev.private/notes': secret },
    server: document('io.test/a', '1.0.0', {
      description: `see https://e.test/?key=${secret}`,
      websiteUrl: `https://e.test/?token=${secret}`,
      packages: [
        {
          registryType: 'npm',
          identifier: 'x',
          transport: { type: 'stdio' },
          environmentVariables: [
            { name: 'PLAIN', value: secret },
            { name: 'KEEP', value: '${KEEP}' },
          ],
          packageArguments: [{ type: 'named', name: '--password', value: secret }],
        },
      ],
      remotes: [
        { type: 'sse', url: 'https://e.test/sse', headers: [{ name: 'X', value: secret }] },
      ],
      _meta: publisher,
    }),
  };
}

test('secrets and what is the operator’s own never leave, on any route (B7.24)', async () => {
  const { cache, call } = await openApi({ includeLocal: true });
  await cache.upsert(leaky());
  for (const path of [
    '/servers',
    pathTo('io.test/a'),
    pathTo('io.test/a', '1.0.0'),
    '/servers?updated_since=2020-01-01T00:00:00Z',
  ]) {
    const { status, text } = await call(path);
    expect(status).toBe(200);
    expect(text).toContain('${KEEP}');
    for (const hidden of [secret, 'private', 'server-info', 'connector'])
      expect(text).not.toContain(hidden);
  }
});

test('search does not find what is hidden', async () => {
  const { cache, list } = await openApi();
  await cache.upsert(leaky());
  expect(namesOf(await list('?search=e.test'))).toHaveLength(1);
  expect(namesOf(await list(`?search=${secret}`))).toEqual([]);
});

test('a text that hiding makes longer than the schema allows is cut', async () => {
  const { cache, item } = await openApi();
  const description = `${'d'.repeat(80)} https://e.test/?a=b`;
  await cache.upsert({
    name: 'io.test/a',
    transport: 'stdio',
    server: document('io.test/a', '1.0.0', { description }),
  });
  const shown = await item(pathTo('io.test/a', '1.0.0'));
  expect(shown.server['description']).toHaveLength(100);
});

test('entries without server.json stay private unless asked for', async () => {
  const { cache, list, api } = await openApi();
  await cache.upsert(
    server('mine', { transport: 'streamableHttp', endpoint: 'https://example.test/mcp' }),
  );
  expect(namesOf(await list())).toEqual([]);
  expect(api.counts()).toEqual({ listed: 0, leftOut: 1 });
});

test('with includeLocal, local entries show what they are but not how they are run', async () => {
  const { cache, list, call, api } = await openApi({ includeLocal: true });
  await cache.upsertMany([
    server('My Tool', {
      args: ['private'],
      env: { A: secret },
      description: 'Mine',
      version: '1.2.0',
    }),
    server('web', {
      transport: 'streamableHttp',
      command: 'private',
      endpoint: `https://e.test/mcp?key=${secret}`,
      headers: { A: secret },
    }),
    server('odd', { transport: 'http', endpoint: 'ftp://e.test' }),
    server('bad-version', { version: 'latest' }),
  ]);
  const body = await list();
  expect(namesOf(body)).toEqual(['local/My-Tool@1.2.0', 'local/web@0.0.0']);
  expect(body.servers[1]?.server['remotes']).toEqual([
    {
      type: 'streamable-http',
      url: 'https://e.test/mcp?key=***',
      headers: [{ name: 'A', value: '***', isSecret: true }],
    },
  ]);
  const text = JSON.stringify(body);
  for (const hidden of [secret, 'private', '"run"']) expect(text).not.toContain(hidden);
  expect((await call(pathTo('local/web'))).status).toBe(200);
  expect(api.counts()).toEqual({ listed: 2, leftOut: 2 });
  await cache.remove('web');
  expect((await call(pathTo('local/web'))).status).toBe(404);
});

test('a published server takes its name back from a local entry', async () => {
  const { cache, item, list } = await openApi({ includeLocal: true });
  await cache.upsert(server('x', { description: 'local one' }));
  const own = document('local/x', '0.0.0');
  await list();
  await cache.upsert({ name: 'local/x', transport: 'stdio', server: own });
  await cache.upsert(server('x', { description: 'changed' }));
  expect((await item(pathTo('local/x', '0.0.0'))).server['description']).toBe(own.description);
  expect(namesOf(await list())).toEqual(['local/x@0.0.0']);
});
