import { CrashDisk } from './crash-disk.ts';
import { diskPath, openOnDisk } from './open-cache.ts';
import { server } from './records.ts';

export const journalPath = '/state/servers.log';

export function earlierBuild(
  servers: readonly unknown[],
  more: Record<string, unknown> = {},
): string {
  return JSON.stringify({ servers, ...more }, undefined, 2);
}

export function diskWith(text: string | Buffer): CrashDisk {
  const disk = new CrashDisk();
  disk.put(diskPath, text);
  return disk;
}

export function names(cache: { getAll(): { name: string }[] }): string[] {
  return cache.getAll().map((one) => one.name);
}

/** Two generations on disk: the older one holds `a`, the current one `a` and `b`; the journal adds `c`. */
export async function twoGenerations(): Promise<CrashDisk> {
  const disk = new CrashDisk();
  for (const name of ['a', 'b']) {
    const { cache } = await openOnDisk(disk);
    await cache.upsert(server(name));
    await cache.close();
  }
  const { cache } = await openOnDisk(disk);
  await cache.upsert(server('c'));
  return disk.reboot('process');
}

export function quarantined(disk: CrashDisk): string[] {
  return disk.paths().filter((path) => path.includes('/quarantine/'));
}
