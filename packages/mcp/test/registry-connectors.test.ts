import { expect, test } from 'vitest';
import type { ServerRecord } from '@cortex-os/mcp-registry';
import { originOfRecord } from '../src/config/registry-entries.ts';
import type { ConnectorDefinition } from '../src/connectors/connector.ts';
import {
  connectorsOfRegistry,
  type RegistryConnectors,
} from '../src/service/registry/registry-connectors.ts';

const policy = {
  stateFolder: '/state',
  trust: { allowedHosts: ['inside.example:8080'], allowedCommands: [], allowedVariables: ['OK'] },
  sharedKeyFor: [],
  env: { SET: 'set', TRAP: '${file:/etc/hostname}' },
  home: '/home/me',
};

const stdio = (name: string, more: object = {}): ServerRecord => ({
  name,
  transport: 'stdio',
  command: 'run',
  connector: {},
  ...more,
});
const http = (name: string, more: object = {}): ServerRecord => ({
  name,
  transport: 'streamableHttp',
  endpoint: 'https://h.example/mcp',
  connector: {},
  ...more,
});
const read = async (...records: ServerRecord[]): Promise<RegistryConnectors> =>
  await connectorsOfRegistry(records, policy);
const only = async (record: ServerRecord): Promise<ConnectorDefinition> => {
  const [definition] = (await read(record)).definitions;
  if (definition === undefined) throw new Error('no connector');
  return definition;
};
const problem = async (record: ServerRecord): Promise<string | undefined> =>
  (await only(record)).problem;

test('connectorsOfRegistry() takes records with a connector member only, in order of id', async () => {
  const { definitions, warnings } = await read(
    stdio('z'),
    stdio('My Server'),
    { name: 'data', transport: 'stdio', command: 'rm' },
    stdio('odd', { connector: true }),
  );
  expect(definitions.map(({ id, title }) => [id, title])).toEqual([
    ['my-server', 'My Server'],
    ['z', 'z'],
  ]);
  expect(warnings).toEqual([]);
});

test('connectorsOfRegistry() lets local records run commands with any environment', async () => {
  const definition = await only(
    stdio('a', {
      origin: 'local',
      args: ['x'],
      env: { NODE_OPTIONS: '--inspect', KEY: 'file:secrets/a.key' },
      cwd: '/work',
      description: 'd',
      tags: ['t'],
      connector: { era: 'modern', timeouts: { idleMs: 5 } },
    }),
  );
  expect(definition).toMatchObject({
    id: 'a',
    origin: 'local',
    enabled: true,
    era: 'modern',
    problem: undefined,
    description: 'd',
    tags: ['t'],
    timeouts: { idleTimeoutMs: 5 },
    transport: {
      kind: 'stdio',
      command: 'run',
      args: ['x'],
      env: { NODE_OPTIONS: '--inspect' },
      lateEnv: { KEY: '${file:/state/secrets/a.key}' },
      cwd: '/work',
    },
  });
});

test('connectorsOfRegistry() reads references to secrets in headers, whole, after a scheme or embedded', async () => {
  const headers = {
    A: 'file:secrets/a',
    Authorization: 'Bearer file:secrets/b',
    C: 'x-${file:secrets/c}-y',
    D: 'plain',
  };
  const definition = await only(http('a', { origin: 'local', headers }));
  expect(definition?.transport).toEqual({
    kind: 'http',
    url: 'https://h.example/mcp',
    headers: { D: 'plain' },
    lateHeaders: {
      A: '${file:/state/secrets/a}',
      Authorization: 'Bearer ${file:/state/secrets/b}',
      C: 'x-${file:/state/secrets/c}-y',
    },
  });
});

test.each([
  ['a command', stdio('a', { origin: 'remote' }), /COMMAND_NOT_ALLOWED/],
  [
    'a command of a published entry without an origin',
    stdio('x/y', { server: { name: 'x/y', version: '1', description: '' } }),
    /COMMAND_NOT_ALLOWED/,
  ],
  ['http', http('a', { origin: 'remote', endpoint: 'http://h.example/' }), /ENDPOINT_NOT_HTTPS/],
  ['loopback', http('a', { origin: 'remote', endpoint: 'https://127.0.0.1/' }), /ENDPOINT_PRIVATE/],
  [
    'a secret of the operator',
    http('a', { origin: 'remote', headers: { X: 'file:secrets/a' } }),
    /REFERENCE_NOT_ALLOWED/,
  ],
  [
    'a variable that is not named',
    http('a', { origin: 'remote', headers: { X: '${AWS_SECRET_ACCESS_KEY}' } }),
    /REFERENCE_NOT_ALLOWED/,
  ],
  ['ws', http('a', { transport: 'ws' }), /"ws" is not supported/],
  ['stdio without a command', stdio('a', { command: undefined }), /has no command/],
  ['no URL', http('a', { endpoint: 'nonsense' }), /"nonsense" is not a URL/],
])(
  'connectorsOfRegistry() makes an unavailable connector of a record with %s',
  async (_what, record, text) => {
    expect(await problem(record)).toMatch(text);
  },
);

