import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { AuditLog } from '../../src/audit/audit-log.ts';
import { queryAudit } from '../../src/audit/audit-reader.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('append-process.ts', import.meta.url));

interface Appended {
  readonly taken: number;
  readonly lost: number;
  readonly trouble: readonly string[];
}

/** Appends in a process of its own, under `prlimit` when asked for. */
async function append(args: readonly string[], limit: readonly string[] = []): Promise<Appended> {
  const command = [...limit, process.execPath, '--conditions=cortex-source', SCRIPT, ...args];
  const [program = '', ...rest] = command;
  const { stdout } = await run(program, rest);
  return JSON.parse(stdout) as Appended;
}

/** The names of all records, of the current file and those put aside; throws for a line that is no JSON. */
async function namesIn(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => name.startsWith('audit.jsonl'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { name: string }).name),
  );
}

const line = (index: number, more: object): string =>
  `${JSON.stringify({ ts: new Date(index * 600_000).toISOString(), name: `n${index}`, ...more })}\n`;

const event = (name: string): { atMs: number; event: string; name: string } => ({
  atMs: Date.now(),
  event: 'test',
  name,
});

test('AuditLog writes lines together, 0600 in a folder 0700, none before the first', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'state', 'audit.jsonl');
  const log = new AuditLog({ path });
  expect(await readdir(folder.path)).toEqual([]);
  for (const name of ['a', 'b', 'c']) log.event(event(name));
  await waitUntil(async () => (await stat(path).catch(() => undefined))?.size !== undefined, {
    describe: 'the file',
  });
  await log.close();
  expect(await namesIn(join(folder.path, 'state'))).toEqual(['a', 'b', 'c']);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder.path, 'state'))).mode & 0o777).toBe(0o700);
  log.event(event('late'));
  expect([log.taken, log.lost]).toEqual([4, 1]);
});

test('processes that append to one file write whole lines only, and lose none in rotations', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  const ids = ['p', 'q', 'r'];
  const appended = await Promise.all(ids.map((id) => append([path, id, '1500', '65536'])));
  expect(appended.map(({ taken, lost }) => [taken, lost])).toEqual(ids.map(() => [1500, 0]));
  const names = await namesIn(folder.path);
  expect(new Set(names).size).toBe(4500);
  expect(names).toHaveLength(4500);
  expect((await readdir(folder.path)).length).toBeGreaterThan(3);
}, 30_000);

test('a full disk loses records, counted and said once, and never half a line', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  const limit = ['prlimit', '--fsize=20000'];
  const { taken, lost, trouble } = await append([path, 'p', '400'], limit);
  expect(lost).toBeGreaterThan(0);
  expect(trouble).toHaveLength(1);
  expect((await stat(path)).size).toBeLessThanOrEqual(20_000);
  // What was torn is ended by the next process, and skipped by readers.
  await append([path, 'q', '3']);
  const found = await queryAudit(path, { limit: 1_000_000 });
  const names = found.map(({ name }) => String(name));
  expect(names.filter((name) => name.startsWith('q'))).toEqual(['q-0', 'q-1', 'q-2']);
  expect(names.filter((name) => name.startsWith('p'))).toHaveLength(taken - lost);
}, 20_000);

test('AuditLog keeps what it can while nothing can be written, and says when it can again', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  await mkdir(path);
  const told: (readonly [failed: boolean, lost: number])[] = [];
  const log = new AuditLog({
    path,
    flushMs: 1,
    maxQueuedBytes: 1_000,
    onTrouble: (error, lost) => void told.push([error !== undefined, lost]),
  });
  for (let index = 0; index < 100; index += 1) log.event(event(`r${index}`));
  await log.flush();
  expect(log.failing).toBe(true);
  expect(log.lost).toBeGreaterThan(50);
  await rename(path, `${path}.folder`);
  await log.flush();
  expect(log.failing).toBe(false);
  expect(told).toEqual([
    [true, log.lost],
    [false, log.lost],
  ]);
  await log.close();
  // Whoever watches divides the one by the other.
  expect(log.taken).toBe(101);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  expect(lines).toHaveLength(100 - log.lost + 1);
  expect(lines.at(-1)).toContain(`"event":"records-lost","detail":"${log.lost}"`);
});

test('AuditLog writes a large backlog in several writes, each of whole lines', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  const log = new AuditLog({ path, flushBytes: 10_000_000, flushMs: 60_000 });
  for (let index = 0; index < 12_000; index += 1)
    log.event({ ...event(`n${index}`), detail: 'x'.repeat(100) });
  await log.close();
  expect(await namesIn(folder.path)).toHaveLength(12_000);
});

test('AuditLog follows no link, and waits for no pipe', async () => {
  await using folder = tempFolder();
  const victim = join(folder.path, 'victim');
  await writeFile(victim, 'kept');
  const link = join(folder.path, 'link.jsonl');
  await symlink(victim, link);
  const pipe = join(folder.path, 'pipe.jsonl');
  await run('mkfifo', [pipe]);
  for (const path of [link, pipe]) {
    const log = new AuditLog({ path });
    await log.open();
    expect(log.failing).toBe(true);
    log.event(event('x'));
    await log.close();
    expect(log.lost).toBe(1);
  }
  expect(await readFile(victim, 'utf8')).toBe('kept');
});

test('AuditLog goes on in a new file when the old one was put aside by others, and makes an open one private', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  await writeFile(path, '{"name":"old"}\n', { mode: 0o644 });
  const log = new AuditLog({ path, flushMs: 1 });
  log.event(event('one'));
  await log.flush();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await rename(path, `${path}.moved`);
  let count = 0;
  await waitUntil(
    async () => {
      log.event(event(`more${(count += 1)}`));
      await log.flush();
      return (await stat(path).catch(() => undefined)) !== undefined;
    },
    { describe: 'a new file' },
  );
  await log.close();
  expect(await namesIn(folder.path)).toHaveLength(2 + count);
});

test('queryAudit() gives the newest that match, oldest first, over all files', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  const lines = Array.from({ length: 6_000 }, (_, index) =>
    line(index, {
      connector: index % 2 === 0 ? 'a' : 'b',
      outcome: index % 3 === 0 ? 'failed' : 'ok',
    }),
  );
  await writeFile(`${path}.2`, lines.slice(0, 2_000).join(''));
  await writeFile(`${path}.1`, `${lines.slice(2_000, 4_000).join('')}{"torn`);
  await writeFile(path, lines.slice(4_000).join(''));
  const names = async (query: Partial<Parameters<typeof queryAudit>[1]>): Promise<unknown[]> =>
    (await queryAudit(path, { limit: 1_000_000, ...query })).map(({ name }) => name);
  expect(await names({ limit: 2 })).toEqual(['n5998', 'n5999']);
  expect(await names({ limit: 2, connector: 'a', outcome: 'failed' })).toEqual(['n5988', 'n5994']);
  expect(await names({})).toHaveLength(6_000);
  expect(await names({ sinceMs: 5_990 * 600_000 })).toHaveLength(10);
  expect(await names({ text: 'N123' })).toEqual([
    'n123',
    ...Array.from({ length: 10 }, (_, i) => `n123${i}`),
  ]);
  expect(await queryAudit(join(folder.path, 'none'), { limit: 5 })).toEqual([]);
});
