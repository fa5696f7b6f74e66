import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readWatermark, writeWatermark, type SourceState } from '../../src/sources/watermarks.ts';
import { tempFolder } from '../lib/temp-folder.ts';

function state(n: number): SourceState {
  return {
    updatedSince: '2026-01-01T00:00:00.000Z',
    importedAt: new Date(n * 1000).toISOString(),
  };
}

test('watermarks are kept for a bounded number of registries, and a damaged file is not guessed at', async () => {
  const folder = tempFolder();
  for (let n = 0; n < 103; n += 1) await writeWatermark(folder, `https://r${n}.test`, state(n));
  const file = join(folder, 'sources.json');
  expect(
    Object.keys((JSON.parse(readFileSync(file, 'utf8')) as { sources: object }).sources),
  ).toHaveLength(100);
  expect(await readWatermark(folder, 'https://r2.test')).toBeUndefined();
  expect(await readWatermark(folder, 'https://r102.test')).toEqual(state(102));
  expect(await readWatermark(folder, 'constructor')).toBeUndefined();
  for (const text of [
    '{',
    '{"version":1,"sources":{"a":{"updatedSince":"soon","importedAt":""}}}',
  ]) {
    writeFileSync(file, text);
    await expect(readWatermark(folder, 'a')).rejects.toMatchObject({ code: 'EFORMAT' });
  }
});
