import { expect, test } from 'vitest';
import { createSharedAgents } from '../../src/upstream/streamable-http/agent.ts';
import {
  createHttpWire,
  headerProblem,
  addParamHeaders,
  type HttpWire,
} from '../../src/upstream/streamable-http/http-wire.ts';
import { CLIENT, SIGNAL, definitionFor, open } from './http-fixture.ts';

const agents = createSharedAgents();

function make(changes: Parameters<typeof definitionFor>[1], url: string = 'http://h/'): HttpWire {
  return createHttpWire(definitionFor(url, changes), { agents, clientInfo: CLIENT });
}

function authorization(headers: readonly string[]): string | undefined {
  return headers[headers.indexOf('authorization') + 1];
}

test.for([
  ['Host', 'a'],
  ['content-length', '1'],
  ['Content-Type', 'a'],
  ['ACCEPT', 'a'],
  ['Accept-Encoding', 'gzip'],
  ['Transfer-Encoding', 'chunked'],
  ['Connection', 'close'],
  ['Mcp-Method', 'a'],
  ['mcp-session-id', 'a'],
  ['MCP-Protocol-Version', 'a'],
  ['bad name', 'a'],
  ['', 'a'],
  ['x', 'a\r\nb: c'],
  ['x', 'é'],
  ['x', 'a\u0000'],
  ['x', 'a\tb'],
] as const)('headerProblem() refuses %j: %j (S15)', async ([name, value]) => {
  expect(headerProblem(name, value)).toBeDefined();
  await using opened = open(
    definitionFor('http://127.0.0.1:1/mcp', { headers: { [name]: value } }),
  );
  expect(opened.upstream.phase).toBe('config');
  await expect(opened.upstream.connect(SIGNAL)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    phase: 'config',
    connectorId: 'alpha',
  });
});

test('headerProblem() lets credentials and own headers through', () => {
  expect(headerProblem('Authorization', 'Bearer ~!@')).toBeUndefined();
  expect(headerProblem('x-api-key', '')).toBeUndefined();
});

test('createHttpWire() sends credentials of the URL as Basic, unless a header says otherwise', () => {
  const url = 'http://us%40er:p%C3%A9@host.example/a/b?q=1';
  const wire = createHttpWire(definitionFor(url), { agents, clientInfo: CLIENT });
  expect(wire).toMatchObject({ origin: 'http://host.example', path: '/a/b?q=1' });
  expect(authorization(wire.headers)).toBe(`Basic ${Buffer.from('us@er:pé').toString('base64')}`);
  const headers = { Authorization: 'Bearer x', 'User-Agent': 'me' };
  const given = createHttpWire(definitionFor(url, { headers }), { agents, clientInfo: CLIENT });
  expect(authorization(given.headers)).toBe('Bearer x');
  expect(given.headers.filter((name) => name === 'user-agent')).toHaveLength(1);
});

test('createHttpWire() names what is wrong with a definition', () => {
  const stdio = { kind: 'stdio', command: 'x', args: [], env: {}, cwd: undefined } as const;
  expect(() => make({ transport: stdio })).toThrow('no HTTP transport');
  expect(() => make({ transport: undefined, problem: '${TOKEN} is not set' })).toThrow('${TOKEN}');
  expect(() => make({}, 'ftp://h/')).toThrow('ftp:');
  expect(() => make({}, 'nonsense')).toThrow('Invalid URL');
});

test('addParamHeaders() passes on Mcp-Param headers that are safe, and no others', () => {
  const headers = {
    'Mcp-Param-A': 'x',
    'mcp-param-b c': 'x',
    'mcp-param-d': 'é',
    authorization: 'x',
  };
  const list = ['a', 'b'];
  addParamHeaders(list, headers);
  expect(list).toEqual(['a', 'b', 'mcp-param-a', 'x']);
});
