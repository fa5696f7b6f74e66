import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeHeaderValue } from '../../src/protocol/revision.ts';
import { headerProblem } from '../../src/upstream/streamable-http/http-wire.ts';
import {
  modernBody,
  modernHeaders,
  openSession,
  send,
  sendModern,
  type RawSession,
} from '../gateway/raw-client.ts';
import { expectNoStall, servers, startAttacked, type AttackedGateway } from './attacked-gateway.ts';
import { rawTool, startHostile, type HostileServer } from './hostile-server.ts';

// Spec 2026-07-28, basic/transports, x-mcp-header. Annotations one by one: protocol/param-header.test.ts.

const annotated = (name: string, annotation: unknown, type: unknown = 'string'): string =>
  rawTool(name, {
    inputSchema: { type: 'object', properties: { v: { type, 'x-mcp-header': annotation } } },
  });

let server: HostileServer;
let gateway: AttackedGateway;
let session: RawSession;

/** Headers that nobody may configure, and values that would end one. */
const CONFIGURED: readonly (readonly [string, string])[] = [
  ['Host', 'evil.test'],
  ['content-length', '0'],
  ['Transfer-Encoding', 'chunked'],
  ['Connection', 'upgrade'],
  ['Mcp-Session-Id', 'x'],
  ['MCP-Protocol-Version', '1'],
  ['Mcp-Param-X', 'x'],
  ['te', 'trailers'],
  ['x-crlf', 'a\r\nx-injected: yes'],
  ['x-lf', 'a\nx-injected: yes'],
  ['x-nul', 'a\0b'],
  ['x-latin', 'z\u00fcrich'],
  ['x-del', 'a\u007f'],
];
/** Names that are none: the file cannot be used. */
const NO_NAMES = ['x y', 'x\r\ny', 'x:', ''];

