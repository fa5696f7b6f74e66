import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { injected } from '../test/lib/strace.ts';
import { failAtCalls, slowDisk } from './call-errors.ts';
import { damageFiles } from './damage.ts';
import { inspect, live, report, role, type Verdict } from './lib/life.ts';

// The full counts of the fault tests: node test-long/run.ts [kills] [cuts] [part]
// F1 kill -9 at random times, F2 kill -9 at each system call, F6 each call failing, F17 a slow disk (these need strace),
// F8 damaged files, F3 power cuts of an ext4 file system in a loop mount (needs mount rights and python3), with a control
// that must lose data. Prints one JSON line a part and ends with 1 when anything acknowledged was lost.

const kills = Number(process.argv[2] ?? 200);
const cuts = Number(process.argv[3] ?? 60);

async function untilAcked(printed: () => string, thenMs: number): Promise<void> {
  while (!printed().includes('acked')) await wait(2);
  await wait(thenMs);
}

async function killAtRandom(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'registry-long-'));
  const verdicts: Verdict[] = [];
  let acked = -1;
  for (let round = 0; round < kills; round++) {
    const thenMs = (round * 37) % 120;
    const life = await live(role('writer', folder), async (printed) => untilAcked(printed, thenMs));
    acked = Math.max(acked, life.acked);
    verdicts.push(await inspect(folder, acked));
  }
  rmSync(folder, { recursive: true, force: true });
  return report('F1 kill -9 at random times', verdicts, { acknowledged: acked + 1 });
}

const calls = [
  'openat',
  'write',
  'pwrite64',
  'pread64',
  'fdatasync',
  'fsync',
  'link',
  'rename',
  'unlink',
  'ftruncate',
];

/** Kills at the k-th call of each kind until the life gets through. */
async function killAtCalls(): Promise<number> {
  if (spawnSync('strace', ['-o', '/dev/null', 'true']).status !== 0) {
    process.stdout.write('{"part":"F2","skipped":"strace cannot run here"}\n');
    return 0;
  }
  const verdicts: Verdict[] = [];
  for (const call of calls) {
    // Node itself opens and reads hundreds of files before the registry does; only calls on its files count.
    for (let at = 1; at <= 60; at++) {
      const folder = mkdtempSync(join(tmpdir(), 'registry-long-'));
      const first = await live(role('short', folder), async () =>
        wait(60_000, undefined, { ref: false }),
      );
      const under = injected(folder, call, `signal=SIGKILL:when=${at}`);
      const life = await live(role('short', folder, under), async () =>
        wait(60_000, undefined, { ref: false }),
      );
      verdicts.push(await inspect(folder, Math.max(first.acked, life.acked)));
      rmSync(folder, { recursive: true, force: true });
      if (life.closed) break;
    }
  }
  return report('F2 kill -9 at each system call', verdicts);
}

// FS_IOC_SHUTDOWN with NOLOGFLUSH: what has not reached the disk's journal is gone, as at a power cut.
const cutPower = `
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))
`;

function mount(image: string, folder: string, options: string): boolean {
  return spawnSync('mount', ['-o', `loop${options}`, image, folder]).status === 0;
}

/** Writes without any sync, the way the earlier build did; the harness must see it lose data. */
const careless = `
const fs = require('node:fs'); const path = process.argv[1] + '/servers.json';
for (let n = 0; ; n++) {
  const servers = []; for (let i = Math.max(0, n - 49); i <= n; i++) servers.push({ name: 's-' + i % 50, transport: 'stdio', n: i });
  fs.writeFileSync(path + '.tmp', JSON.stringify({ servers })); fs.renameSync(path + '.tmp', path);
  fs.writeSync(1, 'acked ' + n + '\\n');
}`;

async function cutOnce(
  image: string,
  folder: string,
  options: string,
  command: (state: string) => string[],
) {
  if (!mount(image, folder, options)) return undefined;
  const state = join(folder, 'state');
  rmSync(state, { recursive: true, force: true });
  mkdirSync(state);
  spawnSync('sync', []);
  const life = await live(command(state), async (printed, running) => {
    await untilAcked(printed, 30 + Math.floor(Math.random() * 90));
    // Stopped first: a process that outlives the cut could print an acknowledgement that no machine would have given.
    running.kill('SIGSTOP');
    spawnSync('python3', ['-c', cutPower, folder]);
  });
  spawnSync('umount', [folder]);
  if (!mount(image, folder, options)) return undefined;
  const verdict = await inspect(state, life.acked);
  spawnSync('umount', [folder]);
  return verdict;
}

async function powerCuts(): Promise<number> {
  const base = mkdtempSync(join(tmpdir(), 'registry-long-'));
  const [image, folder] = [join(base, 'disk.img'), join(base, 'mount')];
  mkdirSync(folder);
  spawnSync('truncate', ['-s', '64M', image]);
  spawnSync('mkfs.ext4', ['-q', image]);
  let bad = 0;
  const modes = [
    ['ext4 defaults', ''],
    ['writeback, noauto_da_alloc', ',data=writeback,noauto_da_alloc'],
  ] as const;
  for (const [name, options] of modes) {
    const [ours, control]: [Verdict[], Verdict[]] = [[], []];
    for (let round = 0; round < cuts; round++) {
      const verdict = await cutOnce(image, folder, options, (state) => role('writer', state));
      if (verdict !== undefined) ours.push(verdict);
      if (round >= 10) continue;
      const careful = await cutOnce(image, folder, options, (state) => [
        process.execPath,
        '-e',
        careless,
        state,
      ]);
      if (careful !== undefined) control.push(careful);
    }
    if (ours.length === 0) {
      process.stdout.write('{"part":"F3","skipped":"no loop mount here"}\n');
      break;
    }
    bad += report(`F3 power cut, ${name}`, ours);
    const seen = control.filter((one) => one.lost).length;
    process.stdout.write(
      `${JSON.stringify({ part: `F3 control without syncs, ${name}`, rounds: control.length, lost: seen })}\n`,
    );
    if (seen === 0) bad++;
  }
  rmSync(base, { recursive: true, force: true });
  return bad;
}

process.stdout.write(`${JSON.stringify({ node: process.version, kills, cuts })}\n`);
const parts: Readonly<Record<string, () => Promise<number>>> = {
  kills: killAtRandom,
  calls: killAtCalls,
  errors: failAtCalls,
  slow: slowDisk,
  damage: async () => damageFiles(1_000),
  cuts: powerCuts,
};
let faults = 0;
for (const [name, part] of Object.entries(parts))
  if (process.argv[4] === undefined || process.argv[4] === name) faults += await part();
process.exitCode = faults === 0 ? 0 : 1;
