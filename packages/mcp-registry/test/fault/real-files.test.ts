import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openCache } from '../lib/open-cache.ts';
import { damageFolder, damagedFolders, openDamaged } from '../lib/damaged-folder.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const place = mkdtempSync(join(tmpdir(), 'registry-real-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));
const sample = await damageFolder(place);

test(
  'real files cut at every 512 bytes: the truth or a typed refusal, bytes kept (F8)',
  { timeout: 30_000 },
  async () => {
    let opened = 0;
    for await (const damaged of damagedFolders(sample, { everyBytes: 512, flips: 0 })) {
      const outcome = await openDamaged(sample, damaged);
      expect({ what: damaged.what, ...outcome }).toMatchObject({ verdict: 'fine' });
      opened++;
    }
    expect(opened).toBeGreaterThan(40);
  },
);

test(
  'real files with 40 flipped bits: the truth or a typed refusal, bytes kept (F8)',
  { timeout: 30_000 },
  async () => {
    for await (const damaged of damagedFolders(sample, { everyBytes: Infinity, flips: 20 })) {
      const outcome = await openDamaged(sample, damaged);
      expect({ what: damaged.what, ...outcome }).toMatchObject({ verdict: 'fine' });
    }
  },
);

test.each([
  ['zeros', () => Buffer.alloc(4_096)],
  ['nothing', () => Buffer.alloc(0)],
  ['itself twice', (whole: Buffer) => Buffer.concat([whole, whole])],
  ['another shape', () => Buffer.from('{"servers":{"a":1}}')],
  ['a byte order mark before it', (whole: Buffer) => Buffer.concat([Buffer.from('\uFEFF'), whole])],
])(
  'a real snapshot that holds %s loses nothing, and its bytes are kept (F8)',
  async (_what, change) => {
    const folder = tempFolder();
    cpSync(sample.folder, folder, { recursive: true });
    const path = join(folder, 'servers.json');
    const bytes = change(readFileSync(path));
    writeFileSync(path, bytes);
    const { cache } = await openCache({ path });
    expect(cache.getAll()).toEqual(sample.records);
    await cache.close();
    const kept = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((one) => statSync(one).isFile())
      .map((one) => readFileSync(one));
    expect(kept.some((one) => one.equals(bytes))).toBe(true);
  },
);

test('both real snapshots damaged: EREGISTRYLOST at every start, every byte left alone (F9)', async () => {
  const folder = tempFolder();
  cpSync(sample.folder, folder, { recursive: true });
  for (const name of ['servers.json', 'servers.json.prev']) writeFileSync(join(folder, name), 'x');
  const files = () =>
    readdirSync(folder)
      .toSorted()
      .map((name) => [name, readFileSync(join(folder, name), 'latin1')]);
  const before = files();
  for (let start = 0; start < 2; start++)
    await expect(openCache({ path: join(folder, 'servers.json') })).rejects.toMatchObject({
      code: 'EREGISTRYLOST',
    });
  expect(files()).toEqual(before);
});

test('an older real file put back is loaded as it is, with a warning; generations go on (F18)', async () => {
  const folder = join(tempFolder(), 'state');
  mkdirSync(folder);
  const path = join(folder, 'servers.json');
  const write = async (name: string) => {
    const { cache } = await openCache({ path });
    await cache.upsert(server(name));
    await cache.close();
  };
  await write('old');
  const backup = join(folder, '..', 'backup.json');
  copyFileSync(path, backup);
  await write('new');
  rmSync(path);
  copyFileSync(backup, path);
  const { cache, warnings } = await openCache({ path });
  expect(cache.getAll()).toEqual([server('old')]);
  expect(warnings.map((one) => one.kind)).toContain('generation-backwards');
  expect(cache.health().generation).toBeGreaterThanOrEqual(2);
  await cache.close();
  const again = await openCache({ path });
  expect(again.cache.getAll()).toEqual([server('old')]);
  expect(again.warnings).toEqual([]);
});
