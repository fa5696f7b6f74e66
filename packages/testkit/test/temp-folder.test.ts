import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '../src/index.ts';

test('tempFolder() is empty, its own, and gone with all it holds when disposed', async () => {
  let path: string;
  {
    await using folder = tempFolder('testkit-test-');
    ({ path } = folder);
    expect(path).toContain('testkit-test-');
    writeFileSync(join(path, 'file'), 'content');
    await using other = tempFolder();
    expect(other.path).not.toBe(path);
  }
  expect(existsSync(path)).toBe(false);
});
