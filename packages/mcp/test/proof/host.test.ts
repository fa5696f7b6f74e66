import { readdirSync } from 'node:fs';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { cgroupOf, machineMemoryPressure } from '../../src/proof/host-cgroup.ts';
import { createHostFiles } from '../../src/proof/host-files.ts';
import {
  allProcessRows,
  groupsMemory,
  processMemory,
  processStart,
} from '../../src/proof/host-process.ts';
import { kernelFiles, statLine } from './reading-fixture.ts';

const MIB = 1_048_576;

function openFiles(): number {
  return readdirSync('/proc/self/fd').length;
}

test('createHostFiles() opens a few files at a time, however many are asked for', async (context) => {
  context.skip(process.platform !== 'linux', 'no procfs');
  await using folder = tempFolder();
  const names = Array.from({ length: 600 }, (_, index) => `proc/${index}/stat`);
  await kernelFiles(folder.path, Object.fromEntries(names.map((name) => [name, name])));
  const files = createHostFiles(folder.path);
  const before = openFiles();
  let most = 0;
  const looking = setInterval(() => {
    most = Math.max(most, openFiles() - before);
  }, 0);
  const texts = await Promise.all(names.map(async (name) => await files.text(name)));
  clearInterval(looking);
  expect(texts).toEqual(names);
  expect(most).toBeLessThan(100);
});

test('processMemory(), processStart() read this very process where there is a procfs', async (context) => {
  context.skip(process.platform !== 'linux', 'no procfs');
  const files = createHostFiles();
  const { rssBytes = 0, pssBytes = 0 } = await processMemory(files, process.pid);
  expect(rssBytes).toBeGreaterThan(10 * MIB);
  expect(pssBytes).toBeGreaterThan(0);
  expect(pssBytes).toBeLessThanOrEqual(rssBytes * 1.5);
  const start = await processStart(files, process.pid);
  expect(start?.env?.get('PATH')).toBe(process.env['PATH']);
  const rows = await allProcessRows(files);
  expect(rows.find(({ pid }) => pid === process.pid)?.parentPid).toBe(process.ppid);
});

test('groupsMemory() adds up the processes of a group, and knows nothing of one that cannot be read', async () => {
  await using folder = tempFolder();
  await kernelFiles(folder.path, {
    'proc/7/stat': statLine(7, 1, 7),
    'proc/7/status': 'VmRSS:\t  2048 kB\n',
    'proc/7/smaps_rollup': 'Pss:   1024 kB\n',
    'proc/8/stat': statLine(8, 7, 7),
    'proc/8/status': 'VmRSS:\t  1024 kB\n',
    'proc/9/stat': statLine(9, 1, 9),
    'proc/self/stat': statLine(10, 1, 7),
  });
  const files = createHostFiles(folder.path);
  const rows = await allProcessRows(files);
  expect(rows.map(({ pid }) => pid).toSorted((a, b) => a - b)).toEqual([7, 8, 9]);
  expect(await groupsMemory(files, rows, [7])).toEqual({ rssBytes: 3 * MIB, pssBytes: MIB });
  expect(await groupsMemory(files, rows, [9])).toEqual({
    rssBytes: undefined,
    pssBytes: undefined,
  });
  expect(await processStart(files, 7)).toBeUndefined();
});

test('cgroupOf() reads limits, events and pressure of version 2, none where the group is not ours to see (S1-B2)', async () => {
  await using folder = tempFolder();
  const group = 'sys/fs/cgroup/user.slice/app';
  await kernelFiles(folder.path, {
    'proc/5/cgroup': '0::/user.slice/app\n',
    'proc/6/cgroup': '0::/../other\n',
    'proc/7/cgroup': '9:memory:/x\n',
    [`${group}/cgroup.controllers`]: 'cpu memory\n',
    [`${group}/memory.max`]: '1048576000\n',
    [`${group}/memory.high`]: 'max\n',
    [`${group}/memory.current`]: '1000\n',
    [`${group}/memory.events`]: 'low 0\nhigh 3\nmax 2\noom 1\noom_kill 1\n',
    [`${group}/cpu.max`]: '150000 100000\n',
    [`${group}/memory.pressure`]:
      'some avg10=1.50 avg60=6.25 avg300=0.00 total=1\nfull avg10=0.50 avg60=2.00 avg300=0.00 total=1\n',
    'proc/pressure/memory': 'some avg10=0.10 avg60=0.20 avg300=0.00 total=0\n',
  });
  const files = createHostFiles(folder.path);
  expect(await cgroupOf(files, 5)).toEqual({
    path: '/user.slice/app',
    memoryMaxBytes: 1_048_576_000,
    memoryHighBytes: Infinity,
    memoryBytes: 1_000,
    swapMaxBytes: undefined,
    oomKills: 1,
    highEvents: 3,
    maxEvents: 2,
    cpus: 1.5,
    memoryPressure: { some: { avg10: 1.5, avg60: 6.25 }, full: { avg10: 0.5, avg60: 2 } },
    cpuPressure: undefined,
  });
  expect(await cgroupOf(files, 6)).toBeUndefined();
  expect(await cgroupOf(files, 7)).toBeUndefined();
  expect(await machineMemoryPressure(files)).toEqual({
    some: { avg10: 0.1, avg60: 0.2 },
    full: undefined,
  });
});
