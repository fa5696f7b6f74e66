import { expect, test } from 'vitest';
import { DEFAULT_TIMEOUTS } from '../../src/connectors/connector.ts';
import {
  definitionOfEntry,
  definitionsOfMap,
  type MapPolicy,
} from '../../src/connectors/map/map-definition.ts';
import {
  parseServiceMapEntry,
  type ServiceMapEntry,
} from '../../src/connectors/map/service-map-schema.ts';
import { entry, inline, mapWith } from './service-map-fixture.ts';

const POLICY: MapPolicy = { trust: {}, sharedKeyFor: ['shared'], env: { HOST: 'one.example' } };

function parsed(fields: object, id = 'one'): ServiceMapEntry {
  const result = parseServiceMapEntry(entry(id, fields));
  if (result.kind === 'invalid') throw new Error(result.problems.join());
  return result.value;
}

const remote = (fields: object, id?: string) =>
  definitionOfEntry(parsed(fields, id), 'remote', POLICY);
const local = (fields: object) => definitionOfEntry(parsed(fields), 'local', POLICY);

test('definitionOfEntry() keeps what the map says of a connector', () => {
  const definition = remote({
    displayName: 'One',
    description: 'The first.',
    tags: ['a'],
    scopes: ['read'],
    ttlSeconds: 60,
    quotas: { perMinute: 5, other: 1 },
    remoteTools: [{ name: 'echo', more: true }],
  });
  expect(definition).toEqual({
    id: 'one',
    title: 'One',
    origin: 'remote',
    enabled: true,
    era: 'auto',
    transport: { kind: 'http', url: 'https://one.example/mcp', headers: {} },
    timeouts: DEFAULT_TIMEOUTS,
    quotas: { perMinute: 5, perHour: undefined, perDay: undefined, concurrent: undefined },
    maxTtlMs: 60_000,
    description: 'The first.',
    tags: ['a', 'scope:read'],
    remoteTools: ['echo'],
    problem: undefined,
  });
});

test.each(['shared', 'session'] as const)(
  'definitionOfEntry() takes isolation %s from a map (contract.md, isolation)',
  (isolation) => {
    expect(remote({ isolation })).toMatchObject({ isolation, problem: undefined });
    expect(local({ isolation })).toMatchObject({ isolation, problem: undefined });
  },
);

test('definitionOfEntry() takes trusted from a signed map, as it is (T2)', () => {
  for (const trusted of [true, false]) expect(remote({ trusted })).toMatchObject({ trusted });
  expect(remote({})).not.toHaveProperty('trusted');
});

test('definitionOfEntry() takes no memory from a map, nor from one whose command is allowed (trust by origin)', () => {
  const memory = { tier: 'light', allocator: 'jemalloc' };
  const fields = { endpoint: undefined, command: 'node', args: ['x.js'], memory };
  const policy = { ...POLICY, trust: { allowedCommands: [['node', 'x.js']] } };
  const allowed = definitionOfEntry(parsed(fields), 'remote', policy);
  expect(allowed).toMatchObject({ transport: { command: 'node' }, problem: undefined });
  expect(allowed).not.toHaveProperty('memory');
  expect(local(fields)).not.toHaveProperty('memory');
});

test('an isolation of another name makes its connector unavailable, and shares nothing', () => {
  expect(parseServiceMapEntry(entry('one', { isolation: 'user' }))).toMatchObject({
    kind: 'invalid',
    problems: [expect.stringMatching(/^isolation: /)],
  });
});

test.each([
  [{ type: 'none' }, undefined],
  [{ type: 'bearer', credential: '${KEY}' }, { Authorization: 'Bearer ${KEY}' }],
  [{ type: 'apiKey', credential: '${KEY}' }, { Authorization: 'Bearer ${KEY}' }],
  [
    { type: 'apiKey', headerName: 'authorization', credential: '${KEY}' },
    { authorization: 'Bearer ${KEY}' },
  ],
  [{ type: 'apiKey', headerName: 'X-Key', credential: '${env:KEY}' }, { 'X-Key': '${env:KEY}' }],
])('auth %o becomes its header, as B4 has it', (auth, lateHeaders) => {
  expect(remote({ auth }).transport).toMatchObject({
    headers: {},
    ...(lateHeaders && { lateHeaders }),
  });
});

