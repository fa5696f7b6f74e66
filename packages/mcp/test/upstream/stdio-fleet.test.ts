import {
  ODD_CONTENT_JSON,
  ODD_STRUCTURED_JSON,
  startUpstream,
  type StdioFault,
  type StdioKind,
  type StdioUpstream as FleetMember,
} from '@cortex-os/testkit';
import { afterAll, expect, test, vi, type TestContext } from 'vitest';
import { OWN_CALLER, type ForwardSink } from '../../src/upstream/upstream.ts';
import { createReaper } from '../../src/upstream/process/reaper.ts';
import {
  createStdioUpstream,
  type StdioUpstream,
} from '../../src/upstream/stdio/stdio-upstream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { until } from './fixtures-stdio/processes.ts';
import { serverDefinition } from './fixtures-stdio/server-definition.ts';

// Real processes on a busy machine; nothing here waits for its own sake.
vi.setConfig({ testTimeout: 30_000 });

const reaper = createReaper();
const never = new AbortController().signal;
afterAll(async () => reaper.close());

interface Rig {
  readonly server: FleetMember;
  readonly upstream: StdioUpstream;
  readonly notifications: string[];
  readonly closed: UpstreamError[];
}

/** A program with the official SDK behind scripted faults. */
async function rig(
  { onTestFinished }: TestContext,
  kind: StdioKind,
  faults: readonly StdioFault[] = [],
): Promise<Rig> {
  const server = await startUpstream({ kind, faults, grandchildren: 1 });
  const notifications: string[] = [];
  const closed: UpstreamError[] = [];
  const { command, args, env = {} } = server.command;
  const transport = { kind: 'stdio', command, args, env, cwd: undefined } as const;
  const timeouts = { ...serverDefinition('x', []).timeouts, handshakeTimeoutMs: 3000 };
  const upstream = createStdioUpstream(serverDefinition('fleet', [], { transport, timeouts }), {
    events: {
      notification: (method) => void notifications.push(method),
      closed: (error) => void closed.push(error),
    },
    clientInfo: { name: 'test', version: '0' },
    baseEnv: process.env,
    reaper,
    random: () => 0,
    probeMs: 1000,
    maxLineBytes: 1024 * 1024,
  });
  // The last one goes first.
  onTestFinished(async () => server.close());
  onTestFinished(async () => upstream.close());
  return { server, upstream, notifications, closed };
}

async function callTool(upstream: StdioUpstream, name: string, args: object = {}): Promise<string> {
  const members = [
    { key: 'name', text: JSON.stringify(name) },
    { key: 'arguments', text: JSON.stringify(args) },
  ];
  return upstream.request('tools/call', members, { signal: never, timeoutMs: 10_000 });
}

function unexpected(): never {
  return expect.unreachable('the call is cancelled');
}

/** The SDK writes U+2028 as it is where the fixture's text has the escape. */
function unescaped(json: string): string {
  return json.replaceAll(String.raw`\u2028`, '\u2028');
}

const KINDS = ['modern-stdio', 'legacy-stdio'] as const;

test.concurrent.for(KINDS)(
  '%s: era found, tools listed, odd content letter for letter',
  async (kind, context) => {
    const { upstream } = await rig(context, kind);
    const info = await upstream.connect(never);
    expect(info.era).toBe(kind === 'modern-stdio' ? 'modern' : 'legacy');
    const list = await upstream.request('tools/list', [], { signal: never, timeoutMs: 10_000 });
    expect(list).toContain('"echo"');
    const odd = await callTool(upstream, 'odd');
    expect(unescaped(odd)).toContain(unescaped(ODD_CONTENT_JSON));
    expect(odd).toContain(ODD_STRUCTURED_JSON);
  },
);

test.concurrent.for(KINDS)(
  '%s: list_changed reaches events.notification',
  async (kind, context) => {
    const { server, upstream, notifications } = await rig(context, kind);
    await upstream.connect(never);
    await callTool(upstream, 'echo', { message: 'hello' }); // the subscription is in by now
    server.setTools(['fresh']);
    await until('a notification is here', () => notifications.length > 0);
    expect(new Set(notifications)).toEqual(new Set(['notifications/tools/list_changed']));
  },
);

test.concurrent.for(KINDS)('%s: cancel() reaches the running tool', async (kind, context) => {
  const { server, upstream } = await rig(context, kind);
  await upstream.connect(never);
  const progress: string[] = [];
  const sink: ForwardSink = {
    notification: (text) => void progress.push(text),
    request: unexpected,
    result: unexpected,
    error: unexpected,
    fail: unexpected,
    whole: unexpected,
    open: unexpected,
    chunk: unexpected,
    end: unexpected,
  };
  const handle = upstream.forward(
    {
      id: 1,
      method: 'tools/call',
      members: [
        { key: 'name', text: '"slow"' },
        { key: 'arguments', text: '{"ms":60000,"steps":600}' },
      ],
      meta: [{ key: 'progressToken', text: '"mine"' }],
      name: 'slow',
      paramHeaders: {},
      clientEra: 'legacy',
      caller: OWN_CALLER,
    },
    sink,
  );
  await until('progress comes', () => progress.length > 0);
  expect(progress[0]).toContain('"progressToken":"mine"');
  handle.cancel('enough');
  await until('the tool has stopped', () => server.counts.aborted === 1);
});

test.concurrent.for([
  ['crash', { kind: 'crash', at: 'call', signal: 'SIGSEGV', times: 1 }, 'PROCESS_EXITED'],
  ['a closed stdout', { kind: 'reset', method: 'tools/call', times: 1 }, 'STREAM_CUT'],
  [
    'a line without end',
    { kind: 'odd-content', form: 'endless-line', bytes: 2e6, method: 'tools/call', times: 1 },
    'TOO_LARGE',
  ],
] as const)(
  '%s fails the call, and the next one is served by a new process',
  async (row, context) => {
    const [, fault, code] = row;
    const { server, upstream, closed } = await rig(context, 'legacy-stdio');
    await upstream.connect(never);
    server.setFaults([fault]);
    await expect(callTool(upstream, 'echo', { message: 'x' })).rejects.toMatchObject({ code });
    expect(closed.map((error) => error.code)).toEqual([code]);
    expect(await callTool(upstream, 'echo', { message: 'again' })).toContain('again');
    await until(
      'only the new process and its own child are left',
      () => server.processes().length === 2,
    );
  },
);

test.concurrent.for(['noise', 'bom', 'batch'] as const)(
  'odd content is put up with: %s',
  async (form, context) => {
    const { upstream } = await rig(context, 'legacy-stdio', [{ kind: 'odd-content', form }]);
    expect(await callTool(upstream, 'echo', { message: 'heard' })).toContain('heard');
  },
);

test.concurrent('a server that ignores the handshake, SIGTERM and the end of stdin leaves no process', async (context) => {
  const fault = { kind: 'never-handshake', ignoreSigterm: true, ignoreStdinClose: true } as const;
  const { server, upstream } = await rig(context, 'legacy-stdio', [fault]);
  await expect(upstream.connect(never)).rejects.toMatchObject({
    code: 'TIMEOUT',
    phase: 'handshake',
  });
  await upstream.close();
  expect(server.processes()).toEqual([]);
});
