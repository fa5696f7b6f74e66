import {
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTextFile, replaceFile } from '../../src/sources/private-file.ts';
import { tempFolder } from '../lib/temp-folder.ts';

test('replaceFile() replaces as a whole and removes what a killed process left long ago', async () => {
  const folder = tempFolder();
  const path = join(folder, 'a.json');
  writeFileSync(join(folder, '.a.json.0badf00d.tmp'), 'old');
  utimesSync(join(folder, '.a.json.0badf00d.tmp'), 1, 1);
  writeFileSync(join(folder, '.a.json.600d.tmp'), 'of a process at work');
  await replaceFile(path, 'one');
  await replaceFile(path, 'two');
  expect(readFileSync(path, 'utf8')).toBe('two');
  expect(readdirSync(folder).toSorted()).toEqual(['.a.json.600d.tmp', 'a.json']);
});

test('replaceFile() leaves nothing behind when it fails', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'a.json', 'x'), { recursive: true });
  await expect(replaceFile(join(folder, 'a.json'), 'one')).rejects.toMatchObject({
    code: expect.any(String),
  });
  expect(readdirSync(folder)).toEqual(['a.json']);
});

test('readTextFile() is bounded, follows no link unless told, and knows what is no file', async () => {
  const folder = tempFolder();
  const path = join(folder, 'a');
  writeFileSync(path, 'text');
  symlinkSync(path, join(folder, 'link'));
  expect(await readTextFile(path)).toBe('text');
  expect(await readTextFile(join(folder, 'none'))).toBeUndefined();
  expect(await readTextFile(join(folder, 'link'), 10, true)).toBe('text');
  await expect(readTextFile(join(folder, 'link'))).rejects.toMatchObject({ code: 'ELOOP' });
  await expect(readTextFile(path, 3)).rejects.toMatchObject({ code: 'ETOOLARGE' });
  await expect(readTextFile(folder)).rejects.toMatchObject({ code: 'EFORMAT' });
});
