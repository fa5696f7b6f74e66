import { describe, expect, test } from 'vitest';
import {
  ask,
  call,
  listen,
  members,
  never,
  open,
  parsed,
  received,
  type Rig,
} from './fixtures-stdio/rig.ts';

async function say(rig: Rig, ...messages: readonly (object | string)[]): Promise<void> {
  const lines = messages.map((message) =>
    typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message }),
  );
  const answer = '{"jsonrpc":"2.0","id":$ID,"result":{}}';
  await ask(rig.upstream, { do: 'raw', text: `${[...lines, answer].join('\n')}\n` });
}

describe('forward()', () => {
  test('hands results over letter for letter', async () => {
    const { upstream } = open([]);
    const result = '{"n": 9007199254740993, "f": 1.0, "__proto__": {"é": "\\u00e9"}, "list":[ 1 ]}';
    const { sink, outcome } = listen();
    const text = `{"result": ${result},"jsonrpc":"2.0","id":$ID}\n`;
    upstream.forward(call({ do: 'raw', text }), sink);
    expect(await outcome).toEqual(['result legacy', result]);
  });

  test('hands errors over letter for letter', async () => {
    const { upstream } = open([]);
    const { sink, outcome } = listen();
    upstream.forward(call({ do: 'refuse' }), sink);
    expect(await outcome).toEqual([
      'error legacy',
      '{"code":-32099,"message":"no","data":{"why":"because"}}',
    ]);
  });

  test('sends pretty-printed arguments as one line', async () => {
    const { upstream } = open([]);
    const { sink, outcome } = listen();
    const request = call({ do: 'echo' });
    const pretty = { key: 'arguments', text: '{\n  "a": "1\\n2"\r\n}' };
    upstream.forward({ ...request, members: [...request.members, pretty] }, sink);
    const [, text] = await outcome;
    expect(JSON.parse(String(text))).toEqual({ do: 'echo', arguments: { a: '1\n2' } });
  });

  test('two clients with the same id and token get their own answers and progress', async () => {
    const { upstream } = open([]);
    await upstream.connect(never);
    const meta = members({ progressToken: 'same' });
    const [one, two, three] = [listen(), listen(), listen()];
    upstream.forward(call({ do: 'progress', who: 1 }, { meta }), one.sink);
    upstream.forward(call({ do: 'echo', who: 2 }, { meta }), two.sink);
    upstream.forward(call({ do: 'progress' }, { meta: members({ progressToken: 7 }) }), three.sink);
    await Promise.all([one.outcome, two.outcome, three.outcome]);
    expect(one.notifications.map(parsed)).toEqual(
      [1, 2].map((progress) => ({
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken: 'same', progress, total: 2 },
      })),
    );
    expect(two.notifications).toEqual([]);
    expect(three.notifications[0]).toContain('"progressToken":7,');
    expect(JSON.parse(String((await two.outcome)[1]))).toMatchObject({ do: 'echo', who: 2 });
  });

  test('cancel() tells the server with our id, and a late answer is dropped', async () => {
    const { upstream } = open([]);
    await upstream.connect(never);
    const { sink } = listen();
    const handle = upstream.forward(call({ do: 'never' }), {
      ...sink,
      fail: () => expect.unreachable('nothing is heard after cancel()'),
    });
    await ask(upstream, { do: 'echo' }); // by now the first has left
    handle.pause();
    handle.resume();
    handle.cancel('client is gone');
    handle.cancel('again');
    const text = '{"jsonrpc":"2.0","id":3,"result":{}}\n{"jsonrpc":"2.0","id":$ID,"result":{}}\n';
    await ask(upstream, { do: 'raw', text });
    const lines = await received(upstream);
    const cancelled = lines.filter((line) => line.includes('cancelled'));
    expect(cancelled.map(parsed)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: 3, reason: 'client is gone' },
      },
    ]);
    expect(upstream.counters.lateMessages).toBe(1);
  });

  test('cancel() before the request has left sends nothing', async () => {
    const { upstream } = open([]);
    const { sink } = listen();
    upstream.forward(call({ do: 'echo', early: true }), sink).cancel('too late');
    await upstream.connect(never);
    upstream.forward(call({ do: 'echo', early: true }), sink).cancel('same tick');
    const lines = await received(upstream);
    expect(lines.join('\n')).not.toMatch(/early|cancelled/);
  });

  test('never throws: a server that cannot start reaches the sink', async () => {
    const { upstream } = open([], {}, { transport: undefined, problem: 'unresolved ${TOKEN}' });
    const { sink, outcome } = listen();
    upstream.forward(call({}), sink);
    expect(await outcome).toEqual([
      'fail',
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        phase: 'config',
        message: 'unresolved ${TOKEN}',
      }),
    ]);
    expect(upstream.phase).toBe('config');
  });

  test('a hundred calls in flight share one pipe', async () => {
    const { upstream } = open([]);
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => ask(upstream, { do: 'echo', n })),
    );
    expect(answers.map(({ n }) => n)).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});

