import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startChild, type Child } from '../lib/child.ts';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

function lastAcked(child: Child): number {
  return Math.max(
    -1,
    ...child.lines.filter((line) => line.startsWith('acked ')).map((line) => Number(line.slice(6))),
  );
}

/** Reopens a folder and checks it against what a killed writer said. */
async function expectNothingLost(folder: string, acked: number, label: string): Promise<void> {
  const { cache, warnings } = await openCache({ path: join(folder, 'servers.json') });
  const newest = Math.max(-1, ...cache.getAll().map((one) => Number(one['n'])));
  // The write that was cut off may have arrived whole, one before it may not be missing.
  const wrong = [];
  for (let n = Math.max(0, newest - 49); n <= newest; n++)
    if (cache.get(`s-${n % 50}`)?.['n'] !== n) wrong.push(n);
  await cache.close();
  const strays = readdirSync(folder).filter((name) => /next|probe/u.test(name));
  const corrupt = warnings.some((one) => one.kind === 'corrupt-snapshot');
  const lost = acked - newest > 0;
  const invented = newest - acked > 1;
  expect({ label, wrong, strays, corrupt, lost, invented }).toEqual({
    label,
    wrong: [],
    strays: [],
    corrupt: false,
    lost: false,
    invented: false,
  });
}

test(
  'kill -9 at any time loses nothing acknowledged (S4-28, F1)',
  { timeout: 30_000 },
  async () => {
    const folder = tempFolder();
    let acked = -1;
    for (let round = 0; round < 6; round++) {
      const child = startChild('writer', folder);
      await child.said('acked ');
      await wait(20 + round * 13);
      child.process.kill('SIGKILL');
      await child.ended;
      acked = Math.max(acked, lastAcked(child));
      await expectNothingLost(folder, acked, `round ${round}`);
    }
    expect(acked).toBeGreaterThan(20);
  },
);

const strace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;

test.skipIf(!strace).for([
  ['fdatasync', 1],
  ['fdatasync', 4],
  ['fsync', 1],
  ['fsync', 3],
  ['rename', 1],
  ['rename', 2],
  ['link', 1],
  ['pwrite64', 2],
] as const)(
  'kill -9 at %s number %i leaves the old or the new state (F2; needs strace)',
  { timeout: 20_000 },
  async ([call, at]) => {
    const folder = tempFolder();
    const first = startChild('short', folder);
    await first.ended;
    const inject = `inject=${call}:signal=SIGKILL:when=${at}`;
    const child = startChild('short', folder, {
      under: ['strace', '-f', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject],
      env: { UV_THREADPOOL_SIZE: '1' },
    });
    await child.ended;
    expect(child.lines).not.toContain('closed');
    await expectNothingLost(folder, Math.max(lastAcked(first), lastAcked(child)), `${call} ${at}`);
  },
);

test(
  'a second process reads and follows, and takes over when the first is gone (B7.21, P5, F10)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const holder = startChild('holder', folder);
    expect(await holder.said('access')).toBe('access writer');
    const { cache } = await openCache({ path: join(folder, 'servers.json'), pollMs: 20 });
    expect(cache.access).toMatchObject({ kind: 'reader', reason: { code: 'ELOCKED' } });
    await expect(cache.upsert(server('mine'))).rejects.toMatchObject({ code: 'ELOCKED' });
    expect(cache.get('mine')).toBeUndefined();
    const told: string[] = [];
    cache.subscribe((changes) => told.push(...changes.map((one) => one.name)));
    holder.process.stdin?.write('0 1000\n');
    await holder.said('wrote 1000');
    await expect.poll(() => cache.get('s-49')?.['n']).toBe(999);
    expect(cache.size).toBe(50);
    expect(told.length).toBeGreaterThanOrEqual(50);
    holder.process.kill('SIGKILL');
    await holder.ended;
    await wait(300);
    await cache.upsert(server('mine'));
    expect(cache.access.kind).toBe('writer');
    expect(cache.size).toBe(51);
    await cache.close();
  },
);