beforeAll(async () => {
  server = await startHostile({
    tools: [
      annotated('good', 'Region'),
      annotated('number', 'Count', 'integer'),
      annotated('crlf', 'a\r\nx-injected: yes'),
      annotated('colon', 'a:b'),
      annotated('space', 'a b'),
      annotated('empty', ''),
      annotated('nul', 'a\0'),
      annotated('latin', 'r\u00e9gion'),
      annotated('float', 'F', 'number'),
      annotated('object', 'O', 'object'),
      annotated('list', ['A']),
      rawTool('twice', {
        inputSchema: {
          type: 'object',
          properties: {
            a: { type: 'string', 'x-mcp-header': 'Same' },
            b: { type: 'string', 'x-mcp-header': 'sAME' },
          },
        },
      }),
      rawTool('hidden', {
        inputSchema: {
          type: 'object',
          allOf: [{ properties: { v: { type: 'string', 'x-mcp-header': 'H' } } }],
        },
      }),
      `{"name":"escaped","inputSchema":{"type":"object","properties":{"v":{"type":"string","x-mcp-heade\\u0072":"a\\r\\nb"}}}}`,
    ],
  });
  gateway = await startAttacked({ config: { mcpServers: servers({ s: server.url }) } });
  await waitUntil(async () => (await list()).includes('s__good'), { describe: 'the tools' });
  session = await openSession(gateway.url);
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function list(): Promise<string[]> {
  const { result } = (await sendModern(gateway.url, 'tools/list')).json() as {
    result: { tools: { name: string }[] };
  };
  return result.tools.map(({ name }) => name);
}

test('S15: a tool whose annotation could break a header is not offered (spec MUST)', async () => {
  expect(await list()).toEqual(['s__good', 's__number']);
});

/** What becomes of a gateway with such a header: it does not start, or that connector cannot be used. */
async function startWith(name: string, value: string): Promise<string> {
  const bad = { type: 'http', url: server.url, headers: { [name]: value } };
  try {
    await using one = await startAttacked({ config: { mcpServers: { bad } } });
    const { text } = await sendModern(one.url, 'tools/call', { name: 'bad__good', arguments: {} });
    return text;
  } catch (error) {
    return String(error);
  }
}

test('S15: headers that frame, name or belong to MCP cannot be configured, nor values that end one', async () => {
  const before = server.asked.length;
  for (const [name, value] of CONFIGURED) {
    // The same rule as the wire has.
    expect([name, headerProblem(name, value)]).toEqual([name, expect.any(String)]);
  }
  for (const name of NO_NAMES) expect(headerProblem(name, 'z')).toContain('not a token');
  const tried = [CONFIGURED[0], CONFIGURED[8], [NO_NAMES[1], 'z']] as const;
  const outcomes = await Promise.all(
    tried.map(async ([name = '', value = ''] = ['', '']) => await startWith(name, value)),
  );
  for (const outcome of outcomes) expect(outcome).toMatch(/"error"|ended early/);
  expect(server.asked.length).toBe(before);
});

/** Values and how their header must look: as they are, or wrapped. */
const VALUES: readonly (readonly [string, 'plain' | 'wrapped'])[] = [
  ['eu-west-1', 'plain'],
  ['with space inside', 'plain'],
  ['comma, and; semicolon=', 'plain'],
  [' leading', 'wrapped'],
  ['trailing ', 'wrapped'],
  ['', 'wrapped'],
  ['\t', 'wrapped'],
  ['a\r\nx-injected: yes', 'wrapped'],
  ['a\nx-injected: yes', 'wrapped'],
  ['a\r\n\r\nGET /evil HTTP/1.1\r\n', 'wrapped'],
  ['a\0b', 'wrapped'],
  ['a\u007fb', 'wrapped'],
  ['z\u00fcrich', 'wrapped'],
  ['\u6771\u4eac', 'wrapped'],
  ['\u{1f600}', 'wrapped'],
  ['a\u2028b', 'wrapped'],
  ['=?base64?aGk=?=', 'wrapped'],
  ['=?base64?not base64?=', 'wrapped'],
  ['=?BASE64?aGk=?=', 'wrapped'],
];

test.for(VALUES)(
  'S15: the argument %j is repeated in a header that says the same',
  async ([value, form]) => {
    const before = server.asked.length;
    const params = { name: 's__good', arguments: { v: value } };
    expect((await session.send('tools/call', params)).status).toBe(200);
    const arrived = server.asked.slice(before);
    expect(arrived).toHaveLength(1);
    const { headers = {}, body = '' } = arrived[0] ?? {};
    const header = String(headers['mcp-param-region']);
    expect(header).toMatch(form === 'plain' ? /^[\x20-\x7e]+$/ : /^=\?base64\?[A-Za-z0-9+/=]*\?=$/);
    expect(decodeHeaderValue(header)).toBe(value);
    expect(JSON.parse(body)).toMatchObject({ params: { name: 'good', arguments: { v: value } } });
    expect(headers['x-injected']).toBeUndefined();
    expect(headers['mcp-name']).toBe('good');
  },
);

test('S15: a header of a modern client that does not say what the argument says is refused', async () => {
  await gateway.probe();
  const lies: readonly (readonly [string | undefined, unknown])[] = [
    [undefined, 'eu'],
    ['us', 'eu'],
    ['', 'eu'],
    ['eu, us', 'eu'],
    ['EU', 'eu'],
    ['=?base64?dXM=?=', 'eu'],
    ['=?base64?ZXU?=', 'eu'],
    ['=?base64?!!!?=', 'eu'],
  ];
  const before = server.asked.length;
  for (const [header, v] of lies) {
    const headers = {
      ...modernHeaders('tools/call', 's__good'),
      ...(header !== undefined && { 'mcp-param-region': header }),
    };
    const body = modernBody('tools/call', { name: 's__good', arguments: { v } });
    const { status, text } = await send(gateway.url, { headers, body });
    expect([header, status, text]).toEqual([header, 400, expect.stringContaining('-32020')]);
  }
  expect(server.asked.length).toBe(before);
  await expectNoStall(gateway);
});

test('S15 control: one that writes the value into the header as it is injects another header', async () => {
  const seen: IncomingMessage['headers'][] = [];
  const naive = createServer((request, response) => {
    seen.push(request.headers);
    response.end();
  });
  await new Promise<void>((resolve) => naive.listen(0, '127.0.0.1', resolve));
  const socket = connect((naive.address() as AddressInfo).port, '127.0.0.1');
  const [value] = VALUES.find(([one]) => one.includes('x-injected')) ?? [''];
  socket.end(
    `GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\nmcp-param-region: ${value}\r\n\r\n`,
  );
  await waitUntil(() => seen.length > 0, { describe: 'the request' });
  expect(seen[0]).toMatchObject({ 'x-injected': 'yes', 'mcp-param-region': 'a' });
  naive.close();
});
