import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { startChild, type Child } from '../lib/child.ts';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const source = fileURLToPath(new URL('../lib/shifted-clock.c', import.meta.url));

/** The library that moves the wall clock of one process; undefined where there is no compiler. */
const shiftedClock = (() => {
  const folder = mkdtempSync(join(tmpdir(), 'registry-clock-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, 'shifted-clock.so');
  const args = ['-shared', '-fPIC', '-O1', '-o', library, source];
  return spawnSync('cc', args).status === 0 ? library : undefined;
})();

function acks(child: Child): number {
  return child.lines.filter((line) => line.startsWith('acked')).length;
}

function lastWallMs(child: Child): number {
  return Number(child.lines.findLast((line) => line.startsWith('wall '))?.slice(5));
}

function snapshotGeneration(folder: string): number {
  const text = readFileSync(join(folder, 'servers.json'), 'utf8');
  return (JSON.parse(text) as { registry: { generation: number } }).registry.generation;
}

test.skipIf(shiftedClock === undefined)(
  'a clock set back and forth by an hour, to 2038 and to 1970 changes nothing (P5, F12; needs cc)',
  { timeout: 40_000 },
  async () => {
    const folder = tempFolder();
    const shiftFile = join(tempFolder(), 'shift');
    const nowSeconds = Math.floor(Date.now() / 1_000);
    const year2038 = Date.UTC(2038, 0, 19, 3, 14, 7) / 1_000;
    writeFileSync(shiftFile, '0');
    const child = startChild('clocked', folder, {
      env: { LD_PRELOAD: shiftedClock, CLOCK_SHIFT_FILE: shiftFile },
    });
    await expect.poll(() => existsSync(join(folder, 'servers.json'))).toBe(true);
    for (const shift of [-3_600, 3_600, year2038 - nowSeconds, 60 - nowSeconds, 0]) {
      writeFileSync(shiftFile, String(shift));
      const [acked, generation] = [acks(child), snapshotGeneration(folder)];
      // Writes are acknowledged and snapshots are taken as before, in the time that the process believes in.
      const seen = () => Math.abs(lastWallMs(child) / 1_000 - nowSeconds - shift) < 120;
      await expect.poll(seen).toBe(true);
      await expect.poll(() => acks(child)).toBeGreaterThan(acked + 20);
      await expect.poll(() => snapshotGeneration(folder)).toBeGreaterThan(generation + 10);
    }
    child.process.kill('SIGKILL');
    await child.ended;
    const acked = Math.max(
      ...child.lines.flatMap((line) => /^acked (\d+)$/u.exec(line)?.[1] ?? []).map(Number),
    );
    const { cache, warnings } = await openCache({ path: join(folder, 'servers.json') });
    const newest = Math.max(...cache.getAll().map((one) => Number(one['n'])));
    expect(newest).toBeGreaterThanOrEqual(acked);
    expect(warnings).toEqual([]);
  },
);

test('which generation is newer does not depend on the dates of files (F12)', async () => {
  const folder = tempFolder();
  const path = join(folder, 'servers.json');
  for (const name of ['a', 'b']) {
    const { cache } = await openCache({ path });
    await cache.upsert(server(name));
    await cache.close();
  }
  utimesSync(path, new Date(0), new Date(0));
  const future = new Date(Date.UTC(2038, 0, 1));
  for (const name of ['servers.json.prev', 'servers.log.prev'])
    utimesSync(join(folder, name), future, future);
  const { cache, warnings } = await openCache({ path });
  expect(cache.getAll()).toEqual([server('a'), server('b')]);
  expect(warnings).toEqual([]);
});