test('a holder that is stopped still holds (F11)', { timeout: 20_000 }, async () => {
  const folder = tempFolder();
  const holder = startChild('holder', folder);
  await holder.said('access writer');
  holder.process.kill('SIGSTOP');
  const second = startChild('once', folder);
  expect(await second.said('access')).toBe('access ELOCKED');
  expect(await second.said('failed')).toBe('failed ELOCKED');
  await second.ended;
  holder.process.kill('SIGCONT');
});

function storedNames(folder: string): string[] {
  const text = readFileSync(join(folder, 'servers.json'), 'utf8');
  return (JSON.parse(text) as { servers: { name: string }[] }).servers.map((one) => one.name);
}

test('a program that just ends leaves a snapshot behind (B7.22)', { timeout: 20_000 }, async () => {
  const folder = tempFolder();
  const child = startChild('ends', folder);
  expect((await child.ended).code).toBe(0);
  expect(storedNames(folder)).toEqual(['s-1']);
});

test(
  'SIGTERM writes what is left and ends the way it would have (B7.22, F16)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const child = startChild('signalled', folder);
    expect(await child.ended).toEqual({ code: null, signal: 'SIGTERM' });
    expect(storedNames(folder).length).toBe(19);
  },
);

test.for([
  ['exits', 3],
  ['throws', 1],
] as const)(
  'a program that %s has its last change on disk (F16)',
  { timeout: 20_000 },
  async ([role, code]) => {
    const folder = tempFolder();
    const child = startChild(role, folder);
    expect((await child.ended).code).toBe(code);
    const { cache } = await openCache({ path: join(folder, 'servers.json') });
    expect(cache.get('s-1')?.['n']).toBe(1);
  },
);

test(
  'the path follows CORTEX_HOME, then XDG_CONFIG_HOME, then HOME (B5)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const unset = { CORTEX_HOME: '', XDG_CONFIG_HOME: '', HOME: '' };
    const places = [
      [{ ...unset, CORTEX_HOME: join(folder, 'c'), HOME: folder }, join(folder, 'c', 'mcp')],
      [
        { ...unset, XDG_CONFIG_HOME: join(folder, 'x'), HOME: folder },
        join(folder, 'x/cortex-os/mcp'),
      ],
      [{ ...unset, HOME: join(folder, 'h') }, join(folder, 'h/.config/cortex-os/mcp')],
    ] as const;
    for (const [env, place] of places) {
      const child = startChild('environment', folder, { env });
      await child.ended;
      expect(child.lines).toEqual(['read 1']);
      expect(storedNames(place)).toEqual(['s-1']);
    }
  },
);

test(
  'MCP_REGISTRY_MEMORY_CACHE=false reads and writes through (contract, flags)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const env = { CORTEX_HOME: folder, MCP_REGISTRY_MEMORY_CACHE: 'false' };
    for (let round = 1; round <= 2; round++) {
      const child = startChild('environment', folder, { env });
      await child.ended;
      expect(child.lines).toEqual(['read 1']);
    }
    expect(storedNames(join(folder, 'mcp'))).toEqual(['s-1']);
  },
);

const nobody =
  spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', process.execPath, '-v']).status === 0;

test.skipIf(!nobody)(
  'a folder of somebody else is read, not written: EACCES (F7; needs setpriv and a readable checkout)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const place = join(folder, 'state');
    mkdirSync(place, { mode: 0o755 });
    const first = startChild('short', place);
    await first.ended;
    spawnSync('chmod', ['-R', 'a+rX', folder]);
    copyFileSync(join(place, 'servers.json'), join(folder, 'before'));
    const child = startChild('once', place, {
      under: ['setpriv', '--reuid', '65534', '--clear-groups'],
    });
    await child.ended;
    expect(child.lines).toEqual(['access EACCES', 'read 6', 'failed EACCES', 'memory 6']);
    expect(readFileSync(join(place, 'servers.json'), 'utf8')).toBe(
      readFileSync(join(folder, 'before'), 'utf8'),
    );
  },
);

const prlimit = spawnSync('prlimit', ['--fsize=100000', 'true']).status === 0;

test.skipIf(!prlimit)(
  'a file size limit rejects typed and keeps memory (F5; needs prlimit)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const child = startChild('once', folder, { under: ['prlimit', '--fsize=100000'] });
    await child.ended;
    expect(child.lines).toEqual(['access writer', 'read 0', 'failed EFBIG', 'memory 1']);
  },
);
