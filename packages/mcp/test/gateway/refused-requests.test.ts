import { startUpstream, type HttpUpstream, type StdioUpstream } from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectorFor, startGateway, type TestGateway } from '../e2e/gateway-fixture.ts';
import { modernBody, modernHeaders, openSession, send } from './raw-client.ts';

/** What must be refused with the specification's error and reach no server, of both eras and at both endpoints. */

let web: HttpUpstream;
let child: StdioUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  // Fresh to the end: for a name that nobody offers, connectors that are stale are asked again after 5 s.
  web = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  child = await startUpstream({ kind: 'legacy-stdio' });
  gateway = await startGateway([connectorFor(web, 'web'), connectorFor(child, 'child')]);
  await gateway.service.manager.sync();
  await gateway.service.settled();
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await web.close();
  await child.close();
});

const asked = (): unknown[] => [{ ...web.counts.byMethod }, { ...child.counts.byMethod }];

interface Refused {
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly code: number;
}

const call = (params: string): string =>
  `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{${params}}}`;
const OVERSIZE = `{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":"${'x'.repeat(4_200_000)}"}}`;
const DEEP = call(`"name":"echo","arguments":${'{"a":'.repeat(70)}1${'}'.repeat(70)}`);

/** In a session, or in none: judged before the era matters. */
const MALFORMED: Readonly<Record<string, Refused>> = {
  'no JSON': { body: '{nope', status: 400, code: -32_700 },
  'no object': { body: '5', status: 400, code: -32_600 },
  'another protocol': {
    body: '{"jsonrpc":"1.0","id":7,"method":"ping"}',
    status: 400,
    code: -32_600,
  },
  'no method': { body: '{"jsonrpc":"2.0","id":7}', status: 400, code: -32_600 },
  'a null id': { body: '{"jsonrpc":"2.0","id":null,"method":"ping"}', status: 400, code: -32_600 },
  'a fraction for an id': {
    body: '{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
    status: 400,
    code: -32_600,
  },
  // Neither JSON-RPC nor either official SDK takes it.
  'null params': {
    body: '{"jsonrpc":"2.0","id":7,"method":"ping","params":null}',
    status: 400,
    code: -32_600,
  },
  'params that are an array': {
    body: '{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}',
    status: 400,
    code: -32_600,
  },
  'a key twice': { body: call('"name":"echo","name":"slow"'), status: 400, code: -32_600 },
  'an id twice': {
    body: '{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}',
    status: 400,
    code: -32_600,
  },
  'a key in other letters': { body: call('"Name":"echo"'), status: 400, code: -32_600 },
  'too many levels': { body: DEEP, status: 400, code: -32_600 },
  'too many bytes': { body: OVERSIZE, status: 413, code: -32_600 },
  'another content type': {
    body: '{"jsonrpc":"2.0","id":7,"method":"ping"}',
    headers: { 'content-type': 'text/plain' },
    status: 415,
    code: -32_600,
  },
  'a method that is no text': {
    body: '{"jsonrpc":"2.0","id":7,"method":5}',
    status: 400,
    code: -32_600,
  },
};

const ECHO = { name: 'echo', arguments: { message: 'x' } };
const META = (key: string): string => `io.modelcontextprotocol/${key}`;
const headersFor = modernHeaders('tools/call', 'echo');

/** By headers and envelope (spec 2026-07-28, basic/transports, basic/index). */
const MISLABELLED: Readonly<Record<string, Refused>> = {
  'another method in the header': {
    body: modernBody('tools/call', ECHO),
    headers: { ...headersFor, 'mcp-method': 'tools/list' },
    status: 400,
    code: -32_020,
  },
  'another name in the header': {
    body: modernBody('tools/call', ECHO),
    headers: { ...headersFor, 'mcp-name': 'slow' },
    status: 400,
    code: -32_020,
  },
  'no name in the header': {
    body: modernBody('tools/call', ECHO),
    headers: modernHeaders('tools/call'),
    status: 400,
    code: -32_020,
  },
  'another revision in the header': {
    body: modernBody('tools/call', ECHO),
    headers: { ...headersFor, 'mcp-protocol-version': '2025-11-25' },
    status: 400,
    code: -32_020,
  },
  'a revision that nobody speaks': {
    body: modernBody('tools/call', ECHO, { [META('protocolVersion')]: '2099-01-01' }),
    headers: { ...headersFor, 'mcp-protocol-version': '2099-01-01' },
    status: 400,
    code: -32_022,
  },
  'no capabilities': {
    body: modernBody('tools/call', ECHO, { [META('clientCapabilities')]: undefined }),
    headers: headersFor,
    status: 400,
    code: -32_602,
  },
  'a method that is gone': {
    body: modernBody('tasks/list'),
    headers: modernHeaders('tasks/list'),
    status: 404,
    code: -32_601,
  },
  'a tool that nobody offers': {
    body: modernBody('tools/call', { name: 'web__nope' }),
    headers: modernHeaders('tools/call', 'web__nope'),
    status: 200,
    code: -32_602,
  },
  'a prompt that nobody offers': {
    body: modernBody('prompts/get', { name: 'web__nope' }),
    headers: modernHeaders('prompts/get', 'web__nope'),
    status: 200,
    code: -32_602,
  },
};

describe.each([undefined, 'web', 'child'])('at the endpoint of %s', (connectorId) => {
  test.each(Object.entries(MALFORMED))('%s is refused, and touches no server', async (_, given) => {
    const { id } = await openSession(gateway.url(connectorId));
    const before = asked();
    for (const session of [{}, { 'mcp-session-id': id }]) {
      const { body, headers, status, code } = given;
      const answer = await send(gateway.url(connectorId), {
        body,
        headers: { ...session, ...headers },
      });
      expect([answer.status, answer.json()]).toMatchObject([status, { error: { code } }]);
    }
    expect(asked()).toEqual(before);
  });

  test.each(Object.entries(MISLABELLED))(
    '%s is refused, and touches no server',
    async (_, given) => {
      const before = asked();
      const { body, headers, status, code } = given;
      const answer = await send(gateway.url(connectorId), { body, ...(headers && { headers }) });
      expect([answer.status, answer.json()]).toMatchObject([status, { error: { code } }]);
      expect(asked()).toEqual(before);
    },
  );

  test.each([
    ['tools/call', { name: 'nope' }, -32_602],
    ['prompts/get', { name: 'nope' }, -32_602],
    ['tools/call', {}, -32_602],
    ['no/such', {}, -32_601],
    ['tasks/list', {}, -32_601],
    ['server/discover', {}, -32_601],
    ['completion/complete', { ref: 5 }, -32_602],
    ['logging/setLevel', { level: 'info' }, -32_601],
    ['resources/subscribe', {}, -32_602],
    ['tools/list', { cursor: 'odd' }, -32_602],
  ] as const)(
    'in a session %s with %j is refused, and touches no server',
    async (method, params, code) => {
      const session = await openSession(gateway.url(connectorId));
      const before = asked();
      const answer = await session.send(method, params, 7);
      expect(answer.json()).toMatchObject({ id: 7, error: { code } });
      expect(asked()).toEqual(before);
    },
  );
});
