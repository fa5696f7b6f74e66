import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CONFORMANCE_STDIO,
  startConformanceServer,
  waitUntil,
  type ConformanceServer,
} from '../../src/index.ts';

const SAMPLED = {
  role: 'assistant',
  content: { type: 'text', text: 'sampled' },
  model: 'none',
} as const;
const FORM = { name: 'Ann', color: 'blue', ok: true, context: 'here', reply: 'mine', email: 'a@b' };

type Era = 'modern' | 'legacy';

interface Told {
  readonly method: string;
  readonly uri?: string | undefined;
}

interface Connected extends AsyncDisposable {
  readonly client: Client;
  readonly told: Told[];
}

async function connect(
  transport: StreamableHTTPClientTransport | StdioClientTransport,
  era: Era,
): Promise<Connected> {
  const told: Told[] = [];
  const client = new Client(
    { name: 'test', version: '0' },
    {
      capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
      versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
    },
  );
  client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: FORM }));
  client.setRequestHandler('sampling/createMessage', () => SAMPLED);
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///root' }] }));
  for (const method of [
    'notifications/message',
    'notifications/tools/list_changed',
    'notifications/prompts/list_changed',
  ] as const) {
    client.setNotificationHandler(method, () => void told.push({ method }));
  }
  client.setNotificationHandler('notifications/resources/updated', ({ method, params }) => {
    told.push({ method, uri: params.uri });
  });
  await client.connect(transport);
  return { client, told, [Symbol.asyncDispose]: async () => client.close() };
}

const overHttp = async ({ url }: ConformanceServer, era: Era): Promise<Connected> =>
  connect(new StreamableHTTPClientTransport(new URL(url)), era);

/** Every tool, the arguments it is called with, and what its answer holds. */
const TOOLS: readonly (readonly [name: string, args: Record<string, unknown>, says: string])[] = [
  ['test_simple_text', {}, 'simple text response'],
  ['test_image_content', {}, 'image/png'],
  ['test_audio_content', {}, 'audio/wav'],
  ['test_embedded_resource', {}, 'test://embedded-resource'],
  ['test_multiple_content_types', {}, 'test://mixed-content-resource'],
  ['test_error_handling', {}, 'intentionally'],
  ['json_schema_2020_12_tool', { contactMethod: 'email', email: 'a@b' }, 'a@b'],
  ['json_schema_2020_12_tool', { contactMethod: 'email' }, '"isError":true'],
  ['test_header_parameters', { region: 'eu', count: 7 }, 'eu'],
  ['test_tool_with_logging', {}, 'logged'],
  ['test_logging_tool', {}, 'logged'],
  ['test_tool_with_progress', {}, 'done'],
  ['test_sampling', { prompt: 'hello' }, 'LLM response'],
  ['test_elicitation', { message: 'hello' }, 'action=accept'],
  ['test_elicitation_sep1034_defaults', {}, 'action=accept'],
  ['test_elicitation_sep1330_enums', {}, 'action=accept'],
  ['test_roots', {}, 'file:///root'],
  ['test_missing_capability', {}, 'sampled'],
  ['test_streaming_elicitation', {}, 'action=accept'],
  ['test_input_required_result_elicitation', {}, 'Hello, Ann!'],
  ['test_input_required_result_sampling', {}, 'sampled'],
  ['test_input_required_result_list_roots', {}, 'file:///root'],
  ['test_input_required_result_request_state', {}, 'state-ok'],
  ['test_input_required_result_tampered_state', {}, 'state-ok'],
  ['test_input_required_result_multi_round', {}, 'Ann likes blue'],
  ['test_input_required_result_multiple_inputs', {}, '1 roots'],
  ['test_input_required_result_capabilities', {}, 'nothing to ask'],
  ['canary', { secret: 'mine' }, 'mine'],
  ['canary_elicitation', { secret: 'mine' }, 'accept'],
  ['canary_sampling', { secret: 'mine' }, 'sampled'],
];

let server: ConformanceServer;

beforeAll(async () => {
  server = await startConformanceServer();
});

afterAll(async () => {
  await server.close();
});

