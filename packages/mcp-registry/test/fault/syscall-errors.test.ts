import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startChild, type Child } from '../lib/child.ts';
import { openCache } from '../lib/open-cache.ts';
import { tempFolder } from '../lib/temp-folder.ts';
import { injected } from '../lib/strace.ts';

const strace = spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0;

function acked(child: Child): number {
  return Math.max(
    -1,
    ...child.lines.flatMap((line) => /^acked (\d+)$/u.exec(line)?.[1] ?? []).map(Number),
  );
}

test.skipIf(!strace).for([
  ['fdatasync', 'EIO', 1],
  ['fdatasync', 'EIO', '3+'],
  ['fsync', 'EIO', 1],
  ['fsync', 'EIO', 2],
  ['fsync', 'EIO', '1+'],
  ['rename', 'EIO', 1],
  ['rename', 'EACCES', '2+'],
  ['link', 'EIO', '1+'],
  ['pwrite64', 'EIO', 2],
  ['pwrite64', 'ENOSPC', '3+'],
  ['pwrite64,ftruncate', 'EIO', '1+'],
  ['close', 'EIO', 1],
] as const)(
  '%s failing with %s at call %s loses nothing acknowledged (P6, F6; needs strace)',
  { timeout: 20_000 },
  async ([call, error, when]) => {
    const folder = tempFolder();
    const first = startChild('short', folder);
    await first.ended;
    const trace = join(tempFolder(), 'trace');
    const child = startChild('stubborn', folder, {
      under: injected(folder, call, `error=${error}:when=${when}`, trace),
      env: { UV_THREADPOOL_SIZE: '1' },
    });
    const { code } = await child.ended;
    expect(readFileSync(trace, 'utf8')).toContain('(INJECTED)');
    const { cache, warnings } = await openCache({ path: join(folder, 'servers.json') });
    const numbers = cache.getAll().map((one) => Number(one['n']));
    await cache.close();
    const strays = readdirSync(folder).filter((name) => name.includes('next'));
    const isLost = Math.max(...numbers) < Math.max(acked(first), acked(child));
    const isCorrupt = warnings.some(({ kind }) => kind === 'corrupt-snapshot');
    // Every failure has a code, and memory had all of it.
    const untyped = child.lines.filter((line) => line.endsWith('undefined'));
    expect({ code, isLost, strays, isCorrupt, untyped, stderr: child.stderr() }).toEqual({
      code: 0,
      isLost: false,
      strays: [],
      isCorrupt: false,
      untyped: [],
      stderr: '',
    });
    expect(child.lines).toContain('memory 12');
    expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, n) => n));
  },
);

test.skipIf(!strace)(
  'EIO while reading refuses to open and moves nothing aside (P4, F6; needs strace)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    await startChild('short', folder).ended;
    const before = readdirSync(folder);
    const child = startChild('stubborn', folder, {
      under: injected(folder, 'pread64', 'error=EIO:when=1+'),
    });
    expect((await child.ended).code).not.toBe(0);
    expect(child.stderr()).toContain("code: 'EIO'");
    expect(readdirSync(folder)).toEqual(before);
    const { cache, warnings } = await openCache({ path: join(folder, 'servers.json') });
    expect([cache.size, warnings]).toEqual([6, []]);
  },
);

test.skipIf(!strace)(
  'a disk that takes a second to sync holds up no reader, and its syncs are shared (F17; needs strace)',
  { timeout: 20_000 },
  async () => {
    const folder = tempFolder();
    const trace = join(tempFolder(), 'trace');
    const child = startChild('slow', folder, {
      under: injected(folder, 'fdatasync', 'delay_enter=1000000', trace),
    });
    await child.ended;
    expect(child.lines).toContain('closed');
    expect(child.lines).not.toContain('stale read');
    const said = (what: string) =>
      Number(child.lines.find((line) => line.startsWith(what))?.slice(what.length + 1));
    expect(said('longest')).toBeLessThan(900);
    expect(said('pending')).toBeGreaterThan(0);
    const syncs = readFileSync(trace, 'utf8').match(/fdatasync\(/gu)?.length ?? 0;
    // One for the first write, then at most one a second of the half second or more that the others take.
    expect(syncs).toBeGreaterThan(1);
    expect(syncs).toBeLessThan(20);
  },
);