describe('what the server says unasked', () => {
  test('list_changed reaches events.notification as it came', async () => {
    const rig = open([]);
    const line = '{"jsonrpc":"2.0", "method":"notifications/tools/list_changed"}';
    await say(rig, line);
    expect(rig.notifications).toEqual([['notifications/tools/list_changed', line]]);
  });

  test('logs and progress that belong to nobody go to nobody (contract: isolation)', async () => {
    const rig = open([]);
    await say(
      rig,
      { method: 'notifications/message', params: { level: 'info', data: 'secret' } },
      { method: 'notifications/progress', params: { progressToken: 'x', progress: 1 } },
      { method: 'notifications/progress' },
      { method: 'notifications/cancelled', params: { requestId: 1 } },
      { method: 'notifications/elicitation/complete', params: { elicitationId: 'e' } },
    );
    expect(rig.notifications).toEqual([]);
    expect(rig.upstream.counters).toMatchObject({
      droppedLogs: 1,
      lateMessages: 2,
      strayNotifications: 1,
    });
  });

  test('noise on stdout is counted and dropped', async () => {
    const rig = open([]);
    await say(rig, 'Server running!', '[info] ready', '{"level":"info"}', '{broken', '[1', 'null');
    expect(rig.upstream.counters.noiseLines).toBe(6);
    expect(await ask(rig.upstream, { do: 'echo' })).toEqual({ do: 'echo' });
  });

  test('a batch is taken apart', async () => {
    const rig = open([]);
    const text = '[{"jsonrpc":"2.0","id":$ID,"result":{"batched":true}}]\n';
    expect(await ask(rig.upstream, { do: 'raw', text })).toEqual({ batched: true });
  });

  test('an answer with two results fails its own request only', async () => {
    const rig = open([]);
    const text = '{"jsonrpc":"2.0","id":$ID,"result":{},"result":{}}\n';
    await expect(ask(rig.upstream, { do: 'raw', text })).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
    });
    expect(await ask(rig.upstream, { do: 'echo' })).toEqual({ do: 'echo' });
  });

  test('an unreadable request of the server does not answer ours, whatever its id', async () => {
    const rig = open([]);
    await say(rig, '{"jsonrpc":"2.0","id":$ID,"method":"ping","params":[]}');
    expect(rig.upstream.counters).toMatchObject({ noiseLines: 0, refusedRequests: 1 });
  });

  test('a request that cannot be read is answered with why', async () => {
    const { upstream } = open([]);
    const answer = await ask(upstream, { do: 'ask', method: 'roots/list', with: [1] });
    expect(answer).toMatchObject({
      error: { code: -32600, message: 'Invalid request: params must be an object' },
    });
  });

  test.for([
    ['is no JSON', '{"jsonrpc":"2.0","id":$ID,"result":{"n":NaN}}'],
    ['is no JSON, with its id last', '{"result":{"n":undefined},"jsonrpc":"2.0","id":$ID}'],
    ['ends too soon', '{"jsonrpc":"2.0","id":$ID,"result":{"n":"'],
    [
      'nests too deep',
      `{"id":$ID,"jsonrpc":"2.0","result":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,
    ],
    ['has no id', '{"jsonrpc":"2.0","error":{"code":-32700,"message":"what?"},"id":null}'],
  ] as const)('an answer that %s fails its request at once', async ([, text]) => {
    const { upstream } = open([]);
    const answer = ask(upstream, { do: 'raw', text: `${text}\n` });
    await expect(answer).rejects.toMatchObject({
      code: 'BAD_RESPONSE',
      message: expect.stringContaining('the answer is unusable: '),
    });
    expect(await ask(upstream, { do: 'echo' })).toEqual({ do: 'echo' });
  });

  test('an answer without an id fails no request when there are two', async () => {
    const { upstream } = open([]);
    const { sink, outcome } = listen();
    await upstream.connect(never);
    upstream.forward(call({ do: 'never' }), sink).cancel('later');
    const waiting = listen();
    const handle = upstream.forward(call({ do: 'never' }), waiting.sink);
    const text = '{"jsonrpc":"2.0","result":oops}\n{"jsonrpc":"2.0","id":$ID,"result":{}}\n';
    expect(await ask(upstream, { do: 'raw', text })).toEqual({});
    expect(upstream.counters.noiseLines).toBe(1);
    handle.cancel('over');
    const neither = Promise.resolve('neither');
    expect(await Promise.race([outcome, waiting.outcome, neither])).toBe('neither');
  });

  test('ping is answered', async () => {
    const { upstream } = open([]);
    expect(await ask(upstream, { do: 'ask', method: 'ping' })).toMatchObject({ result: {} });
  });

  test.for(['roots/list', 'sampling/createMessage', 'elicitation/create'])(
    '%s is refused: nobody knows which client it is for',
    async (method) => {
      const { upstream } = open([]);
      expect(await ask(upstream, { do: 'ask', method })).toMatchObject({
        error: { code: -32600 },
      });
      expect(upstream.counters.refusedRequests).toBe(1);
    },
  );
});
