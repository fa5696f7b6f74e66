import { execFile, spawnSync } from 'node:child_process';
import { readFile, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tempFolder } from '@cortex-os/testkit';
import { expect, onTestFinished, test } from 'vitest';
import { appendAtExit } from '../../src/audit/append-at-exit.ts';
import { AuditLog } from '../../src/audit/audit-log.ts';

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL('exit-process.ts', import.meta.url));

/** Records, and ends by `process.exit` in the same turn. */
async function recordAndExit(path: string, how: 'first' | 'later'): Promise<string> {
  const args = ['--conditions=cortex-source', SCRIPT, path, how];
  const { stdout } = await run(process.execPath, args);
  return stdout;
}

const record = (name: string): { atMs: number; event: string; name: string } => ({
  atMs: Date.now(),
  event: 'test',
  name,
});

test('what waits in memory when the process ends at once is written before it is gone (S18)', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  expect(await recordAndExit(path, 'later')).toBe('');
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual([
    'before',
    ...Array.from({ length: 20 }, (_, index) => `n${index}`),
  ]);
});

test('what cannot be written when the process ends at once is counted and said (S18)', async () => {
  await using folder = tempFolder();
  expect(await recordAndExit(join(folder.path, 'audit.jsonl'), 'first')).toBe('');
  // Its folder is made with the first write, and there was none.
  const path = join(folder.path, 'missing', 'audit.jsonl');
  expect(await recordAndExit(path, 'first')).toBe('lost 20\n');
});

test('close() counts and says what the disk does not take any more (S18)', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  spawnSync('mkfifo', [path]);
  const told: number[] = [];
  const log = new AuditLog({ path, onLost: (lost) => told.push(lost) });
  for (const name of ['a', 'b', 'c']) log.event(record(name));
  await log.close();
  expect([log.taken, log.lost, told]).toEqual([3, 3, [3]]);
});

test('close() says nothing when nothing was lost, and leaves no listener behind', async () => {
  await using folder = tempFolder();
  const before = process.listenerCount('exit');
  const told: number[] = [];
  const log = new AuditLog({
    path: join(folder.path, 'audit.jsonl'),
    onLost: (lost) => told.push(lost),
  });
  onTestFinished(async () => await log.close());
  log.event(record('a'));
  expect(process.listenerCount('exit')).toBe(before + 1);
  await log.close();
  expect([told, process.listenerCount('exit')]).toEqual([[], before]);
});

test('appendAtExit() appends to a regular file of ours, and says when it could not', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'audit.jsonl');
  expect([appendAtExit(path, 'one\n'), appendAtExit(path, 'two\n')]).toEqual([true, true]);
  expect(await readFile(path, 'utf8')).toBe('one\ntwo\n');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const pipe = join(folder.path, 'pipe');
  spawnSync('mkfifo', [pipe]);
  const link = join(folder.path, 'link');
  await symlink(path, link);
  const others = [pipe, link, folder.path, join(folder.path, 'missing', 'x')];
  expect(others.map((other) => appendAtExit(other, 'x\n'))).toEqual(others.map(() => false));
});
