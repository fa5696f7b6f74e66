import { expect, test } from 'vitest';
import {
  createInProcessUpstream,
  type InProcessServer,
} from '../../src/upstream/in-process-upstream.ts';
import {
  OWN_CALLER,
  type ForwardRequest,
  type ForwardSink,
  type Upstream,
} from '../../src/upstream/upstream.ts';

const signal = AbortSignal.timeout(60_000);

const TOOLS = [{ name: 'echo', inputSchema: { type: 'object' } }];

function server(call: InProcessServer['call']): InProcessServer {
  return { name: 'own', version: '1', instructions: 'hello', list: async () => TOOLS, call };
}

const echo = server(async (name, args) =>
  name === 'echo' ? { content: [{ type: 'text', text: JSON.stringify(args) }] } : undefined,
);

/** What a sink heard, once the answer is there. */
async function forward(
  upstream: Upstream,
  method: string,
  members: ForwardRequest['members'],
): Promise<[kind: string, text: string, era?: string]> {
  const { promise, resolve } = Promise.withResolvers<[string, string, string?]>();
  const sink: ForwardSink = {
    notification: () => undefined,
    request: () => undefined,
    result: (raw, era) => resolve(['result', raw.toString(), era]),
    error: (text, era) => resolve(['error', text, era]),
    whole: () => undefined,
    open: () => undefined,
    chunk: () => true,
    end: () => undefined,
    fail: (error) => resolve(['fail', error.code]),
  };
  const handle = upstream.forward(
    {
      id: 1,
      method,
      members,
      meta: [],
      name: undefined,
      paramHeaders: {},
      clientEra: 'modern',
      caller: OWN_CALLER,
    },
    sink,
  );
  handle.pause();
  handle.resume();
  return await promise;
}

const call = (name: string, args: string): ForwardRequest['members'] => [
  { key: 'name', text: JSON.stringify(name) },
  { key: 'arguments', text: args },
];

test('createInProcessUpstream() is ready at once and lists its tools with a hint', async () => {
  const upstream = createInProcessUpstream('own', echo);
  expect(upstream.phase).toBe('ready');
  expect(await upstream.connect(signal)).toMatchObject({
    era: 'modern',
    serverInfo: { name: 'own', version: '1' },
    instructions: 'hello',
    capabilities: { tools: {} },
  });
  const options = { signal, timeoutMs: 1_000 };
  const list = JSON.parse(await upstream.request('tools/list', [], options)) as object;
  expect(list).toMatchObject({ resultType: 'complete', cacheScope: 'public', tools: TOOLS });
  expect(JSON.parse(await upstream.request('prompts/list', [], options))).toMatchObject({
    prompts: [],
  });
  expect(JSON.parse(await upstream.request('ping', [], options))).toEqual({
    resultType: 'complete',
  });
});

test('forward() calls a tool and gives its result as raw JSON', async () => {
  const upstream = createInProcessUpstream('own', echo);
  const [kind, text, era] = await forward(upstream, 'tools/call', call('echo', '{"a":1}'));
  expect([kind, era]).toEqual(['result', 'modern']);
  expect(JSON.parse(text)).toEqual({
    resultType: 'complete',
    content: [{ type: 'text', text: '{"a":1}' }],
  });
});

test('forward() and request() answer an unknown tool or method with its JSON-RPC error', async () => {
  const upstream = createInProcessUpstream('own', echo);
  const unknown = await forward(upstream, 'tools/call', call('nope', '{}'));
  expect(unknown[0]).toBe('error');
  expect(JSON.parse(unknown[1])).toEqual({ code: -32602, message: 'Unknown tool: nope' });
  const method = await forward(upstream, 'resources/read', []);
  expect(JSON.parse(method[1])).toMatchObject({ code: -32601 });
  await expect(
    upstream.request('resources/read', [], { signal, timeoutMs: 1 }),
  ).rejects.toMatchObject({ code: 'RPC_ERROR' });
  await upstream.setInterest({ resources: new Set(), logLevel: undefined });
  await expect(
    upstream.setInterest({ resources: new Set(['x:y']), logLevel: undefined }),
  ).rejects.toMatchObject({ code: 'RPC_ERROR' });
});

test('forward() fails with a code when the tool breaks its promise not to reject', async () => {
  const upstream = createInProcessUpstream(
    'own',
    server(() => Promise.reject(new Error('bug'))),
  );
  expect(await forward(upstream, 'tools/call', call('echo', '{}'))).toEqual([
    'fail',
    'BAD_RESPONSE',
  ]);
});

test('cancel() silences the call; what has begun is finished', async () => {
  const gate = Promise.withResolvers<object>();
  let finished = false;
  const upstream = createInProcessUpstream(
    'own',
    server(() =>
      gate.promise.then((value) => {
        finished = true;
        return value;
      }),
    ),
  );
  const heard: string[] = [];
  const note = (): void => void heard.push('heard');
  const handle = upstream.forward(
    {
      id: 1,
      method: 'tools/call',
      members: call('echo', '{}'),
      meta: [],
      name: undefined,
      paramHeaders: {},
      clientEra: 'legacy',
      caller: OWN_CALLER,
    },
    {
      notification: note,
      request: note,
      result: note,
      error: note,
      whole: note,
      open: note,
      chunk: () => true,
      end: note,
      fail: note,
    },
  );
  handle.cancel('gone');
  gate.resolve({});
  await new Promise((resolve) => setImmediate(resolve));
  expect(finished).toBe(true);
  expect(heard).toEqual([]);
});

test('close() lets nothing through any more', async () => {
  const upstream = createInProcessUpstream('own', echo);
  await upstream.close();
  expect(await forward(upstream, 'tools/call', call('echo', '{}'))).toEqual(['fail', 'CLOSED']);
  await expect(upstream.connect(signal)).rejects.toMatchObject({ code: 'CLOSED' });
  await expect(upstream.connect(AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(upstream.request('ping', [], { signal, timeoutMs: 1 })).rejects.toMatchObject({
    code: 'CLOSED',
  });
});
