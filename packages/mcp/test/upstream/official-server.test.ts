import {
  CONFORMANCE_STDIO,
  startConformanceServer,
  waitUntil,
  type ConformanceServer,
} from '@cortex-os/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Era } from '../../src/protocol/revision.ts';
import { createReaper, type Reaper } from '../../src/upstream/process/reaper.ts';
import { createStdioUpstream } from '../../src/upstream/stdio/stdio-upstream.ts';
import type { Caller, Interest, Upstream } from '../../src/upstream/upstream.ts';
import { connector } from '../e2e/gateway-fixture.ts';
import { definitionFor, open, toolCall, SIGNAL } from './http-fixture.ts';
import { recorder, type Recorder } from './recorder.ts';

const WATCHED = 'test://watched-resource';
const want = (...uris: readonly string[]): Interest => ({
  resources: new Set(uris),
  logLevel: undefined,
});
const A: Caller = {
  id: 'a',
  capabilities: { sampling: {}, elicitation: {}, roots: {} },
  envelope: [],
};

function call(upstream: Upstream, tool: string, args: object = {}, caller: Caller = A): Recorder {
  const members = [
    { key: 'name', text: JSON.stringify(tool) },
    { key: 'arguments', text: JSON.stringify(args) },
  ];
  const sink = recorder();
  upstream.forward(toolCall('legacy', { members, name: tool, caller }), sink);
  return sink;
}

/** The text of a tool's result. */
async function said(sink: Recorder): Promise<string> {
  const outcome = await sink.outcome;
  if (outcome.kind !== 'result') throw new Error(JSON.stringify(outcome));
  return Object(JSON.parse(outcome.text)).content[0].text;
}

interface Opened extends AsyncDisposable {
  readonly upstream: Upstream;
  readonly notifications: { method: string; text: string }[];
}

let server: ConformanceServer;
let reaper: Reaper;
beforeAll(async () => {
  server = await startConformanceServer();
  reaper = createReaper();
});
afterAll(async () => {
  await server.close();
  await reaper.close();
});

function openStdio(era: Era): Opened {
  const { command, args } = CONFORMANCE_STDIO;
  const notifications: { method: string; text: string }[] = [];
  const definition = connector(
    'one',
    { kind: 'stdio', command, args, env: {}, cwd: undefined },
    { era },
  );
  const upstream = createStdioUpstream(definition, {
    events: {
      notification: (method, text) => void notifications.push({ method, text }),
      closed: () => undefined,
    },
    clientInfo: { name: 'test', version: '0' },
    baseEnv: process.env,
    reaper,
    random: () => 0,
  });
  return {
    upstream,
    notifications,
    [Symbol.asyncDispose]: async () => await upstream.close(),
  };
}

const WAYS = {
  'modern HTTP': () => open(definitionFor(server.url, { era: 'modern' })),
  'legacy HTTP': () => open(definitionFor(server.url, { era: 'legacy' })),
  'modern stdio': () => openStdio('modern'),
  'legacy stdio': () => openStdio('legacy'),
} as const;

describe.for(Object.entries(WAYS))('%s', ([, openIt]) => {
  test('setInterest() brings updates of what is followed, and of nothing else', async () => {
    await using opened: Opened = openIt();
    const { upstream, notifications } = opened;
    await upstream.setInterest(want(WATCHED));
    const update = async (uri: string): Promise<string> =>
      await said(call(upstream, 'test_trigger_resource_update', { uri }));
    await update('test://other');
    await update(WATCHED);
    await waitUntil(() => notifications.length > 0, { describe: 'the update is told' });
    expect(notifications.map(({ method }) => method)).toEqual(['notifications/resources/updated']);
    expect(notifications[0]?.text).toContain(WATCHED);
    await upstream.setInterest(want());
    await waitUntil(
      async () => {
        const before = notifications.length;
        await update(WATCHED);
        await update('test://other');
        return notifications.length === before;
      },
      { describe: 'nothing is told any more' },
    );
  });
});

