import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { findLockHolder } from '../../src/doctor/lock-holder.ts';
import { examineRegistry, repairRegistry } from '../../src/doctor/registry-doctor.ts';
import { createDirectHandle } from '../../src/tools/registry-handle.ts';
import { openCache } from '../lib/open-cache.ts';
import { server } from '../lib/records.ts';
import { tempFolder } from '../lib/temp-folder.ts';

const random = (): number => 0.5;

interface Rig {
  readonly folder: string;
  readonly path: string;
  readonly options: { readonly path: string; readonly random: () => number };
  readonly codes: () => Promise<string[]>;
}

/** A registry of two generations, closed in order. */
async function rig(): Promise<Rig> {
  const folder = tempFolder();
  await chmod(folder, 0o700);
  const path = `${folder}/servers.json`;
  const options = { path, random };
  const handle = createDirectHandle(options);
  for (const name of ['a', 'b']) {
    await handle.use('write', async (cache) => cache.upsert(server(name)));
  }
  return {
    folder,
    path,
    options,
    codes: async () => (await examineRegistry(options)).findings.map(({ code }) => code),
  };
}

async function quarantined(folder: string): Promise<string[]> {
  const files = await readdir(`${folder}/quarantine`);
  return Promise.all(files.map((name) => readFile(`${folder}/quarantine/${name}`, 'utf8')));
}

async function names(path: string): Promise<string[]> {
  const handle = createDirectHandle({ path, random });
  return handle.use('read', (cache) => cache.getAll().map(({ name }) => name));
}

test('examineRegistry() finds nothing wrong with a healthy folder, and changes nothing', async () => {
  const { folder, options, path } = await rig();
  const before = await readdir(folder);
  const report = await examineRegistry(options);
  expect(report).toEqual({
    path,
    healthy: true,
    content: { records: 2, generation: 2 },
    findings: [],
  });
  expect(await readdir(folder)).toEqual(before);
});

test('examineRegistry() of a folder that is not there is an empty registry and makes nothing', async () => {
  const folder = `${tempFolder()}/none`;
  const report = await examineRegistry({ path: `${folder}/servers.json`, random });
  expect(report).toMatchObject({ healthy: true, content: { records: 0 } });
  expect(report.findings.map(({ code }) => code)).toEqual(['folder-missing']);
  await expect(stat(folder)).rejects.toThrow('ENOENT');
});

test('examineRegistry() finds open modes, also of secrets, and a repair tightens them', async () => {
  const { folder, path, options, codes } = await rig();
  await mkdir(`${folder}/secrets`, { mode: 0o700 });
  await writeFile(`${folder}/secrets/x`, 's3cret', { mode: 0o644 });
  await chmod(path, 0o644);
  await chmod(folder, 0o777);
  expect(await codes()).toEqual(['folder-open', 'file-open', 'file-open']);
  const { before, actions, after } = await repairRegistry(options);
  expect(before.healthy).toBe(false);
  expect(actions).toHaveLength(3);
  expect(after.healthy).toBe(true);
  expect((await stat(`${folder}/secrets/x`)).mode & 0o777).toBe(0o600);
});

test('examineRegistry() looks at the folder that a symbolic link leads to', async () => {
  const holder = tempFolder();
  await mkdir(`${holder}/real`, { mode: 0o700 });
  await symlink('real', `${holder}/mcp`);
  const path = `${holder}/mcp/servers.json`;
  expect(await examineRegistry({ path, random })).toMatchObject({ healthy: true, findings: [] });
  await chmod(`${holder}/real`, 0o755);
  const { after } = await repairRegistry({ path, random });
  expect(after.healthy).toBe(true);
  expect((await stat(`${holder}/real`)).mode & 0o777).toBe(0o700);
});

test('a repair keeps leftovers of a write in quarantine, byte for byte', async () => {
  const { folder, path, options, codes } = await rig();
  await writeFile(`${path}.next`, 'half a snapshot', { mode: 0o600 });
  expect(await codes()).toEqual(['temporary-left']);
  const { after } = await repairRegistry(options);
  expect(after.healthy).toBe(true);
  expect(after.findings.map(({ code }) => code)).toEqual(['quarantine-filled']);
  expect(await quarantined(folder)).toEqual(['half a snapshot']);
});

test('a repair of a damaged snapshot goes back to the last whole state and keeps the damaged bytes', async () => {
  const { folder, path, options } = await rig();
  const bytes = await readFile(path, 'utf8');
  const damaged = bytes.replace('"b"', '"X"');
  await writeFile(path, damaged);
  const report = await examineRegistry(options);
  expect(report.healthy).toBe(false);
  expect(report.findings.map(({ code }) => code)).toContain('snapshot-corrupt');
  expect(await readFile(path, 'utf8')).toBe(damaged);
  const { after, actions } = await repairRegistry(options);
  expect(after.healthy).toBe(true);
  expect(actions.length).toBeGreaterThan(0);
  expect(await quarantined(folder)).toContain(damaged);
  expect(await names(path)).toEqual(['a', 'b']);
});