test.each([
  [{ type: 'bearer' }, 'no credential'],
  [{ type: 'bearer', credential: 'the-key-itself' }, 'must be a reference'],
  [{ type: 'apiKey', queryParam: 'key', credential: '${KEY}' }, 'query parameter is not supported'],
  [{ type: 'bearer', credential: 'file:/run/key' }, 'REFERENCE_NOT_ALLOWED'],
  [
    { type: 'bearer', credential: '${MCP_API_KEY}' },
    "REFERENCE_NOT_ALLOWED: ${MCP_API_KEY} is not a map's to read",
  ],
])('B7.13 auth %o leaves the connector without transport: %s', (auth, problem) => {
  const definition = remote({ auth });
  expect(definition.transport).toBeUndefined();
  expect(definition.problem).toContain(problem);
});

test('auth takes the place of a header of the same name; without a credential that header stands', () => {
  const headers = { authorization: 'Bearer fixed' };
  expect(
    remote({ headers, auth: { type: 'bearer', credential: '${KEY}' } }).transport,
  ).toMatchObject({
    headers: {},
    lateHeaders: { Authorization: 'Bearer ${KEY}' },
  });
  expect(remote({ headers, auth: { type: 'bearer' } }).transport).toMatchObject({ headers });
});

test('the shared key goes to connectors named in sharedKeyFor only', () => {
  const auth = { type: 'bearer' };
  expect(remote({ auth }, 'shared').transport).toMatchObject({
    lateHeaders: { Authorization: 'Bearer ${CONNECTORS_API_KEY}' },
  });
  expect(remote({ auth }, 'other').problem).toContain('no credential');
});

test('a local map may use files, placeholders in endpoints, commands and plain http', () => {
  const auth = { type: 'bearer', credential: 'file:/run/key' };
  expect(local({ auth, endpoint: 'http://${HOST}/mcp' }).transport).toEqual({
    kind: 'http',
    url: 'http://one.example/mcp',
    headers: {},
    lateHeaders: { Authorization: 'Bearer ${file:/run/key}' },
  });
  expect(local({ endpoint: 'http://${NOBODY}/mcp' }).problem).toContain('${NOBODY}');
  expect(local({ endpoint: '${HOST}' }).problem).toContain('no http or https URL');
  const command = {
    endpoint: undefined,
    command: 'node',
    args: ['x.js'],
    env: { A: '1', B: '${B}' },
  };
  expect(local(command).transport).toEqual({
    kind: 'stdio',
    command: 'node',
    args: ['x.js'],
    env: { A: '1' },
    lateEnv: { B: '${B}' },
    cwd: undefined,
  });
  expect(local({ ...command, args: ['${SECRET}'] }).problem).toContain(
    'references belong into env',
  );
});

test('timeouts are read by either name and bounded; requestMs bounds lists and calls', () => {
  expect(
    remote({ timeouts: { connectMs: 5, requestMs: 1_000, maxCallMs: 9_000 } }).timeouts,
  ).toEqual({
    connectTimeoutMs: 5,
    handshakeTimeoutMs: 1_000,
    listTimeoutMs: 1_000,
    idleTimeoutMs: 1_000,
    maxCallMs: 9_000,
  });
  expect(remote({ timeouts: { requestMs: 0, idleTimeoutMs: 1e12 } }).timeouts).toEqual(
    DEFAULT_TIMEOUTS,
  );
});

test('a disabled entry is kept as disabled, whatever it holds', () => {
  const definition = remote({ enabled: false, endpoint: undefined });
  expect(definition).toMatchObject({ enabled: false, transport: undefined, problem: undefined });
});

test('definitionsOfMap() keeps an invalid entry with an id as unavailable, and drops one without', async () => {
  const connectors = [
    entry('good'),
    entry('bad', { endpoint: 'ftp://x' }),
    { nothing: true },
    entry('BAD'),
  ];
  const map = await inline(mapWith({ connectors }));
  const definitions = definitionsOfMap(map, POLICY);
  expect(definitions.map(({ id, problem }) => [id, problem !== undefined])).toEqual([
    ['good', false],
    ['bad', true],
  ]);
});
