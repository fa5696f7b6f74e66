import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { childEnvironment } from '../../src/upstream/process/child-process-env.ts';
import { groupRemains } from '../../src/upstream/process/child-process-group.ts';
import { createStderrTail } from '../../src/upstream/process/child-process-stderr.ts';
import {
  spawnChild,
  type ChildHandle,
  type ChildOptions,
} from '../../src/upstream/process/child-process.ts';
import { createReaper } from '../../src/upstream/process/reaper.ts';
import { isRunning, until } from './fixtures-stdio/processes.ts';

// Real processes on a busy machine; nothing here waits for its own sake.
vi.setConfig({ testTimeout: 30_000 });

const reaper = createReaper();
const children: ChildHandle[] = [];
const folder = mkdtempSync(join(tmpdir(), 'child-process-'));

afterEach(async () => {
  await Promise.all(children.splice(0).map(async (child) => child.stop({ closeGraceMs: 0 })));
});

afterAll(async () => {
  await reaper.close();
  rmSync(folder, { recursive: true, force: true });
});

async function run(script: string, changes: Partial<ChildOptions> = {}): Promise<ChildHandle> {
  const child = await spawnChild({
    connectorId: 'one',
    command: process.execPath,
    args: ['-e', script],
    env: {},
    baseEnv: process.env,
    cwd: undefined,
    reaper,
    onStderr: () => undefined,
    ...changes,
  });
  children.push(child);
  return child;
}

async function output(child: ChildHandle): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return text;
}

test('spawnChild() passes arguments literally, without a shell (S7)', async () => {
  const args = ['-e', 'console.log(JSON.stringify(process.argv.slice(1)))', ';id', '$(id)', '`id`'];
  const child = await run('', { args });
  expect(JSON.parse(await output(child))).toEqual([';id', '$(id)', '`id`']);
});

test('spawnChild() keeps the secrets of the service from the child (S7)', async () => {
  const child = await run('console.log(JSON.stringify(process.env))', {
    baseEnv: { PATH: '/usr/bin', AWS_SECRET_ACCESS_KEY: 's', NODE_OPTIONS: '--x', LC_ALL: 'C' },
    env: { API_KEY: 'own' },
  });
  const env: unknown = JSON.parse(await output(child));
  expect(env).toEqual({
    PATH: '/usr/bin',
    LC_ALL: 'C',
    API_KEY: 'own',
    CORTEX_MCP_SERVICE: expect.stringMatching(/^[0-9a-f-]{36}$/),
  });
});

test('spawnChild() runs in cwd', async () => {
  const child = await run('console.log(process.cwd())', { cwd: folder });
  expect((await output(child)).trim()).toBe(folder);
});

test.for([
  ['an unknown command', { command: 'no-such-command' }, /no-such-command was not found; install/],
  ['a path that is not there', { command: '/no/such' }, /\/no\/such was not found; check the path/],
  [
    'a folder that is not there',
    { cwd: '/no/such' },
    /working directory \/no\/such does not exist/,
  ],
  ['a folder that is a file', { cwd: process.execPath }, /working directory .* does not exist/],
  ['an argument with a NUL', { args: ['a\0b'] }, /could not be started \(ERR_INVALID_ARG_VALUE\)/],
] as const)('spawnChild() names the cause and the cure: %s', async ([, changes, message]) => {
  await expect(run('', changes)).rejects.toMatchObject({
    code: 'SPAWN_FAILED',
    phase: 'spawn',
    connectorId: 'one',
    unsent: true,
    message: expect.stringMatching(message),
  });
});

test('spawnChild() names a file that is not executable', async () => {
  const command = join(folder, 'not-executable');
  writeFileSync(command, '#!/bin/sh\n');
  chmodSync(command, 0o600);
  await expect(run('', { command })).rejects.toThrow(/may not be run \(EACCES\)/);
});

test('exited says how it ended, and the last words are known by then', async () => {
  const child = await run('console.error("\\u001b[31mno key\\u001b[0m"); process.exit(7)');
  expect(await child.exited).toEqual({ exitCode: 7, signal: null });
  expect(child.stderr.lastLine()).toBe('no key');
});

