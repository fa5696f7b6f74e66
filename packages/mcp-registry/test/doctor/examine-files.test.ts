import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { examineContent } from '../../src/doctor/examine-content.ts';
import { examineFiles } from '../../src/doctor/examine-files.ts';
import { examineRegistry, repairRegistry } from '../../src/doctor/registry-doctor.ts';
import { nodeFileSystem, type FileSystem } from '../../src/store/file-system.ts';
import { storePaths, type StorePaths } from '../../src/store/store-paths.ts';
import { createDirectHandle } from '../../src/tools/registry-handle.ts';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const random = (): number => 0.5;

/** A folder with one file, and the disk with some of its operations changed. */
async function disk(changes: Partial<FileSystem> = {}): Promise<[FileSystem, StorePaths]> {
  const folder = tempFolder();
  await chmod(folder, 0o700);
  const paths = storePaths(`${folder}/servers.json`);
  await writeFile(paths.snapshot, '{"servers":[]}', { mode: 0o600 });
  return [{ ...nodeFileSystem, ...changes }, paths];
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

test('examineFiles() tells a folder that others can read from one they can write', async () => {
  const [fs, paths] = await disk();
  await chmod(paths.folder, 0o755);
  const readable = await examineFiles(fs, paths, false);
  expect(readable.findings).toMatchObject([{ code: 'folder-open', level: 'warning' }]);
  expect(readable.findings[0]?.message).toContain('can read the folder (mode 755)');
  await chmod(paths.folder, 0o770);
  expect((await examineFiles(fs, paths, false)).findings).toMatchObject([{ level: 'error' }]);
});

test('examineFiles() names a file of another user, and a folder in the place of a file', async () => {
  const [fs, paths] = await disk({
    facts: async (path) => {
      const given = await nodeFileSystem.facts(path);
      return path.endsWith('.json') ? Object.assign(given, { uid: 4_242 }) : given;
    },
  });
  await mkdir(`${paths.folder}/secrets/odd`, { recursive: true, mode: 0o700 });
  const { findings } = await examineFiles(fs, paths, false);
  expect(findings.map(({ code, path }) => [code, path.slice(paths.folder.length)])).toEqual([
    ['file-foreign', '/servers.json'],
    ['file-linked', '/secrets/odd'],
  ]);
  expect(findings[1]?.message).toBe('it is no file');
});

test('examineFiles() does not mind a file that goes while it looks, and passes on what the disk says', async () => {
  const gone = await disk({
    facts: async (path) => {
      if (path.endsWith('.json')) throw failure('ENOENT');
      return await nodeFileSystem.facts(path);
    },
  });
  expect((await examineFiles(...gone, false)).findings).toEqual([]);
  const broken = await disk({
    facts: async (path) => {
      if (path.endsWith('.json')) throw failure('EIO');
      return await nodeFileSystem.facts(path);
    },
  });
  await expect(examineFiles(...broken, false)).rejects.toMatchObject({ code: 'EIO' });
});

test('examineContent() calls files that the disk does not give unreadable', async () => {
  const [fs, paths] = await disk({
    open: async () => {
      throw failure('EACCES');
    },
  });
  const { facts, findings } = await examineContent(fs, paths);
  expect(facts).toBeUndefined();
  expect(findings).toMatchObject([{ code: 'unreadable', level: 'error', repairable: false }]);
});

test('examineContent() notes that no earlier generation is kept', async () => {
  const path = `${tempFolder()}/servers.json`;
  for (const name of ['a', 'b']) {
    const { cache } = await openCache({ path });
    await cache.upsert(server(name));
    await cache.close();
  }
  const paths = storePaths(path);
  await nodeFileSystem.unlink(paths.previousSnapshot);
  const { findings } = await examineContent(nodeFileSystem, paths);
  expect(findings).toMatchObject([{ code: 'previous-missing', level: 'note' }]);
});

test('repairRegistry() refuses while another process is the writer, and changes nothing', async () => {
  const path = `${tempFolder()}/servers.json`;
  const handle = createDirectHandle({ path, random });
  await handle.use('write', async (cache) => await cache.upsert(server('a')));
  await writeFile(`${path}.next`, 'half', { mode: 0o600 });
  // It was free when it was looked at, and taken when it was wanted.
  let asked = 0;
  const repair = repairRegistry({
    path,
    random,
    takeLock: async () => {
      asked += 1;
      return asked === 1 ? { by: 'flock', release: async () => undefined } : undefined;
    },
  });
  await expect(repair).rejects.toMatchObject({ code: 'ELOCKED' });
  expect((await nodeFileSystem.list(storePaths(path).folder)).toSorted()).toContain(
    'servers.json.next',
  );
});

test('repairRegistry() does not mind a leftover that goes before it is moved', async () => {
  const path = `${tempFolder()}/servers.json`;
  await chmod(storePaths(path).folder, 0o700);
  const handle = createDirectHandle({ path, random });
  await handle.use('write', async (cache) => await cache.upsert(server('a')));
  await writeFile(`${path}.next`, 'half', { mode: 0o600 });
  const { after } = await repairRegistry({
    path,
    random,
    takeLock: async () => {
      await nodeFileSystem.unlink(`${path}.next`).catch(() => undefined);
      return { by: 'flock', release: async () => undefined };
    },
  });
  expect(after).toMatchObject({ healthy: true, findings: [] });
});

test('examineRegistry() says that another process is the writer when nobody can tell which', async () => {
  const path = `${tempFolder()}/servers.json`;
  await chmod(storePaths(path).folder, 0o700);
  const handle = createDirectHandle({ path, random });
  await handle.use('write', async (cache) => await cache.upsert(server('a')));
  const report = await examineRegistry({ path, random, takeLock: async () => undefined });
  expect(report).toMatchObject({ healthy: true, findings: [{ code: 'lock-held' }] });
  expect(report.findings[0]?.message).toMatch(/^another process is the writer/);
});

test('examineContent() does not take the writer at work for damage', async () => {
  const [fs, paths] = await disk();
  const { cache } = await openCache({ path: paths.snapshot });
  await cache.upsert(server('a'));
  await cache.close();
  const old = await readFile(paths.snapshot);
  let swaps = 0;
  // A snapshot is put in place between the reads of this one and of the one kept before it.
  const busy: FileSystem = {
    ...fs,
    open: async (path, flags, mode) => {
      if (path === paths.previousSnapshot && swaps === 0) {
        swaps += 1;
        const next = await openCache({ path: paths.snapshot });
        await next.cache.upsert(server('b'));
        await next.cache.close();
        await copyFile(paths.snapshot, paths.previousSnapshot);
      }
      return fs.open(path, flags, mode);
    },
  };
  await writeFile(paths.snapshot, old);
  const { findings, facts } = await examineContent(busy, paths);
  expect(swaps).toBe(1);
  expect(findings.filter(({ level }) => level !== 'note')).toEqual([]);
  expect(facts?.records).toBe(2);
});
