import { waitUntil } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { send, modernBody, modernHeaders, openSession, sendModern } from '../gateway/raw-client.ts';
import { MAX_STALL_MS, startAttacked, type AttackedGateway } from './attacked-gateway.ts';
import { rawTool, startHostile, type HostileServer } from './hostile-server.ts';

const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
const POLLUTE =
  '"__proto__":{"polluted":"yes","isAdmin":true},"constructor":{"prototype":{"polluted":"yes"}}';

let server: HostileServer;
let gateway: AttackedGateway;

beforeAll(async () => {
  server = await startHostile({
    tools: KEYS.map((name) => rawTool(name)).concat(
      `{"name":"t",${POLLUTE},"inputSchema":{"type":"object","properties":{${POLLUTE},"__proto__":{"type":"string","x-mcp-header":"X"}}}}`,
    ),
    prompts: KEYS.map((name) => JSON.stringify({ name })),
    resources: KEYS.map((name) => JSON.stringify({ uri: name, name })),
  });
  server.serverInfo = `{"name":"x","version":"1",${POLLUTE}}`;
  server.intercept = ({ method }, id, response) => {
    if (method !== 'tools/call') return false;
    const result = `{"content":[],${POLLUTE},"_meta":{${POLLUTE}},"resultType":"complete"}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`);
    return true;
  };
  // Written by hand: an object literal would set the prototype instead.
  const names = [...KEYS, 's'].map(
    (id) => `${JSON.stringify(id)}:{"type":"http","url":"${server.url}"}`,
  );
  const config = `{"registry":{"enabled":true,"tools":true},${POLLUTE},"mcpServers":{${names.join()}}}`;
  gateway = await startAttacked({
    config: {},
    configText: config,
    // Whoever reads or writes the accessor ends the process.
    nodeArgs: ['--disable-proto=throw'],
  });
  await waitUntil(
    async () => (await sendModern(gateway.url, 'tools/list')).text.includes('s__t"'),
    { timeoutMs: 15_000, describe: 'the tools' },
  );
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Nothing was added to the prototypes of the process. */
async function expectClean(): Promise<void> {
  const { prototypeKeys, polluted } = await gateway.probe();
  expect([prototypeKeys, polluted]).toEqual([[], false]);
}

test('S14: connectors, tools, prompts and resources with these names are like any other', async () => {
  const { text } = await sendModern(gateway.url, 'tools/list');
  for (const name of KEYS) expect(text).toContain(`"s__${name}"`);
  for (const name of KEYS) {
    const answer = await sendModern(gateway.url, 'tools/call', {
      name: `s__${name}`,
      arguments: {},
    });
    expect([name, answer.status]).toEqual([name, 200]);
    expect(server.asked.at(-1)?.name).toBe(name);
    await sendModern(gateway.url, 'prompts/get', { name: `s__${name}` });
    await sendModern(gateway.url, 'resources/read', { uri: name });
  }
  const { connectors } = (await (await fetch(`${gateway.origin}/status`)).json()) as {
    connectors: { id: string; title: string }[];
  };
  expect(connectors.map(({ title }) => title)).toEqual(expect.arrayContaining(KEYS));
  await expectClean();
});

test('S14: names of the prototype are nobody’s connector, tool, session, path or method', async () => {
  for (const name of [...KEYS, '__defineGetter__', '__lookupSetter__']) {
    const call = await sendModern(gateway.url, 'tools/call', { name, arguments: {} });
    expect([name, call.text]).toEqual([name, expect.stringContaining('"error"')]);
    expect((await sendModern(gateway.url, name)).text).toContain('-32601');
    const path = await send(`${gateway.origin}/${name}`, { method: 'GET' });
    expect([name, path.status]).toEqual([name, 404]);
    const headers = { 'mcp-session-id': name };
    const session = await send(gateway.url, {
      headers,
      body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
    });
    expect([name, session.status]).toEqual([name, 404]);
  }
  await expectClean();
});

test('S14: these keys in arguments, _meta, the envelope and the handshake pollute nothing and arrive as they are', async () => {
  const body = modernBody('tools/call', { name: 's__t', arguments: '@' })
    .replace('"@"', `{${POLLUTE}}`)
    .replace('"_meta":{', `"_meta":{${POLLUTE},`)
    .replace('{"jsonrpc"', `{${POLLUTE},"jsonrpc"`);
  const { status } = await send(gateway.url, {
    headers: modernHeaders('tools/call', 's__t'),
    body,
  });
  expect(status).toBe(200);
  expect(server.asked.at(-1)?.body).toContain(`"arguments":{${POLLUTE}}`);
  const session = await openSession(gateway.url);
  const params = JSON.parse(`{"name":"s__t","arguments":{${POLLUTE}}}`) as object;
  expect((await session.send('tools/call', params)).status).toBe(200);
  await send(gateway.url, {
    body: `{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{${POLLUTE}},"clientInfo":{"name":"x","version":"0",${POLLUTE}}}}`,
  });
  await expectClean();
});

test('S14: these keys in the registry, by its API and by its tools, pollute nothing', async () => {
  await waitUntil(
    async () => (await sendModern(gateway.url, 'tools/list')).text.includes('registry__register'),
    { timeoutMs: 15_000, describe: 'the tools of the registry' },
  );
  for (const name of KEYS) {
    const record = JSON.parse(
      `{"name":"${name}","transport":"stdio","command":"x",${POLLUTE}}`,
    ) as object;
    await sendModern(gateway.url, 'tools/call', {
      name: 'registry__register',
      arguments: { server: record },
    });
    await sendModern(gateway.url, 'tools/call', { name: 'registry__get', arguments: { name } });
    await send(`${gateway.origin}/v0.1/servers/${name}/versions`, { method: 'GET' });
    await send(`${gateway.origin}/v0.1/servers?search=${name}&${name}=1`, { method: 'GET' });
  }
  expect(gateway.alive()).toBe(true);
  await expectClean();
});

test('S14: nothing of this held the event loop', async () => {
  await gateway.probe();
  for (const name of KEYS) {
    await sendModern(gateway.url, 'tools/call', { name: `s__${name}`, arguments: {} });
  }
  const { heldMs } = await gateway.probe();
  expect(heldMs).toBeLessThan(MAX_STALL_MS);
});

/** As many merge what they are sent into what they have. */
function naiveMerge(target: Record<string, unknown>, source: object): void {
  for (const [key, value] of Object.entries(source)) {
    if (typeof value === 'object' && value !== null) {
      target[key] ??= {};
      naiveMerge(target[key] as Record<string, unknown>, value);
    } else {
      target[key] = value;
    }
  }
}

test('S14 control: a merge of the same text pollutes every object, and a plain object loses the entry', () => {
  try {
    naiveMerge({}, JSON.parse(`{${POLLUTE}}`) as object);
    expect(Reflect.get({}, 'polluted')).toBe('yes');
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted');
    Reflect.deleteProperty(Object.prototype, 'isAdmin');
  }
  const table: Record<string, unknown> = {};
  table['__proto__'] = { url: 'x' };
  expect(Object.keys(table)).toEqual([]);
});