test('stop() lets a program that heeds the end of its input finish its work', async () => {
  const child = await run(
    'process.stdin.resume().on("end", () => setTimeout(() => { console.log("done"); process.exit(0) }, 50))',
  );
  const text = output(child);
  await child.stop();
  expect(await text).toBe('done\n');
  expect(await child.exited).toEqual({ exitCode: 0, signal: null });
});

const IGNORES_EOF = 'setInterval(() => {}, 1000); console.log("up");';
const IGNORES_ALL = `process.on("SIGTERM", () => {}); ${IGNORES_EOF}`;

test.for([
  ['SIGTERM', IGNORES_EOF],
  ['SIGKILL', IGNORES_ALL],
] as const)('stop() comes to %s with a program that needs it', async ([signal, script]) => {
  const child = await run(script);
  await new Promise((resolve) => void child.stdout.once('data', resolve));
  await Promise.all([child.stop({ closeGraceMs: 50, termGraceMs: 100 }), child.stop()]);
  expect(await child.exited).toEqual({ exitCode: null, signal });
  expect(await groupRemains(child.pid)).toBe(false);
});

test('stop() does not wait for input that the program never reads', async () => {
  const child = await run(IGNORES_EOF.replace('setInterval', 'process.stdin.pause(); setInterval'));
  child.stdin.write(Buffer.alloc(4 * 1024 * 1024));
  await new Promise((resolve) => void child.stdout.once('data', resolve));
  await child.stop({ closeGraceMs: 50 });
  expect(await groupRemains(child.pid)).toBe(false);
});

test('what a program leaves in its group is killed when it ends by itself', async () => {
  const child = await run(
    `const { spawn } = require('node:child_process');
     const left = spawn(process.execPath, ['-e', ${JSON.stringify(IGNORES_ALL)}], { stdio: ['ignore', 'pipe', 'inherit'] });
     left.stdout.once('data', () => { console.log(left.pid); process.exit(0) });`,
  );
  const left = Number(
    (await new Promise((resolve) => void child.stdout.once('data', resolve))) ?? 0,
  );
  expect(isRunning(left)).toBe(true);
  await child.exited;
  await until('the left-over process is gone', () => !isRunning(left));
});

test('stderr is drained: a program that floods it keeps running', async () => {
  const lines: string[] = [];
  const child = await run(
    `for (let i = 0; i < 20000; i += 1) process.stderr.write('line ' + i + ' ' + 'x'.repeat(100) + '\\n');
     process.stdout.write('survived'); process.exitCode = 0;`,
    { onStderr: (line) => lines.push(line) },
  );
  expect(await output(child)).toBe('survived');
  await child.exited;
  expect(lines).toHaveLength(20_000);
  expect(child.stderr.text().length).toBeLessThanOrEqual(8192);
  expect(child.stderr.text()).toMatch(/line 19999/);
});

test('createStderrTail() cuts long lines and skips stack frames for the last line', () => {
  const lines: string[] = [];
  const tail = createStderrTail((line) => lines.push(line));
  tail.push(
    Buffer.from(`${'y'.repeat(10_000)}\nError: no token\n    at main (a.js:1)\n\nNode.js v26`),
  );
  tail.end();
  expect(lines[0]).toHaveLength(4096);
  expect(tail.lastLine()).toBe('Error: no token');
});

test('childEnvironment() inherits names without regard to case on Windows, by their exact name elsewhere', () => {
  const base = { Path: 'p', SystemRoot: 'r', https_proxy: 'x', HOME: '() { evil; }', PWD: '/' };
  expect(childEnvironment(base, {}, {}, 'win32')).toEqual({
    Path: 'p',
    SystemRoot: 'r',
    https_proxy: 'x',
  });
  expect(childEnvironment(base, { A: undefined }, { M: '1' }, 'linux')).toEqual({
    https_proxy: 'x',
    M: '1',
  });
});
