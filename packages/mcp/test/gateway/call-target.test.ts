import { expect, test } from 'vitest';
import { EMPTY_VIEW, type CatalogView } from '../../src/catalog/catalog.ts';
import {
  findRoute,
  isForwardedModern,
  renamedMembers,
  targetOf,
} from '../../src/gateway/call/call-target.ts';
import { allowsTasks, ownTask, sharedTaskId } from '../../src/gateway/call/tasks.ts';
import { createTaskReply } from '../../src/gateway/call/task-reply.ts';
import { createInProcessReply } from '../../src/gateway/reply/in-process-reply.ts';
import { parseMessage } from '../../src/protocol/json-rpc.ts';

function request(method: string, params: unknown) {
  const message = parseMessage(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  if (message.kind !== 'request') throw new Error('not a request');
  return message;
}

const modern = {
  era: 'modern',
  protocolVersion: '2026-07-28',
  capabilities: { resources: {} },
  serverInfo: undefined,
  instructions: undefined,
} as const;
const SERVERS = [
  { connectorId: 'm', info: modern, target: 'way to m' },
  { connectorId: 'l', info: { ...modern, era: 'legacy' }, target: 'way to l' },
] as const;
const SHARED: CatalogView<string> = { ...EMPTY_VIEW, servers: SERVERS };
const OWN: CatalogView<string> = { ...EMPTY_VIEW, servers: [SERVERS[0]], info: modern };

test('targetOf() reads what a completion is for', () => {
  const prompt = { ref: { type: 'ref/prompt', name: 'a__p' }, argument: {} };
  expect(targetOf(request('completion/complete', prompt))).toEqual({
    kind: 'prompts',
    name: 'a__p',
  });
  const template = { ref: { type: 'ref/resource', uri: 'x://{y}' } };
  const target = targetOf(request('completion/complete', template));
  expect(target).toEqual({ kind: 'references', name: 'x://{y}' });
});

test.each([
  ['tools/call', {}],
  ['tools/call', { name: '' }],
  ['resources/read', { uri: 5 }],
  ['tasks/get', {}],
  ['completion/complete', {}],
  ['completion/complete', { ref: 'x' }],
  ['completion/complete', { ref: { type: 'ref/odd', name: 'x' } }],
  ['completion/complete', { ref: { type: 'ref/prompt' } }],
  ['completion/complete', { ref: { type: 'ref/resource', name: 'x' } }],
])('targetOf() refuses %s with %j', (method, params) => {
  expect(() => targetOf(request(method, params))).toThrow(/Invalid params/);
});

test('targetOf() refuses a reference that two parsers could read differently', () => {
  const text =
    '{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","name":"b"}}}';
  const message = parseMessage(text);
  if (message.kind !== 'request') throw new Error('not a request');
  expect(() => targetOf(message)).toThrow(/given twice/);
});

test('renamedMembers() touches the name inside a reference, and nothing else', () => {
  const message = request('completion/complete', {
    ref: { type: 'ref/prompt', name: 'a__p', odd: [1] },
    argument: { name: 'a__p', value: '' },
  });
  const members = renamedMembers({ kind: 'prompts', name: 'a__p' }, message, 'p');
  expect(members.map(({ text }) => text)).toEqual([
    '{"type":"ref/prompt","name":"p","odd":[1]}',
    '{"name":"a__p","value":""}',
  ]);
});

test('findRoute() asks the one server of an endpoint for a resource that it does not list', () => {
  const target = { kind: 'resources', name: 'x://unlisted' } as const;
  expect(findRoute(OWN, target)).toMatchObject({ connectorId: 'm', upstreamName: 'x://unlisted' });
  expect(findRoute(SHARED, target)).toBeUndefined();
});

const task = (name: string) => findRoute(SHARED, { kind: 'tasks', name });

test('findRoute() finds the server of a task by its id, and only a modern one', () => {
  expect(task(sharedTaskId('m', 'a:b'))).toMatchObject({ connectorId: 'm', upstreamName: 'a:b' });
  expect(task(sharedTaskId('l', 'a'))).toBeUndefined();
  expect(task('nobody')).toBeUndefined();
  expect(findRoute(OWN, { kind: 'tasks', name: 'm:a' })?.upstreamName).toBe('m:a');
});

test('isForwardedModern() passes on what one modern server may know, never what is ours', () => {
  expect(isForwardedModern('odd/method', OWN)).toBe(true);
  expect(isForwardedModern('odd/method', SHARED)).toBe(false);
  expect(isForwardedModern('tasks/get', SHARED)).toBe(true);
  for (const method of ['initialize', 'ping', 'server/odd', 'subscriptions/listen', 'tasks/list']) {
    expect(isForwardedModern(method, OWN)).toBe(false);
  }
});

const SHOWN = { connectorId: 'm', place: 'taskId', created: undefined } as const;

test('createTaskReply() shows the id of a task as the shared endpoint does', async () => {
  const inner = createInProcessReply();
  const body =
    '{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t-1","x":"taskId"}}';
  createTaskReply(inner, SHOWN).answer(200, body);
  expect(await inner.answered).toBe(body.replace('"t-1"', '"m:t-1"'));
  expect(ownTask('m:t-1')).toEqual({ connectorId: 'm', taskId: 't-1' });
});

test('createTaskReply() leaves answers without a task as they are', async () => {
  for (const body of [
    '{"jsonrpc":"2.0","id":1,"result":{"content":[{"text":"\\"taskId\\""}]}}',
    '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","data":{"taskId":"t"}}}',
    '{"jsonrpc":"2.0","id":1,"result":{"taskId":5}}',
  ]) {
    const inner = createInProcessReply();
    createTaskReply(inner, SHOWN).answer(200, body);
    expect(await inner.answered).toBe(body);
  }
});

test('allowsTasks() goes by what the request itself declares', () => {
  const key = 'io.modelcontextprotocol/clientCapabilities';
  expect(allowsTasks([{ key, text: '{"extensions":{"io.modelcontextprotocol/tasks":{}}}' }])).toBe(
    true,
  );
  expect(allowsTasks([{ key, text: '{}' }])).toBe(false);
  expect(allowsTasks([])).toBe(false);
});
