import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openFileStore } from '../src/store/file-store.ts';
import { readStored } from '../src/stored-record.ts';

// The full counts of the fault tests: node test-long/run.ts [kills] [cuts]
// F1 kill -9 at random times, F2 kill -9 at each system call (needs strace), F3 power cuts of an ext4 file system in a
// loop mount (needs mount rights and python3), with a control that must lose data. Prints one JSON line a part and
// ends with 1 when anything acknowledged was lost.

const child = fileURLToPath(new URL('../test/lib/child-main.ts', import.meta.url));
const kills = Number(process.argv[2] ?? 200);
const cuts = Number(process.argv[3] ?? 60);

interface Verdict {
  readonly lost: boolean;
  readonly strays: readonly string[];
  readonly warnings: readonly string[];
  readonly failed?: string;
}

interface Life {
  readonly acked: number;
  readonly closed: boolean;
}

/** Runs a role of the test child until it ends or `until` resolves, which kills it. */
async function live(
  command: readonly string[],
  until: (printed: () => string, running: ChildProcess) => Promise<void>,
): Promise<Life> {
  const [program = '', ...args] = command;
  const running = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  let printed = '';
  running.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const ended = once(running, 'close');
  await Promise.race([ended, until(() => printed, running)]);
  running.kill('SIGKILL');
  await ended;
  const acked = [...printed.matchAll(/^acked (\d+)$/gmu)].map((match) => Number(match[1]));
  return { acked: Math.max(-1, ...acked), closed: printed.includes('closed') };
}

function role(name: string, folder: string, under: readonly string[] = []): string[] {
  return [...under, process.execPath, child, name, folder];
}

/** Opens what is left and compares it with what was acknowledged. */
async function inspect(folder: string, acked: number): Promise<Verdict> {
  const warnings: string[] = [];
  try {
    const store = await openFileStore({
      path: join(folder, 'servers.json'),
      onWarning: (warning) => warnings.push(warning.kind),
    });
    const { records } = await store.load();
    await store.close();
    const numbers = Array.from(records.values(), (record) => Number(readStored(record)['n']));
    const newest = Math.max(-1, ...numbers);
    const whole = numbers.every((n) => n > newest - 50);
    const expected = Math.min(50, newest + 1);
    const lost = newest < acked || newest > acked + 1 || !whole || records.size !== expected;
    return {
      lost,
      strays: readdirSync(folder).filter((name) => /next|probe/u.test(name)),
      warnings,
    };
  } catch (error) {
    return { lost: true, strays: [], warnings, failed: String(error) };
  }
}

async function untilAcked(printed: () => string, thenMs: number): Promise<void> {
  while (!printed().includes('acked')) await wait(2);
  await wait(thenMs);
}

function report(part: string, verdicts: readonly Verdict[], more: Record<string, unknown> = {}) {
  const lost = verdicts.filter((one) => one.lost).length;
  const strays = verdicts.filter((one) => one.strays.length > 0).length;
  const warned = verdicts.filter((one) => one.warnings.length > 0).length;
  const failed = verdicts.map((one) => one.failed).filter((one) => one !== undefined);
  const line = { part, rounds: verdicts.length, lost, strays, warned, ...more, failed };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return lost + strays;
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
      const paths = [
        'servers.json',
        'servers.json.next',
        'servers.json.prev',
        'servers.json.prev.next',
        'servers.log',
        'servers.log.next',
        'servers.log.prev.next',
      ].flatMap((name) => ['-P', join(folder, name)]);
      const under = [
        'strace',
        '-f',
        '-o',
        '/dev/null',
        ...paths,
        '-e',
        `trace=${call}`,
        '-e',
        `inject=${call}:signal=SIGKILL:when=${at}`,
      ];
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
if (process.argv[4] === 'cuts') process.exit(await powerCuts());
const faults = (await killAtRandom()) + (await killAtCalls()) + (await powerCuts());
process.exitCode = faults === 0 ? 0 : 1;