test('connectorsOfRegistry() lets remote records reach https, allowed hosts and named variables', async () => {
  expect(await problem(http('a', { origin: 'remote', headers: { X: '${OK}' } }))).toBeUndefined();
  const endpoint = 'http://inside.example:8080/mcp';
  expect(await problem(http('a', { origin: 'remote', endpoint }))).toBeUndefined();
});

test('connectorsOfRegistry() keeps the older HTTP+SSE apart, and takes the choices of the operator', async () => {
  const connector = { isolation: 'session', idleStopMs: 5_000, era: 'nonsense' };
  const definition = await only(http('a', { transport: 'sse', connector }));
  expect(definition).toMatchObject({
    transport: { kind: 'sse', url: 'https://h.example/mcp' },
    isolation: 'session',
    idleStopMs: 5_000,
    era: 'auto',
  });
});

test('connectorsOfRegistry() shows a disabled record as a disabled connector', async () => {
  const definition = await only(stdio('a', { enabled: false }));
  expect(definition).toMatchObject({ enabled: false, transport: undefined });
});

test('connectorsOfRegistry() gives each id once: the asked one wins, slugs get a number, twins are named', async () => {
  const { definitions, warnings } = await read(
    stdio('My Server'),
    stdio('my server'),
    stdio('other', { connector: { id: 'my-server' } }),
    stdio('twin', { connector: { id: 'my-server' } }),
  );
  expect(definitions.map(({ id, title }) => [id, title])).toEqual([
    ['my-server-2', 'My Server'],
    ['my-server-3', 'my server'],
    ['my-server', 'other'],
  ]);
  expect(warnings).toEqual(['twin is not used: another entry has the connector id my-server']);
});

test('connectorsOfRegistry() is bounded', async () => {
  const many = Array.from({ length: 10_001 }, (_, i) => stdio(`s${i}`));
  const { definitions, warnings } = await connectorsOfRegistry(many, policy);
  expect(definitions).toHaveLength(10_000);
  expect(warnings).toEqual(['10001 connectors are more than 10000; the rest is not used']);
});

test('originOfRecord() trusts what says local, and nothing that was published', () => {
  expect(originOfRecord(stdio('a'))).toBe('local');
  expect(originOfRecord(stdio('a', { origin: 'remote' }))).toBe('remote');
  const server = { name: 'x/y', version: '1', description: '' };
  expect(originOfRecord(stdio('x/y', { server }))).toBe('remote');
  expect(originOfRecord(stdio('x/y', { server, origin: 'local' }))).toBe('local');
});

test('connectorsOfRegistry() reads local records as a configuration file, remote ones as a remote map', async () => {
  const local = await only(stdio('a', { args: ['${SET}', '${file:secrets/k}', '${TRAP}'] }));
  expect(local.transport).toMatchObject({
    args: ['set', '${file:/state/secrets/k}', '${file:/etc/hostname}'],
    lateArgs: [1],
  });
  expect(await problem(stdio('a', { args: ['${UNSET}'] }))).toMatch(/\$\{UNSET\} has no value/);
  const endpoint = 'https://h.example/${file:secrets/k}';
  expect((await only(http('a', { endpoint }))).transport).toMatchObject({
    url: 'https://h.example/***',
    lateUrl: 'https://h.example/${file:/state/secrets/k}',
  });
  expect(await problem(http('a', { endpoint, origin: 'remote' }))).toMatch(/ENDPOINT_UNRESOLVED/);
  const odd = stdio('a', { origin: 'remote', args: ['x'], env: { NODE_OPTIONS: 'x' }, cwd: '/w' });
  expect(await problem(odd)).toMatch(/COMMAND_NOT_ALLOWED.*ENVIRONMENT_NOT_ALLOWED/);
  expect((await only(http('a', { origin: 'remote', transport: 'sse' }))).transport?.kind).toBe(
    'sse',
  );
});

test('connectorsOfRegistry() takes quotas, and says what is not valid in what the operator chose', async () => {
  const connector = { quotas: { perMinute: 3 } };
  for (const origin of ['local', 'remote'] as const) {
    expect(await only(http('a', { connector, origin }))).toMatchObject({
      quotas: { perMinute: 3 },
      problem: undefined,
    });
    const wrong = { connector: { timeouts: { idleMs: 'soon' } }, origin };
    expect(await problem(http('a', wrong))).toMatch(
      /^the entry of the registry is not valid: timeouts/,
    );
  }
});

test('connectorsOfRegistry() holds the event loop for no longer than a slice at a time (contract.md, event loop)', async () => {
  const many = Array.from({ length: 5_000 }, (_, i) => stdio(`s${i}`, { env: { A: '${SET}' } }));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 0);
  const { definitions } = await connectorsOfRegistry(many, policy);
  clearInterval(timer);
  expect(definitions).toHaveLength(5_000);
  expect(turns).toBeGreaterThan(2);
});
