import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { createReaper, type Reaper } from '../../src/upstream/process/reaper.ts';
import { ignoresSigterm, isRunning, processesWith, until } from './fixtures-stdio/processes.ts';

// Real processes on a busy machine; nothing here waits for its own sake.
vi.setConfig({ testTimeout: 30_000 });

const SERVICE = fileURLToPath(new URL('fixtures-stdio/service.ts', import.meta.url));
const REAPER = new URL('../../src/upstream/process/reaper.ts', import.meta.url).href;
const SLEEP = ['-e', 'setInterval(() => {}, 1000)'];

interface Service {
  readonly process: ChildProcess;
  readonly lines: string[];
  readonly exited: Promise<void>;
  /** The number behind a word of its output, e.g. `daemon 4711`. */
  pidOf(word: string): number;
}

const services: Service[] = [];
const reapers: Reaper[] = [];
const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await Promise.all(reapers.splice(0).map(async (reaper) => reaper.close()));
});

afterAll(() => {
  for (const service of services) service.process.kill('SIGKILL');
});

function reaperUnderTest(): Reaper {
  const reaper = createReaper();
  reapers.push(reaper);
  return reaper;
}

function sleeper(env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, SLEEP, { detached: true, stdio: 'ignore', env });
  children.push(child);
  return child;
}