describe.for([
  ['legacy HTTP', WAYS['legacy HTTP']],
  ['legacy stdio', WAYS['legacy stdio']],
] as const)('%s', ([, openIt]) => {
  test('sampling, elicitation and roots reach the client of the call, whose answer comes back', async () => {
    await using opened: Opened = openIt();
    const { upstream } = opened;
    await upstream.connect(SIGNAL);
    const answers = {
      test_sampling: [
        'sampling/createMessage',
        '{"role":"assistant","model":"m","content":{"type":"text","text":"forty-two"}}',
        'forty-two',
      ],
      test_elicitation: [
        'elicitation/create',
        '{"action":"accept","content":{"username":"ann","email":"ann@example.com"}}',
        'ann@example.com',
      ],
      test_roots: ['roots/list', '{"roots":[{"uri":"file:///here"}]}', 'file:///here'],
    } as const;
    for (const [tool, [method, answer, text]] of Object.entries(answers)) {
      const sink = call(upstream, tool, { prompt: '?', message: '?' });
      await waitUntil(() => sink.requests.length === 1, { describe: `${tool} asks` });
      expect(sink.requests[0]?.method).toBe(method);
      sink.requests[0]?.respond({ kind: 'result', text: answer });
      expect(await said(sink)).toContain(text);
    }
  });

  test('an error of the client reaches the server as one', async () => {
    await using opened: Opened = openIt();
    const sink = call(opened.upstream, 'test_roots');
    await waitUntil(() => sink.requests.length === 1, { describe: 'the tool asks' });
    sink.requests[0]?.respond({ kind: 'error', text: '{"code":-32601,"message":"no roots"}' });
    expect(JSON.stringify(await sink.outcome)).toContain('no roots');
  });
});

test('legacy HTTP: two clients at once are each asked their own question', async () => {
  await using opened = open(definitionFor(server.url, { era: 'legacy' }));
  await opened.upstream.connect(SIGNAL);
  const clients = ['a', 'b', 'c', 'd'];
  const sinks = clients.map((id) =>
    call(opened.upstream, 'test_sampling', { prompt: `for ${id}` }, { ...A, id }),
  );
  for (const [index, sink] of sinks.entries()) {
    await waitUntil(() => sink.requests.length === 1, { describe: 'each is asked' });
    expect(sink.requests[0]?.paramsText).toContain(`for ${clients[index]}`);
    const content = { type: 'text', text: `by ${clients[index]}` };
    const answer = { role: 'assistant', model: 'm', content };
    sink.requests[0]?.respond({ kind: 'result', text: JSON.stringify(answer) });
  }
  expect(await Promise.all(sinks.map(said))).toEqual(
    clients.map((id) => expect.stringContaining(`by ${id}`)),
  );
});

test('legacy HTTP: a stream that the server ends before the result is taken up again (SEP-1699)', async () => {
  await using opened = open(definitionFor(server.url, { era: 'legacy' }));
  const told: number[] = [];
  const sink = Object.assign(recorder(), { suspended: (ms: number) => void told.push(ms) });
  const members = [{ key: 'name', text: '"test_reconnection"' }];
  opened.upstream.forward(toolCall('legacy', { members, name: 'test_reconnection' }), sink);
  expect(await said(sink)).toBe('reached after a reconnection');
  expect(told).toHaveLength(1);
});

test('legacy HTTP: a connection for one client declares what that client can, and hears its logs', async () => {
  const client = {
    clientInfo: { name: 'plain', version: '1' },
    capabilities: {},
    sole: true,
  };
  await using opened = open(definitionFor(server.url, { era: 'legacy' }), { client });
  const sink = call(opened.upstream, 'test_sampling', { prompt: '?' }, { ...A, capabilities: {} });
  const outcome = await sink.outcome;
  expect(sink.requests).toEqual([]);
  expect(JSON.stringify(outcome)).toMatch(/sampling/);
  await opened.upstream.setInterest({ resources: new Set(), logLevel: 'debug' });
  const logging = call(opened.upstream, 'test_tool_with_logging');
  await logging.outcome;
  expect(logging.notifications.length + opened.notifications.length).toBe(3);
});
