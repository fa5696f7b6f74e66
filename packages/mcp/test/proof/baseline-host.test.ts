import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { type CommandAnswer, createRunCommand } from '../../src/proof/baseline-command.ts';
import { readHostFacts } from '../../src/proof/baseline-host.ts';
import { machineOomKills, machineTicks } from '../../src/proof/baseline-machine.ts';
import { medianOf, noiseOf, slopePerMinute, variationOf } from '../../src/proof/baseline-series.ts';
import { createHostFiles } from '../../src/proof/host-files.ts';
import { ownerPid } from '../../src/proof/owner-pid.ts';

const said = (text: string): CommandAnswer => ({ kind: 'said', text });

async function tree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

test('readHostFacts() keeps units without their environment, the repository, THP, allocator and flags (S1-13 to S1-15, S1-21, S1-22)', async () => {
  await using folder = tempFolder();
  await tree(folder.path, {
    'sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
    'proc/4/maps': '7f00 r-xp /usr/lib/libjemalloc.so.2\n',
    'proc/4/cmdline': 'node\0--max-semi-space-size=64\0cortex-mcp.js\0serve\0',
    'proc/4/environ': 'NODE_OPTIONS=--enable-source-maps\0KEY=secret\0',
    'proc/sys/kernel/osrelease': '6.18\n',
  });
  const answers: Readonly<Record<string, CommandAnswer>> = {
    'systemctl --user list-units': said('mcp-one.service loaded active running x\n'),
    'systemctl --user show': said('Id=mcp-one.service\nEnvironment=KEY=secret\nMemoryCurrent=5\n'),
    'git -C /etc/mcp rev-parse': said('abc1234\n'),
    'git -C /etc/mcp status': said(' M a\n?? b\n'),
    'nvidia-smi': said('name, memory\nGPU, 1 MiB\n'),
  };
  const facts = await readHostFacts({
    files: createHostFiles(folder.path),
    run: async (command, args) => {
      const line = [command, ...args].join(' ');
      const key = Object.keys(answers).find((one) => line.startsWith(one)) ?? '';
      return await Promise.resolve(answers[key] ?? { kind: 'absent' });
    },
    pid: 4,
    configPath: '/etc/mcp/cortex-mcp.json',
  });
  expect(facts.lines).toEqual({
    thp: 'always [madvise] never',
    allocator: 'jemalloc',
    nodeFlags: '--max-semi-space-size=64 --enable-source-maps',
    configRepository: '2 uncommitted changes at abc1234',
    units: 'mcp-one.service',
    gpu: 'gpu.txt',
    kernel: '6.18',
  });
  expect(facts.files['systemd-metrics.txt']).toContain('=== mcp-one.service ===');
  expect(facts.files['systemd-metrics.txt']).toContain('MemoryCurrent=5');
  expect(JSON.stringify(facts)).not.toContain('secret');
});

test('readHostFacts() says why something is unknown', async () => {
  await using folder = tempFolder();
  const files = createHostFiles(folder.path);
  const failing = await readHostFacts({
    files,
    run: async (command) =>
      await Promise.resolve(
        command === 'systemctl' ? { kind: 'failed', message: 'no bus' } : { kind: 'absent' },
      ),
    pid: 4,
    configPath: undefined,
  });
  expect(failing.lines).toMatchObject({
    thp: expect.stringMatching(/^unknown: .*cannot be read$/),
    allocator: expect.stringMatching(/^unknown/),
    nodeFlags: expect.stringMatching(/^unknown/),
    units: 'unknown: systemctl --user failed: no bus',
    gpu: 'no nvidia-smi, not looked at',
  });
  expect(Object.keys(failing.files)).not.toContain('gpu.txt');
});

test('createRunCommand() tells a program that is absent from one that failed', async () => {
  const run = createRunCommand({ PATH: process.env['PATH'] ?? '' });
  expect(await run('no-such-program-here', [])).toEqual({ kind: 'absent' });
  expect(await run(process.execPath, ['-p', '1'])).toEqual({ kind: 'said', text: '1\n' });
  const failed = await run(process.execPath, ['-e', 'console.error("bad"); process.exit(3)']);
  expect(failed).toEqual({ kind: 'failed', message: 'bad' });
});

test('machineTicks() and machineOomKills() read the kernel, or know nothing (S1-33)', () => {
  expect(machineTicks('cpu  10 0 20 60 10 0 0 0 5 0\ncpu0 1\n')).toEqual({
    allTicks: 100,
    busyTicks: 30,
  });
  expect(machineOomKills('a 1\noom_kill 3\n')).toBe(3);
  expect([machineTicks(undefined), machineOomKills(undefined)]).toEqual([undefined, undefined]);
});

test('noise, variation and slope need enough points; unknown ones are left out (S1-34, S3-12)', () => {
  expect(noiseOf([1, 2])).toBeUndefined();
  expect(noiseOf([9, undefined, 10, 11])).toBeCloseTo(2 / Math.sqrt(3) / 10);
  expect(variationOf([9, 10, 11])).toBeCloseTo(0.1);
  expect(variationOf([0, 0, 0])).toBeUndefined();
  expect([medianOf([3, 1]), medianOf([undefined])]).toEqual([2, undefined]);
  const minute = [0, 30_000, 60_000];
  expect(slopePerMinute([100, 150, 200], minute)).toBeCloseTo(100);
  expect(slopePerMinute([100, 150, 200], [0, 1_000, 2_000])).toBeUndefined();
});

const row = (flags: string, inode: number, name: string): string =>
  `0000: 00000002 00000000 ${flags} 0001 01 ${inode} @${name}`;

test('ownerPid() finds who listens on a name, and not who is connected to it', async () => {
  await using folder = tempFolder();
  await tree(folder.path, {
    'proc/net/unix': [row('00000000', 1, 'x'), row('00010000', 2, 'x'), ''].join('\n'),
  });
  for (const [pid, inode] of Object.entries({ 7: 1, 8: 2 })) {
    await mkdir(join(folder.path, 'proc', pid, 'fd'), { recursive: true });
    await symlink(`socket:[${inode}]`, join(folder.path, 'proc', pid, 'fd', '3'));
  }
  const files = createHostFiles(folder.path);
  expect(await ownerPid(files, 'x')).toBe(8);
  expect(await ownerPid(files, 'y')).toBeUndefined();
});