describe.each(['modern', 'legacy'] as const)('startConformanceServer() for a %s client', (era) => {
  test.each(TOOLS)('%s %j answers %s', async (name, args, says) => {
    await using connected = await overHttp(server, era);
    const answer = await connected.client.callTool({ name, arguments: args });
    expect(JSON.stringify(answer)).toContain(says);
  });

  test('progress comes when it is asked for', async () => {
    await using connected = await overHttp(server, era);
    const seen: number[] = [];
    await connected.client.callTool(
      { name: 'test_tool_with_progress', arguments: {} },
      { onprogress: ({ progress }) => void seen.push(progress) },
    );
    expect(seen).toStrictEqual([0, 50, 100]);
  });

  test('resources, templates, prompts and completions', async () => {
    await using connected = await overHttp(server, era);
    const { client } = connected;
    const { resources } = await client.listResources();
    for (const { uri } of resources) {
      const { contents } = await client.readResource({ uri });
      expect(contents[0]?.uri).toBe(uri);
    }
    const templated = await client.readResource({ uri: 'test://template/7/data' });
    expect(JSON.stringify(templated)).toContain('Data for ID: 7');
    await expect(client.readResource({ uri: 'test://no/such' })).rejects.toThrow('not found');

    const two = { arg1: 'one', arg2: 'two' };
    for (const [name, args, says] of [
      ['test_simple_prompt', {}, 'simple prompt'],
      ['test_prompt_with_arguments', two, "arg1='one', arg2='two'"],
      ['test_prompt_with_embedded_resource', { resourceUri: 'test://x' }, 'test://x'],
      ['test_prompt_with_image', {}, 'image/png'],
      ['test_input_required_result_prompt', {}, 'Context: here'],
    ] as const) {
      const prompt = await client.getPrompt({ name, arguments: args });
      expect(JSON.stringify(prompt)).toContain(says);
    }
    const ofPrompt = await client.complete({
      ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
      argument: { name: 'arg1', value: 'pari' },
    });
    expect(ofPrompt.completion.values).toStrictEqual(['paris']);
    const ofTemplate = await client.complete({
      ref: { type: 'ref/resource', uri: 'test://template/{id}/data' },
      argument: { name: 'id', value: '12' },
    });
    expect(ofTemplate.completion.values).toStrictEqual(['12', '123']);
  });

  test('lists really change, and clients are told', async () => {
    await using connected = await overHttp(server, era);
    const { client, told } = connected;
    if (era === 'modern') {
      await client.listen({ toolsListChanged: true, promptsListChanged: true });
    }
    const has = async (): Promise<readonly [boolean, boolean]> => {
      const { tools } = await client.listTools(undefined, { cacheMode: 'refresh' });
      const { prompts } = await client.listPrompts(undefined, { cacheMode: 'refresh' });
      return [
        tools.some(({ name }) => name === 'test_extra_tool'),
        prompts.some(({ name }) => name === 'test_extra_prompt'),
      ];
    };
    const [hadTool, hadPrompt] = await has();
    await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
    await client.callTool({ name: 'test_trigger_prompt_change', arguments: {} });
    await waitUntil(() => told.length >= 2, { describe: 'the client is told of both' });
    expect(await has()).toStrictEqual([!hadTool, !hadPrompt]);
    const shown = hadTool
      ? undefined
      : await client.callTool({ name: 'test_extra_tool', arguments: {} });
    expect(JSON.stringify(shown ?? 'extra')).toContain('extra');
  });

  test('an update of a resource reaches who watches it', async () => {
    await using connected = await overHttp(server, era);
    const { client, told } = connected;
    const uri = 'test://watched-resource';
    if (era === 'modern') await client.listen({ resourceSubscriptions: [uri] });
    else await client.subscribeResource({ uri });
    for (const changed of ['test://other', uri]) {
      await client.callTool({ name: 'test_trigger_resource_update', arguments: { uri: changed } });
    }
    await waitUntil(() => told.some((one) => one.uri === uri), { describe: 'the update arrives' });
    expect(told.filter((one) => one.uri === 'test://other')).toStrictEqual([]);
  });
});

test('a modern client that lacks a capability is told which (-32021)', async () => {
  const client = new Client(
    { name: 'bare', version: '0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(server.url)));
  await expect(
    client.callTool({ name: 'test_missing_capability', arguments: {} }),
  ).rejects.toMatchObject({ code: -32_021 });
  await client.close();
});

test('a legacy stream ended before the result is resumed (SEP-1699)', async () => {
  await using connected = await overHttp(server, 'legacy');
  const answer = await connected.client.callTool({ name: 'test_reconnection', arguments: {} });
  expect(JSON.stringify(answer)).toContain('after a reconnection');
});

test('sessions are counted, ended by DELETE and unknown afterwards', async () => {
  await using own = await startConformanceServer({ eras: 'legacy' });
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const post = async (body: unknown, more: Record<string, string> = {}): Promise<Response> =>
    fetch(own.url, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify(body),
    });
  const opened = await post({
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'raw', version: '0' },
    },
  });
  await opened.text();
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  expect(own.openSessions).toBe(1);
  const ended = await fetch(own.url, { method: 'DELETE', headers: { ...headers, ...session } });
  expect(ended.status).toBe(200);
  expect(own.openSessions).toBe(0);
  const late = await post({ jsonrpc: '2.0', id: 2, method: 'ping' }, session);
  expect(late.status).toBe(404);
  const without = await post({ jsonrpc: '2.0', id: 3, method: 'ping' });
  expect(without.status).toBe(400);
  expect(own.openSessions).toBe(0);
});

test('a server of one era refuses the other', async () => {
  await using modern = await startConformanceServer({ eras: 'modern' });
  await expect(overHttp(modern, 'legacy')).rejects.toThrow('Unsupported protocol version');
  await using legacy = await startConformanceServer({ eras: 'legacy' });
  await expect(overHttp(legacy, 'modern')).rejects.toThrow('did not offer pinned protocol version');
});

test('a foreign Origin is refused', async () => {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: 'http://evil.example' },
    body: '{}',
  });
  expect(response.status).toBe(403);
});

test.each(['modern', 'legacy'] as const)('CONFORMANCE_STDIO serves a %s client', async (era) => {
  const { command, args } = CONFORMANCE_STDIO;
  await using connected = await connect(
    new StdioClientTransport({ command, args: [...args] }),
    era,
  );
  const answer = await connected.client.callTool({ name: 'canary', arguments: { secret: 'mine' } });
  expect(JSON.stringify(answer)).toContain('mine');
});
