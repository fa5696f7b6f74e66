import { startConformanceServer, startUpstream, tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { connectAskable, textOf } from '../e2e/asking-clients.ts';
import { startAskingServer } from '../e2e/asking-server.ts';
import { connector, connectorFor, startGateway } from '../e2e/gateway-fixture.ts';
import { ANONYMOUS } from '../../src/gateway/reply/anonymous.ts';
import type { RefusedCall } from '../../src/gateway/call/call-refusal.ts';
import { refuseUnknown } from '../../src/gateway/call/refuse-unknown.ts';
import {
  modernBody,
  modernHeaders,
  openSession,
  send,
  type RawAnswer,
} from '../gateway/raw-client.ts';
import { readAudit } from './read-audit.ts';

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';
const ASKABLE = { [CAPABILITIES]: { elicitation: { form: {}, url: {} } } };

interface Asked {
  readonly result: { readonly inputRequests: object; readonly requestState: string };
}

async function call(url: string, name: string, params: object = {}): Promise<RawAnswer> {
  return await send(url, {
    headers: modernHeaders('tools/call', name),
    body: modernBody('tools/call', { name, arguments: {}, ...params }, ASKABLE),
  });
}

const one = (index: number, name: string): object => ({
  jsonrpc: '2.0',
  id: index,
  method: 'tools/call',
  params: { name, arguments: { message: name } },
});

test('a parked call has one record, however often its client comes back; a used-up state is refused (S18)', async () => {
  await using folder = tempFolder();
  await using asking = await startAskingServer();
  {
    const audit = { stateFolder: folder.path };
    const server = connector('asking', { kind: 'http', url: asking.url, headers: {} });
    await using gateway = await startGateway([server], {}, { audit });
    await gateway.service.manager.sync();
    const url = gateway.url();
    let asked = ((await call(url, 'asking__two')).json() as Asked).result;
    const [first = '', second = ''] = Object.keys(asked.inputRequests);
    const answer = (key: string): object => ({
      inputResponses: { [key]: { action: 'accept', content: { reply: 'x' } } },
      requestState: asked.requestState,
    });
    asked = ((await call(url, 'asking__two', answer(first))).json() as Asked).result;
    const last = answer(second);
    expect((await call(url, 'asking__two', last)).text).toContain('"complete"');
    expect((await call(url, 'asking__two', last)).text).toContain('used before');
    // Its client never comes back: the gateway ends it.
    await call(url, 'asking__form', { arguments: { message: 'm' } });
  }
  const lines = await readAudit(folder.path);
  expect(lines.map(({ name, outcome, code }) => [name, outcome, code])).toEqual([
    ['asking__two', 'ok', undefined],
    ['asking__two', 'refused', -32_602],
    ['asking__form', expect.stringMatching(/failed|cancelled/), expect.anything()],
  ]);
}, 20_000);

test('a legacy client has one record for all rounds of a modern server; a modern one for each try, marked (S18)', async () => {
  await using folder = tempFolder();
  const modern = await startConformanceServer({ eras: 'modern' });
  {
    const audit = { stateFolder: folder.path };
    const server = connector('modern', { kind: 'http', url: modern.url, headers: {} });
    await using gateway = await startGateway([server], {}, { audit });
    await gateway.service.manager.sync();
    for (const mode of ['v1 legacy', 'v2 modern'] as const) {
      await using client = await connectAskable(gateway.url('modern'), mode, {
        elicitation: () => ({ action: 'accept', content: { name: 'Ann' } }),
      });
      expect(textOf(await client.call('test_input_required_result_elicitation'))).toBe(
        'Hello, Ann!',
      );
    }
  }
  await modern.close();
  const lines = await readAudit(folder.path);
  expect(lines.map(({ outcome, retry, args }) => [outcome, retry, typeof args])).toEqual([
    ['ok', undefined, 'string'],
    ['ok', undefined, 'string'],
    ['ok', true, 'string'],
  ]);
}, 20_000);

test('each call of a batch has a record, those that are refused too; a session nobody knows is refused (S18)', async () => {
  await using folder = tempFolder();
  await using upstream = await startUpstream({ kind: 'modern-http' });
  {
    const audit = { stateFolder: folder.path };
    await using gateway = await startGateway([connectorFor(upstream, 'm')], {}, { audit });
    await gateway.service.manager.sync();
    const { id } = await openSession(gateway.url(), '2025-03-26');
    const body = JSON.stringify([one(1, 'm__echo'), one(2, 'm__none'), one(3, 'm__echo')]);
    await send(gateway.url(), { headers: { 'mcp-session-id': id }, body });
    const stolen = JSON.stringify(one(4, 'm__echo'));
    await send(gateway.url(), { headers: { 'mcp-session-id': 'guessed' }, body: stolen });
  }
  const lines = await readAudit(folder.path);
  expect(
    lines.map(({ name, outcome, client }) => [name, outcome, client].join(' ')).toSorted(),
  ).toEqual(['m__echo ok raw/0', 'm__echo ok raw/0', 'm__echo refused ', 'm__none unknown raw/0']);
});

test.each([
  [true, 'denied'],
  [false, 'unknown'],
])(
  'what a principal may not see is as if unknown to it, and recorded as it is (S18, hidden: %s)',
  (hidden, outcome) => {
    let refused: RefusedCall | undefined;
    try {
      refuseUnknown(
        { kind: 'tools', name: 'a__b' },
        { id: 1, era: 'modern', connectorId: undefined, principal: ANONYMOUS },
        {
          separator: '__',
          directory: { find: () => undefined },
          instruments: { find: () => undefined },
          knows: () => true,
          isDenied: () => hidden,
          startedAtMs: 0,
        },
      );
    } catch (error) {
      refused = error as RefusedCall;
    }
    expect(refused).toMatchObject({ rpcCode: -32_602, message: 'Unknown tool: a__b', outcome });
  },
);
