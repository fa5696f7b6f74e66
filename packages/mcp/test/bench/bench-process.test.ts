import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';

interface Command {
  readonly command: string;
  readonly args: readonly string[];
}

const { runBench } = (await import(
  new URL('../../../../scripts/bench-process.mjs', import.meta.url).href
)) as {
  readonly runBench: (
    command: Command,
    limitMs: number,
    ended: AbortSignal,
  ) => Promise<{ readonly failed: string | undefined; readonly seconds: number }>;
};

const running = new AbortController().signal;
const nodeWith = (...args: readonly string[]): Command => ({ command: process.execPath, args });
const FOREVER = 'setInterval(() => undefined, 1_000)';
const STARTS_ANOTHER = `
  const { spawn } = require('node:child_process');
  const { renameSync, writeFileSync } = require('node:fs');
  const other = spawn(process.execPath, ['-e', 'for (;;);'], { detached: true, stdio: 'ignore' });
  writeFileSync(process.argv[1] + '.new', String(other.pid));
  renameSync(process.argv[1] + '.new', process.argv[1]);
  ${FOREVER};
`;

test('runBench() says nothing of a bench that ends, and how one failed', async () => {
  const { failed, seconds } = await runBench(nodeWith('-e', ''), 60_000, running);
  expect(failed).toBeUndefined();
  expect(seconds).toBeGreaterThan(0);
  const thrown = await runBench(nodeWith('-e', 'process.exit(3)'), 60_000, running);
  expect(thrown.failed).toBe('failed with 3');
  const missing = { command: '/nowhere/at/all', args: [] };
  expect((await runBench(missing, 60_000, running)).failed).toMatch('cannot be started');
});

test('runBench() ends a bench that takes longer than its limit', async () => {
  const { failed } = await runBench(nodeWith('-e', FOREVER), 200, running);
  expect(failed).toBe('did not end within 0.2 s');
});

test('runBench() ends all that a bench has started, be it busy and in a group of its own', async () => {
  await using folder = tempFolder();
  const file = join(folder.path, 'pid');
  const ended = new AbortController();
  const over = runBench(nodeWith('-e', STARTS_ANOTHER, file), 60_000, ended.signal);
  await waitUntil(() => existsSync(file), {
    timeoutMs: 20_000,
    describe: 'it has started another',
  });
  const other = Number(readFileSync(file, 'utf8'));
  expect(isAlive(other)).toBe(true);
  ended.abort();
  expect((await over).failed).toBe('was stopped');
  await waitUntil(() => !isAlive(other), { timeoutMs: 10_000, describe: 'the other has ended' });
});
