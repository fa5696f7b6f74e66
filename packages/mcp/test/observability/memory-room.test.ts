import { totalmem } from 'node:os';
import { expect, test } from 'vitest';
import { readMemoryRoom } from '../../src/observability/memory-room.ts';

const MIB = 1_048_576;
const meminfo = { '/proc/meminfo': 'MemTotal: 8388608 kB\nMemAvailable: 1024 kB\n' };
const used = totalmem() - MIB;

const room = async (files: Readonly<Record<string, string>>) =>
  await readMemoryRoom(async (path) => await Promise.resolve({ ...meminfo, ...files }[path]));

test('readMemoryRoom() reads a group of version 2, without caches that are taken back first (R11)', async () => {
  const group = '/sys/fs/cgroup/app.slice/cortex.service';
  const files = {
    '/proc/self/cgroup': '0::/app.slice/cortex.service\n',
    [`${group}/memory.max`]: `${1_000 * MIB}\n`,
    [`${group}/memory.high`]: 'max\n',
    [`${group}/memory.current`]: `${970 * MIB}\n`,
    [`${group}/memory.stat`]: `anon 1\nfile 2\ninactive_file ${20 * MIB}\nactive_file 9\n`,
  };
  expect(await room(files)).toEqual({ limitBytes: 1_000 * MIB, usedBytes: 950 * MIB });
  // The kernel slows the group down before it ends one of it.
  const high = { ...files, [`${group}/memory.high`]: `${800 * MIB}\n` };
  expect((await room(high)).limitBytes).toBe(800 * MIB);
  // The slice around it is nearer to its limit.
  const around = {
    ...files,
    '/sys/fs/cgroup/app.slice/memory.max': `${2_000 * MIB}`,
    '/sys/fs/cgroup/app.slice/memory.current': `${1_980 * MIB}`,
  };
  expect(await room(around)).toEqual({ limitBytes: 2_000 * MIB, usedBytes: 1_980 * MIB });
});

test('readMemoryRoom() reads a group of version 1, also from within a container', async () => {
  const limits = (folder: string) => ({
    [`${folder}/memory.limit_in_bytes`]: `${500 * MIB}`,
    [`${folder}/memory.usage_in_bytes`]: `${400 * MIB}`,
    [`${folder}/memory.stat`]: `inactive_file 5\ntotal_inactive_file ${100 * MIB}\n`,
  });
  const membership = '9:name=systemd:/\n4:memory:/docker/abc\n0::/\n';
  const expected = { limitBytes: 500 * MIB, usedBytes: 300 * MIB };
  const root = '/sys/fs/cgroup/memory';
  expect(await room({ '/proc/self/cgroup': membership, ...limits(`${root}/docker/abc`) })).toEqual(
    expected,
  );
  // There the path is that of the host, and the group is what is mounted.
  expect(await room({ '/proc/self/cgroup': membership, ...limits(root) })).toEqual(expected);
  const outside = '4:cpu,memory:/../x\n';
  expect(await room({ '/proc/self/cgroup': outside, ...limits(root) })).toEqual(expected);
});

test.each([
  ['there are no groups', {}],
  [
    'no group has a limit',
    { '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/memory.max': 'max' },
  ],
  [
    'the limit is beyond any machine',
    {
      '/proc/self/cgroup': '4:memory:/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712',
      '/sys/fs/cgroup/memory/memory.usage_in_bytes': '1000',
    },
  ],
])('readMemoryRoom() is that of the machine where %s', async (_what, files) => {
  expect(await room(files)).toEqual({ limitBytes: totalmem(), usedBytes: used });
});

test('readMemoryRoom() reads this machine', async () => {
  const { limitBytes, usedBytes } = await readMemoryRoom();
  expect(usedBytes).toBeGreaterThan(0);
  expect(usedBytes).toBeLessThan(limitBytes);
});
