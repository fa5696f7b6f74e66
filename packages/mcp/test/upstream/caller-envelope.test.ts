import { expect, test } from 'vitest';
import type { Caller } from '../../src/upstream/upstream.ts';
import {
  definitionFor,
  json,
  modernAnswer,
  open,
  run,
  startWire,
  toolCall,
} from './http-fixture.ts';
import { ask, call, listen, open as openStdio } from './fixtures-stdio/rig.ts';

const ENVELOPE = [
  { key: 'io.modelcontextprotocol/protocolVersion', text: '"2026-07-28"' },
  { key: 'io.modelcontextprotocol/clientInfo', text: '{"name":"desktop","version":"1.0"}' },
  { key: 'io.modelcontextprotocol/clientCapabilities', text: '{"elicitation":{"form":{}}}' },
  { key: 'io.modelcontextprotocol/logLevel', text: '"debug"' },
];
const CALLER: Caller = { id: 'a', capabilities: {}, envelope: ENVELOPE };
const META = [
  { key: 'io.modelcontextprotocol/clientInfo', text: '{"name":"forged","version":"0"}' },
  { key: 'traceparent', text: '"00-1-2-01"' },
];
const EXPECTED = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'desktop', version: '1.0' },
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
  'io.modelcontextprotocol/logLevel': 'debug',
  traceparent: '00-1-2-01',
};

test('a legacy client is known to a modern HTTP server by its own envelope', async () => {
  await using wire = await startWire(
    modernAnswer((seen, response) => {
      json(response, { jsonrpc: '2.0', id: seen.message['id'], result: {} });
    }),
  );
  await using opened = open(definitionFor(wire.url));
  await run(opened.upstream, toolCall('legacy', { caller: CALLER, meta: META }));
  const { params } = wire.seen.at(-1)?.message ?? {};
  expect(Object(params)['_meta']).toEqual(EXPECTED);
  expect(wire.seen.at(-1)?.headers['mcp-protocol-version']).toBe('2026-07-28');
});

test('a legacy client is known to a modern process by its own envelope', async () => {
  const { upstream } = openStdio(['--era=modern']);
  const heard = listen();
  upstream.forward(call({ do: 'echo' }, { caller: CALLER, meta: META }), heard.sink);
  const [, text] = await heard.outcome;
  expect(JSON.parse(String(text))['_meta']).toEqual(EXPECTED);
  const own = await ask(upstream, { do: 'echo' });
  expect(Object(own['_meta'])['io.modelcontextprotocol/clientInfo']).toEqual({
    name: 'test',
    version: '0',
  });
});
