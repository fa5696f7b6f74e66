import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { AuditFile, AuditFileError } from '../../src/audit/audit-file.ts';

const LINE = Buffer.from(`${'x'.repeat(99)}\n`);

test('AuditFile puts a full file aside, moves older ones up and drops the oldest', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'a');
  const file = new AuditFile({ path, maxFileBytes: 200, maxFiles: 2 });
  for (let index = 0; index < 9; index += 1) {
    expect(await file.append(Buffer.from(`${String(index).repeat(99)}\n`))).toBe(100);
  }
  await file.close();
  expect((await readdir(folder.path)).toSorted()).toEqual(['a', 'a.1', 'a.2']);
  const first = async (name: string): Promise<string> =>
    (await readFile(join(folder.path, name), 'utf8')).slice(0, 1);
  expect([await first('a'), await first('a.1'), await first('a.2')]).toEqual(['8', '6', '4']);
});

test('AuditFile waits for nobody who puts files aside, and clears up after one who never came back', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'a');
  const file = new AuditFile({ path, maxFileBytes: 100 });
  await writeFile(`${path}.lock`, '');
  await file.append(LINE);
  await file.append(LINE);
  expect((await stat(path)).size).toBe(200);
  const old = new Date(Date.now() - 60_000);
  await utimes(`${path}.lock`, old, old);
  // The first finds the lock too old, the second puts the file aside.
  await file.append(LINE);
  await file.append(LINE);
  await file.close();
  expect((await readdir(folder.path)).toSorted()).toEqual(['a', 'a.1']);
});

test('AuditFile leaves a file to another that has put it aside meanwhile', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'a');
  const [one, two] = [0, 1].map(() => new AuditFile({ path, maxFileBytes: 100 }));
  await one?.append(LINE);
  await two?.append(LINE);
  // Both hold the full file; the first moves it, the second takes up the new one.
  await one?.append(LINE);
  await two?.append(LINE);
  await one?.close();
  await two?.close();
  expect((await stat(`${path}.1`)).size).toBe(200);
  expect((await stat(path)).size).toBe(200);
});

test('AuditFile ends a line that was torn before it writes its own', async () => {
  await using folder = tempFolder();
  const path = join(folder.path, 'a');
  await writeFile(path, '{"torn');
  const file = new AuditFile({ path });
  expect(await file.append(Buffer.from('{}\n'))).toBe(3);
  expect(await file.append(Buffer.from('{}\n'))).toBe(3);
  await file.sync();
  await file.close();
  expect(await readFile(path, 'utf8')).toBe('{"torn\n{}\n{}\n');
});

test('AuditFile refuses what is no file by name', async () => {
  const file = new AuditFile({ path: '/dev/null' });
  await expect(file.open()).rejects.toThrow(AuditFileError);
  await expect(file.append(LINE)).rejects.toMatchObject({ code: 'AUDIT_NOT_A_FILE' });
  await file.close();
});