test('a repair of a damaged journal keeps every whole batch and the damaged bytes', async () => {
  const { folder, path, options } = await rig();
  const { cache } = await openCache({ path }, { snapshotDelayMs: 3_600_000 });
  await cache.upsert(server('c'));
  await cache.upsert(server('d'));
  const log = await readFile(`${folder}/servers.log`, 'utf8');
  const copy = tempFolder();
  await chmod(copy, 0o700);
  const damaged = log.replace('"name":"c"', '"name":"?"');
  for (const name of ['servers.json', 'servers.json.prev', 'servers.log']) {
    const text = name === 'servers.log' ? damaged : await readFile(`${folder}/${name}`);
    await writeFile(`${copy}/${name}`, text, { mode: 0o600 });
  }
  const there = { ...options, path: `${copy}/servers.json` };
  const report = await examineRegistry(there);
  expect(report.findings.map(({ code }) => code)).toContain('journal-damaged');
  const { after } = await repairRegistry(there);
  expect(after.healthy).toBe(true);
  expect(await quarantined(copy)).toContain(damaged);
  expect(await names(there.path)).toEqual(['a', 'b', 'd']);
});

test('a repair keeps entries that are no servers, and a damaged earlier generation, in quarantine', async () => {
  const folder = tempFolder();
  await chmod(folder, 0o700);
  const path = `${folder}/servers.json`;
  const options = { path, random };
  const text = JSON.stringify({ servers: [server('a'), { nonsense: true }] });
  await writeFile(path, text, { mode: 0o600 });
  await writeFile(`${path}.prev`, 'not JSON', { mode: 0o600 });
  const { before, after } = await repairRegistry(options);
  const found = before.findings.map(({ code }) => code);
  expect(found.toSorted()).toEqual(['entries-rejected', 'previous-corrupt']);
  expect(after.healthy).toBe(true);
  const kept = await quarantined(folder);
  expect(kept).toContain('not JSON');
  expect(kept).toContain('{"nonsense":true}\n');
  expect(await names(path)).toEqual(['a']);
});

test('a registry of which nothing whole is left is explained and not touched', async () => {
  const { path, folder, options } = await rig();
  for (const name of ['servers.json', 'servers.json.prev', 'servers.log', 'servers.log.prev']) {
    await writeFile(`${folder}/${name}`, 'garbage', { mode: 0o600 }).catch(() => undefined);
  }
  const { after, actions } = await repairRegistry(options);
  expect(after).toMatchObject({ healthy: false, content: undefined });
  const lost = after.findings.find(({ code }) => code === 'registry-lost');
  expect(lost?.remedy).toContain('backup');
  expect(actions).toEqual([]);
  expect(await readFile(path, 'utf8')).toBe('garbage');
});

test('examineRegistry() tells files of a newer version, links, and a file that is no file', async () => {
  const folder = tempFolder();
  await chmod(folder, 0o700);
  const path = `${folder}/servers.json`;
  const newer = { servers: [], registry: { format: 99 } };
  await writeFile(path, JSON.stringify(newer), { mode: 0o600 });
  await symlink('/etc/passwd', `${folder}/servers.lock`);
  const report = await examineRegistry({
    path,
    random,
    takeLock: async () => ({ by: 'flock', release: async () => undefined }),
  });
  const codes = report.findings.map(({ code }) => code);
  expect(codes).toContain('newer-format');
  expect(codes).toContain('file-linked');
});

test('a repair beside a running writer is refused and the writer named', async () => {
  const { path, options, codes, folder } = await rig();
  await openCache({ path });
  await writeFile(`${path}.next`, 'in use', { mode: 0o600 });
  expect(await codes()).toEqual(['lock-held', 'temporary-left']);
  expect((await examineRegistry(options)).healthy).toBe(true);
  await chmod(`${folder}/servers.json`, 0o600);
  expect(await findLockHolder(`${folder}/none`)).toBeUndefined();
});

test.runIf(process.platform === 'linux')(
  'findLockHolder() names the process that has the lock, by the list of processes',
  async () => {
    const { path, folder, options } = await rig();
    await openCache({ path });
    expect(await findLockHolder(`${folder}/servers.lock`)).toMatchObject({ pid: process.pid });
    const [held] = (await examineRegistry(options)).findings;
    expect(held?.message).toContain(`process ${process.pid} (`);
  },
);
