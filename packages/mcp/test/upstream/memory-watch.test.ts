import { expect, test } from 'vitest';
import { spawnChild } from '../../src/upstream/process/child-process.ts';
import { treeRssBytes } from '../../src/upstream/process/memory-watch.ts';
import { createReaper } from '../../src/upstream/process/reaper.ts';

const MIB = 1_048_576;
const GROWING = `
const { spawn } = require('node:child_process');
spawn(process.execPath, ['-e', 'const held = Buffer.alloc(200 * 1048576, 1); setInterval(() => held, 1000)'], { stdio: 'ignore' });
setInterval(() => undefined, 1000);
`;
const linux = process.platform === 'linux';

async function start(maxRssBytes: number | undefined, script: string) {
  const reaper = createReaper();
  const child = await spawnChild({
    connectorId: 'tool',
    command: process.execPath,
    args: ['-e', script],
    env: {},
    baseEnv: process.env,
    cwd: undefined,
    maxRssBytes,
    memoryIntervalMs: 50,
    reaper,
    onStderr: () => undefined,
  });
  return {
    child,
    [Symbol.asyncDispose]: async () => {
      await child.stop({ closeGraceMs: 0, termGraceMs: 500 });
      await reaper.close();
    },
  };
}

test.runIf(linux)(
  'a process whose own process grows beyond maxRssBytes is stopped, and says why',
  async () => {
    await using one = await start(150 * MIB, GROWING);
    const exit = await one.child.exited;
    expect(exit.exitCode === 0 && exit.signal === null).toBe(false);
    expect(one.child.stderr.lastLine()).toMatch(
      /^cortex-mcp: it held \d{3} MiB, more than its maxRssBytes of 150 MiB$/,
    );
  },
);

test.runIf(linux)('a process below maxRssBytes is left alone', async () => {
  await using one = await start(2_000 * MIB, 'setTimeout(() => process.exit(7), 400)');
  expect(await one.child.exited).toEqual({ exitCode: 7, signal: null });
  expect(one.child.stderr.lastLine()).toBeUndefined();
});

test.runIf(linux)(
  'treeRssBytes() counts what this process holds, and nothing for one that is not there',
  async () => {
    expect(await treeRssBytes(process.pid)).toBeGreaterThan(20 * MIB);
    expect(await treeRssBytes(2 ** 22 + 1)).toBe(0);
  },
);
