import { fileURLToPath } from 'node:url';
import { afterAll, expect, test, vi } from 'vitest';
import { createReaper } from '../../src/upstream/process/reaper.ts';
import { createIdleUpstream, type IdleUpstream } from '../../src/upstream/stdio/stdio-idle.ts';
import { createStdioUpstream } from '../../src/upstream/stdio/stdio-upstream.ts';
import type { UpstreamError } from '../../src/upstream/upstream-error.ts';
import { isRunning, processesWith, until } from './fixtures-stdio/processes.ts';
import { call, listen, members, never, parsed } from './fixtures-stdio/rig.ts';
import { serverDefinition } from './fixtures-stdio/server-definition.ts';

vi.setConfig({ testTimeout: 30_000 });

const reaper = createReaper();
afterAll(async () => {
  await reaper.close();
});

const EVERYTHING = fileURLToPath(
  new URL(
    '../../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js',
    import.meta.url,
  ),
);
let tests = 0;

interface Idle extends AsyncDisposable {
  readonly upstream: IdleUpstream;
  readonly losses: UpstreamError[];
  /** Times it was woken. */
  woken(): number;
  /** Its processes, by a mark in their environment. */
  pids(): number[];
}

/** @param args of the fixture, or another program and its arguments. */
function open(idleStopMs: number, args: readonly string[] = ['--era=legacy']): Idle {
  tests += 1;
  const mark = `IDLE_TEST=${process.pid}-${tests}`;
  const losses: UpstreamError[] = [];
  let woken = 0;
  const definition = serverDefinition('sleepy', args);
  if (definition.transport?.kind !== 'stdio') throw new Error('the fixture is a stdio server');
  const [name = '', value = ''] = mark.split('=');
  const [program = ''] = args;
  const own = program.startsWith('--') ? definition.transport.args : args;
  const transport = { ...definition.transport, args: own, env: { [name]: value } };
  const upstream = createIdleUpstream({
    connectorId: 'sleepy',
    idleStopMs,
    woken: () => void (woken += 1),
    create: () =>
      createStdioUpstream(
        { ...definition, transport },
        {
          events: { notification: () => undefined, closed: (error) => void losses.push(error) },
          clientInfo: { name: 'test', version: '0' },
          baseEnv: process.env,
          reaper,
          random: () => 0,
        },
      ),
  });
  return {
    upstream,
    losses,
    woken: () => woken,
    pids: () => processesWith(mark),
    [Symbol.asyncDispose]: async () => await upstream.close(),
  };
}

async function ask(upstream: IdleUpstream, params: object): Promise<Record<string, unknown>> {
  const options = { signal: never, timeoutMs: 10_000 };
  return parsed(await upstream.request('test', members(params), options));
}

test('a process without work is stopped, says nothing of it, and keeps its identity', async () => {
  await using idle = open(50);
  const info = await idle.upstream.connect(never);
  expect(idle.pids()).toHaveLength(1);
  expect(idle.upstream.asleep).toBe(false);
  await until('it sleeps', () => idle.upstream.asleep && idle.pids().length === 0);
  expect(idle.upstream.info).toEqual(info);
  expect(idle.upstream.phase).toBe('ready');
  expect(idle.losses).toEqual([]);
});

test('the next calls wake it, once for all of them', async () => {
  await using idle = open(50);
  await idle.upstream.connect(never);
  await until('it sleeps', () => idle.upstream.asleep && idle.pids().length === 0);
  const heard = [1, 2, 3, 4].map(() => {
    const one = listen();
    idle.upstream.forward(call({ do: 'received' }), one.sink);
    return one;
  });
  await ask(idle.upstream, { do: 'received' });
  for (const { outcome } of heard) expect((await outcome)[0]).toBe('result legacy');
  expect(idle.pids().length).toBeLessThanOrEqual(1);
  await until('it sleeps again', () => idle.upstream.asleep && idle.pids().length === 0);
});

test('a call that comes while the process is being stopped waits for the next one', async () => {
  await using idle = open(30, ['--era=legacy', '--stubborn']);
  await idle.upstream.connect(never);
  const [before] = idle.pids();
  await until('it begins to stop', () => idle.upstream.asleep);
  const one = listen();
  idle.upstream.forward(call({ do: 'received' }), one.sink);
  expect((await one.outcome)[0]).toBe('result legacy');
  expect(isRunning(before ?? 0)).toBe(false);
});

test('it is not stopped while a call is under way, however long that takes', async () => {
  await using idle = open(40);
  await idle.upstream.connect(never);
  const one = listen();
  const handle = idle.upstream.forward(call({ do: 'nothing' }), one.sink);
  const two = listen();
  const second = idle.upstream.forward(call({ do: 'nothing' }), two.sink);
  const pids = idle.pids();
  const rested = performance.now();
  await until('several idle times have passed', () => performance.now() - rested > 200);
  expect(idle.pids()).toEqual(pids);
  handle.cancel('enough');
  second.cancel('enough');
  await until('then it sleeps', () => idle.upstream.asleep);
});

test('who waits for updates of a resource keeps it awake', async () => {
  await using idle = open(40, [EVERYTHING, 'stdio']);
  await idle.upstream.setInterest({ resources: new Set(), logLevel: 'info' });
  expect(idle.pids()).toEqual([]);
  const resources = new Set(['demo://resource/dynamic/text/1']);
  await idle.upstream.setInterest({ resources, logLevel: undefined });
  const rested = performance.now();
  await until('several idle times have passed', () => performance.now() - rested > 200);
  expect(idle.pids()).toHaveLength(1);
  await idle.upstream.setInterest({ resources: new Set(), logLevel: undefined });
  await until('then it sleeps', () => idle.upstream.asleep && idle.pids().length === 0);
});

test('a subscription that cannot be had keeps nothing awake', async () => {
  await using idle = open(40);
  const resources = new Set(['test://a']);
  await expect(idle.upstream.setInterest({ resources, logLevel: undefined })).rejects.toMatchObject(
    { code: 'RPC_ERROR' },
  );
  await until('it sleeps', () => idle.upstream.asleep && idle.pids().length === 0);
});

test('close() ends it awake or asleep, and nothing wakes it afterwards', async () => {
  await using awake = open(60_000);
  await awake.upstream.connect(never);
  await awake.upstream.close();
  expect(awake.pids()).toEqual([]);
  await using asleep = open(30);
  await asleep.upstream.connect(never);
  await until('it sleeps', () => asleep.upstream.asleep);
  await asleep.upstream.close();
  await expect(asleep.upstream.connect(never)).rejects.toMatchObject({ code: 'CLOSED' });
  const one = listen();
  asleep.upstream.forward(call({ do: 'received' }), one.sink);
  expect(await one.outcome).toMatchObject(['fail', { code: 'CLOSED' }]);
  expect(asleep.upstream.asleep).toBe(false);
  expect(asleep.pids()).toEqual([]);
});

test('a refresh gets the lists it had without waking it; what wakes it has them asked again', async () => {
  await using idle = open(200, [EVERYTHING, 'stdio']);
  const options = { signal: never, timeoutMs: 10_000 };
  const info = await idle.upstream.connect(never, 'lists');
  const tools = await idle.upstream.request('tools/list', [], options);
  await until('it sleeps', () => idle.upstream.asleep && idle.pids().length === 0);
  expect(await idle.upstream.connect(never, 'lists')).toEqual(info);
  expect(await idle.upstream.request('tools/list', [], options)).toBe(tools);
  expect([idle.pids(), idle.woken()]).toEqual([[], 0]);
  await idle.upstream.request('ping', [], options);
  expect(idle.woken()).toBe(1);
});
