import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

function run(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

/** A small disk of its own; undefined where this machine does not let us mount. */
function tryMount(folder: string): boolean {
  return run('mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder);
}

const canMount = (() => {
  const folder = spawnSync('mktemp', ['-d']).stdout.toString().trim();
  const mounted = tryMount(folder);
  if (mounted) run('umount', folder);
  rmSync(folder, { recursive: true, force: true });
  return mounted;
})();

function smallDisk(): string {
  const folder = tempFolder();
  expect(tryMount(folder)).toBe(true);
  onTestFinished(() => void run('umount', '-l', folder));
  return folder;
}

test.skipIf(!canMount)(
  'a full disk rejects ENOSPC, memory serves, space heals it (F4; needs mount)',
  async () => {
    const folder = smallDisk();
    const path = join(folder, 'servers.json');
    const { cache } = await openCache({ path });
    await cache.upsert(server('old'));
    writeFileSync(join(folder, 'filler'), Buffer.alloc(900_000));
    const big = server('big', { text: 'x'.repeat(200_000) });
    await expect(cache.upsert(big)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(cache.get('big')).toEqual(big);
    const seen = await openCache({ path, readOnly: true });
    expect(seen.cache.getAll()).toEqual([server('old')]);
    rmSync(join(folder, 'filler'));
    await cache.flush();
    await cache.close();
    const after = await openCache({ path });
    expect(after.cache.getAll()).toEqual([server('old'), big]);
  },
);

test.skipIf(!canMount)(
  'a full disk during a snapshot leaves the old file whole (F4; needs mount)',
  async () => {
    const folder = smallDisk();
    const path = join(folder, 'servers.json');
    const { cache } = await openCache({ path });
    await cache.upsert(server('a', { text: 'x'.repeat(200_000) }));
    await cache.upsert(server('b', { text: 'x'.repeat(200_000) }));
    writeFileSync(join(folder, 'filler'), Buffer.alloc(300_000));
    await expect(cache.close()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(readdirSync(folder)).not.toContain('servers.json.next');
    const after = await openCache({ path });
    expect(after.cache.getAll().map((one) => one.name)).toEqual(['a', 'b']);
  },
);

test.skipIf(!canMount)(
  'a read-only file system is read, not written: EROFS (F7; needs mount)',
  async () => {
    const folder = smallDisk();
    const path = join(folder, 'servers.json');
    const first = await openCache({ path });
    await first.cache.upsert(server('a'));
    await first.cache.close();
    expect(run('mount', '-o', 'remount,ro', folder)).toBe(true);
    const { cache, warnings } = await openCache({ path });
    expect(cache.access).toMatchObject({ kind: 'reader', reason: { code: 'EROFS' } });
    expect(cache.getAll()).toEqual([server('a')]);
    await expect(cache.upsert(server('b'))).rejects.toMatchObject({ code: 'EROFS' });
    expect(warnings.map((one) => one.kind)).toContain('read-only');
  },
);

test.skipIf(!canMount)(
  'a file mounted alone is refused at start, with the remedy (F15; needs mount)',
  async () => {
    const folder = tempFolder();
    const path = join(folder, 'servers.json');
    writeFileSync(path, '{"servers":[]}');
    writeFileSync(join(folder, 'other.json'), '{"servers":[]}');
    expect(run('mount', '--bind', join(folder, 'other.json'), path)).toBe(true);
    onTestFinished(() => void run('umount', path));
    await expect(openCache({ path })).rejects.toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining('mount its folder'),
    });
  },
);

test('symbolic links at our names are never followed (F14, P7)', async () => {
  for (const name of ['servers.json', 'servers.log', 'servers.lock']) {
    const folder = tempFolder();
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious');
    mkdirSync(join(folder, 'state'));
    symlinkSync(victim, join(folder, 'state', name));
    await expect(openCache({ path: join(folder, 'state', 'servers.json') })).rejects.toMatchObject({
      code: 'ELOOP',
    });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  }
});

test('symbolic links at our temporary names are removed, not written through (F14, B7.24)', async () => {
  const folder = tempFolder();
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'precious');
  for (const name of ['servers.json.next', 'servers.log.next', 'servers.json.prev.next'])
    symlinkSync(victim, join(folder, name));
  const { cache } = await openCache({ path: join(folder, 'servers.json') });
  await cache.upsert(server('a'));
  await cache.close();
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

test('a journal with a second name is replaced, not written through (F14)', async () => {
  const folder = tempFolder();
  const path = join(folder, 'servers.json');
  const first = await openCache({ path });
  await first.cache.upsert(server('a'));
  await first.cache.close();
  const other = join(folder, 'other-name');
  linkSync(join(folder, 'servers.log'), other);
  const before = readFileSync(other, 'utf8');
  const { cache } = await openCache({ path });
  await cache.upsert(server('b'));
  expect(readFileSync(other, 'utf8')).toBe(before);
  expect(cache.size).toBe(2);
});

test('a pipe at our name is refused without waiting for a writer (F14)', async () => {
  const folder = tempFolder();
  expect(run('mkfifo', join(folder, 'servers.json'))).toBe(true);
  await expect(openCache({ path: join(folder, 'servers.json') })).rejects.toMatchObject({
    name: 'RegistryError',
  });
});

test('files are 0600 and the folder is 0700, whatever the umask (B7.24, P7)', async () => {
  const folder = join(tempFolder(), 'deep', 'mcp');
  const { cache } = await openCache({ path: join(folder, 'servers.json') });
  for (const name of ['a', 'b']) await cache.upsert(server(name));
  await cache.close();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(folder))
    expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
});

test('a folder that others can write is warned about', async () => {
  const folder = join(tempFolder(), 'open');
  mkdirSync(folder);
  run('chmod', '777', folder);
  const { warnings } = await openCache({ path: join(folder, 'servers.json') });
  expect(warnings.map((one) => one.kind)).toContain('open-folder');
});
