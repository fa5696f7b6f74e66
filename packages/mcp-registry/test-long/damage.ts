import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { damageFolder, damagedFolders, openDamaged } from '../test/lib/damaged-folder.ts';

/** F8 on real files: cuts at every 64 bytes and `flips` flipped bits, in snapshot and journal. Gives the failures. */
export async function damageFiles(flips: number): Promise<number> {
  const place = mkdtempSync(join(tmpdir(), 'registry-long-'));
  const failed: string[] = [];
  let [rounds, whole] = [0, 0];
  try {
    const sample = await damageFolder(place);
    const counts = { everyBytes: 64, flips: Math.ceil(flips / 2) };
    for await (const damaged of damagedFolders(sample, counts)) {
      const { verdict, detail } = await openDamaged(sample, damaged);
      rounds++;
      if (detail === 'whole') whole++;
      if (verdict !== 'fine') failed.push(`${damaged.what}: ${verdict}, ${detail}`);
    }
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
  const line = { part: 'F8 cuts and flipped bits', rounds, whole, failed: failed.slice(0, 20) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  return failed.length;
}
