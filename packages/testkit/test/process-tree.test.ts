import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { allProcesses, countChildren, isAlive, processTree, waitUntil } from '../src/index.ts';

const SLEEP = 'setInterval(() => {}, 60000)';
const PARENT = `require('node:child_process').spawn(process.execPath, ['-e', '${SLEEP}']); ${SLEEP}`;

test('processTree() finds children and grandchildren, and isAlive() sees them go', async () => {
  const parent = spawn(process.execPath, ['-e', PARENT], { stdio: 'ignore', detached: true });
  const pid = parent.pid ?? 0;
  await waitUntil(() => countChildren(pid) === 1, { describe: 'the grandchild runs' });
  const [grandchild] = processTree(pid);
  expect(grandchild).toMatchObject({ ppid: pid, pgid: pid, session: pid });
  expect(grandchild?.command).toContain('setInterval');
  expect(processTree(process.pid).map((entry) => entry.pid)).toEqual(
    expect.arrayContaining([pid, grandchild?.pid]),
  );
  expect(isAlive(pid)).toBe(true);
  process.kill(-pid, 'SIGKILL');
  await once(parent, 'exit');
  await waitUntil(() => !isAlive(grandchild?.pid ?? 0), { describe: 'the grandchild is gone' });
  expect(isAlive(pid)).toBe(false);
  expect(allProcesses().some((entry) => entry.pid === process.pid)).toBe(true);
});