/** A real service with real children; resolves when it says that it is up. */
async function startService(servers: readonly string[][], canary: string): Promise<Service> {
  const child = spawn(
    process.execPath,
    ['--conditions=cortex-source', SERVICE, JSON.stringify(servers)],
    // HOME is inherited by children and so tells them from those of other tests.
    { env: { ...process.env, HOME: canary }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  const service: Service = {
    process: child,
    lines,
    exited: new Promise((resolve) => void child.once('exit', () => resolve())),
    pidOf: (word) =>
      Number(lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1)),
  };
  services.push(service);
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await until('the service is up', () => lines.includes('up'), 30_000);
  return service;
}

describe.skipIf(process.platform !== 'linux')('after the service is gone', () => {
  const FLEET: ReadonlyArray<readonly [string, string[]]> = [
    ['a healthy child', []],
    ['a child that ignores SIGTERM and the end of stdin', ['--stubborn']],
    ['a child in its handshake', ['--hang']],
    ['a grandchild in a session of its own', ['--daemon', '--stubborn']],
    ['a grandchild in the same group', ['--helper']],
  ];

  test.concurrent.for(FLEET)(
    'kill -9 leaves no process: %s (pain 2)',
    async ([, args], { task }) => {
      const canary = `/tmp/canary-${task.id}-${process.pid}`;
      const service = await startService([args], canary);
      // A process has no environment for a moment while it becomes its program, so it is not looked at twice.
      await until('the child runs', () => processesWith(canary).length >= 2);
      service.process.kill('SIGKILL');
      await service.exited;
      await until('nothing is left', () => processesWith(canary).length === 0);
      expect(service.process.signalCode).toBe('SIGKILL');
      const watcher = service.pidOf('reaper');
      await until('the watcher has ended', () => !isRunning(watcher));
    },
  );

  test.concurrent.for(['SIGINT', 'SIGTERM'] as const)(
    '%s and a clean stop leave no process, whatever the children do',
    async (signal) => {
      const canary = `/tmp/canary-${signal}-${process.pid}`;
      const service = await startService([[], ['--daemon', '--stubborn'], ['--hang']], canary);
      await until('every child runs', () => processesWith(canary).length >= 5);
      service.process.kill(signal);
      await service.exited;
      expect(service.process.exitCode).toBe(0);
      expect(processesWith(canary)).toEqual([]);
      expect(isRunning(service.pidOf('reaper'))).toBe(false);
    },
  );
});

test('arm() starts one watcher, whatever the number of calls', () => {
  const reaper = reaperUnderTest();
  expect(reaper.pid).toBeUndefined();
  expect(reaper.arm()).toEqual(reaper.arm());
  const { pid } = reaper;
  reaper.arm();
  expect(reaper.pid).toBe(pid);
});

test('close() before the first child does nothing', async () => {
  await expect(createReaper().close()).resolves.toBeUndefined();
});

test('close() kills a registered group and is done when the watcher is', async () => {
  const reaper = reaperUnderTest();
  reaper.arm();
  const watcher = reaper.pid ?? 0;
  const child = sleeper({});
  reaper.register(child.pid ?? 0);
  await reaper.close();
  await until('the group is gone', () => !isRunning(child.pid ?? 0));
  expect(isRunning(child.pid ?? 0)).toBe(false);
  expect(isRunning(watcher)).toBe(false);
  expect(reaper.pid).toBeUndefined();
});

test('unregister() keeps the watcher away from a group', async () => {
  const reaper = reaperUnderTest();
  reaper.arm();
  const kept = sleeper({});
  const doomed = sleeper({});
  for (const child of [kept, doomed]) reaper.register(child.pid ?? 0);
  reaper.unregister(kept.pid ?? 0);
  await reaper.close();
  await until('the other group is gone', () => !isRunning(doomed.pid ?? 0));
  expect(isRunning(kept.pid ?? 0)).toBe(true);
});

test.skipIf(process.platform !== 'linux')(
  'close() kills a marked process that was never registered',
  async () => {
    const reaper = reaperUnderTest();
    const child = sleeper({ ...reaper.arm() });
    await until('it runs under its own environment', () =>
      processesWith('CORTEX_MCP_SERVICE=').includes(child.pid ?? 0),
    );
    await reaper.close();
    await until('it is gone', () => !isRunning(child.pid ?? 0));
    expect(isRunning(child.pid ?? 0)).toBe(false);
  },
);

test('a watcher that dies is replaced and still knows the groups', async () => {
  const reaper = reaperUnderTest();
  reaper.arm();
  const child = sleeper({});
  reaper.register(child.pid ?? 0);
  const first = reaper.pid ?? 0;
  process.kill(first, 'SIGKILL');
  await until('another watcher runs', () => reaper.pid !== undefined && reaper.pid !== first);
  await reaper.close();
  await until('the group is gone', () => !isRunning(child.pid ?? 0));
  expect(isRunning(child.pid ?? 0)).toBe(false);
});

test('the watcher survives the signals of a terminal', async () => {
  const reaper = reaperUnderTest();
  reaper.arm();
  const watcher = reaper.pid ?? 0;
  const child = sleeper({});
  reaper.register(child.pid ?? 0);
  // Before its first command runs the shell has not set its traps; a group of its own protects it then.
  await until('it ignores signals', () => ignoresSigterm(watcher));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(watcher, signal);
  await reaper.close();
  await until('the group is gone', () => !isRunning(child.pid ?? 0));
  expect(isRunning(child.pid ?? 0)).toBe(false);
});

test('an armed reaper does not keep the event loop alive', async () => {
  const script = `import { createReaper } from ${JSON.stringify(REAPER)}; createReaper().arm();`;
  const args = ['--input-type=module', '-e', script];
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  children.push(child);
  expect(await new Promise((resolve) => void child.once('exit', resolve))).toBe(0);
});

test.skipIf(process.platform !== 'linux')("children do not hold the watcher's pipe open", () => {
  const reaper = reaperUnderTest();
  const env = reaper.arm();
  const child = sleeper({ ...env });
  const input = readlinkSync(`/proc/${reaper.pid}/fd/0`);
  const held = readdirSync(`/proc/${child.pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${child.pid}/fd/${fd}`);
    } catch (error) {
      // The child is starting, and has closed it since.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      return 'closed';
    }
  });
  expect(held).not.toContain(input);
  expect(held.filter((target) => target.startsWith('socket:'))).toEqual([]);
});
