import { expect, test } from 'vitest';
import { checkRecord, officialMetaKey } from '../src/server-record.ts';
import {
  fromServerJson,
  parseServerJson,
  serverSchemaUrl,
  toServerInfo,
  toServerJson,
} from '../src/server-json.ts';
import { server } from './lib/records.ts';

function document(more: Record<string, unknown> = {}) {
  return { name: 'io.test/x', description: 'A server', version: '1.2.3', ...more };
}

function npm(more: Record<string, unknown> = {}) {
  return {
    registryType: 'npm',
    identifier: '@test/server',
    version: '1.2.3',
    transport: { type: 'stdio' },
    ...more,
  };
}

test('fromServerJson() keeps the document verbatim, unknown members too', () => {
  const json = document({ remotes: [], future: { a: 1 } });
  const record = fromServerJson(json, { status: 'active' });
  expect(record.server).toBe(json);
  expect(record['_meta']).toEqual({ [officialMetaKey]: { status: 'active' } });
  expect(checkRecord(record).kind).toBe('valid');
  expect(toServerJson(record)).toBe(json);
});

test('fromServerJson() reaches the first remote', () => {
  const remotes = [
    { type: 'sse', url: 'https://a.test/sse', headers: [{ name: 'X-Key', isSecret: true }] },
    { type: 'streamable-http', url: 'https://a.test/mcp' },
  ];
  expect(fromServerJson(document({ remotes, packages: [npm()] }))).toMatchObject({
    transport: 'sse',
    endpoint: 'https://a.test/sse',
    headers: { 'X-Key': '${X_KEY}' },
  });
});

test.each([
  ['npm', npm(), 'npx', ['-y', '@test/server@1.2.3']],
  ['pypi', npm({ registryType: 'pypi', identifier: 'srv' }), 'uvx', ['srv@1.2.3']],
  ['nuget', npm({ registryType: 'nuget', identifier: 'Srv' }), 'dnx', ['Srv@1.2.3']],
  ['a runtime hint', npm({ runtimeHint: 'bunx' }), 'bunx', ['-y', '@test/server@1.2.3']],
  ['no version', npm({ version: undefined }), 'npx', ['-y', '@test/server']],
])('fromServerJson() runs the first package: %s', (_kind, item, command, args) => {
  expect(fromServerJson(document({ packages: [item] }))).toMatchObject({
    transport: 'stdio',
    command,
    args,
  });
});

test('fromServerJson() hands environment and arguments over, secrets as references', () => {
  const item = npm({
    registryType: 'oci',
    identifier: 'docker.io/x/y:1',
    environmentVariables: [
      { name: 'TOKEN', isSecret: true },
      { name: 'MODE', value: 'fast' },
    ],
    runtimeArguments: [{ type: 'named', name: '--network', value: 'none' }],
    packageArguments: [{ type: 'positional', valueHint: 'dir', default: '/d' }],
  });
  expect(fromServerJson(document({ packages: [item] }))).toMatchObject({
    command: 'docker',
    args: [
      'run',
      '-i',
      '--rm',
      '--network',
      'none',
      '-e',
      'TOKEN',
      '-e',
      'MODE',
      'docker.io/x/y:1',
      '/d',
    ],
    env: { TOKEN: '${TOKEN}', MODE: 'fast' },
  });
});

test('fromServerJson() of a package that listens reaches its URL', () => {
  const item = npm({ transport: { type: 'streamable-http', url: 'http://127.0.0.1:9/mcp' } });
  expect(fromServerJson(document({ packages: [item] }))).toMatchObject({
    transport: 'streamableHttp',
    endpoint: 'http://127.0.0.1:9/mcp',
  });
});

test('fromServerJson() of an unknown package kind names no command', () => {
  for (const registryType of ['mcpb', 'constructor', '__proto__']) {
    const record = fromServerJson(document({ packages: [npm({ registryType })] }));
    expect([record.transport, record.command]).toEqual(['stdio', undefined]);
  }
});

test.each([
  ['a name without namespace', { name: 'x' }],
  ['a long description', { description: 'x'.repeat(101) }],
  ['version latest', { version: 'latest' }],
  ['a version range', { version: '^1.0.0' }],
  ['a wildcard', { version: '1.x' }],
  ['a remote without URL', { remotes: [{ type: 'sse' }] }],
])('parseServerJson() rejects %s', (_what, more) => {
  expect(() => parseServerJson(document(more))).toThrow(
    expect.objectContaining({ code: 'EINVALIDRECORD' }),
  );
});

test.each([
  server('plain', { env: { A: 'b' }, args: ['x'], custom: { deep: [1, null] } }),
  server('My Server!', { transport: 'ws', endpoint: 'ws://localhost' }),
  server('io.test/x', { transport: 'sse', endpoint: 'https://a.test', headers: { K: 'v' } }),
  server('☃', { command: undefined }),
])('a ServerInfo comes back unchanged from server.json: $name', (info) => {
  const json = toServerJson(info);
  expect(json['$schema']).toBe(serverSchemaUrl);
  expect(parseServerJson(json)).toBe(json);
  expect(toServerInfo(JSON.parse(JSON.stringify(json)))).toEqual(JSON.parse(JSON.stringify(info)));
});

test('toServerJson() shows remote endpoints to other clients', () => {
  const info = server('r', { transport: 'http', endpoint: 'https://a.test', headers: { K: 'v' } });
  expect(toServerJson(info).remotes).toEqual([
    {
      type: 'streamable-http',
      url: 'https://a.test',
      headers: [{ name: 'K', value: 'v', isSecret: true }],
    },
  ]);
});

test('toServerInfo() of a foreign document derives the fields', () => {
  const json = parseServerJson(document({ packages: [npm()] }));
  expect(toServerInfo(json)).toEqual({
    name: 'io.test/x',
    transport: 'stdio',
    command: 'npx',
    args: ['-y', '@test/server@1.2.3'],
  });
});
