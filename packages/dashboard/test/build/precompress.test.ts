import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { precompressFolder } from '../../build/precompress.ts';

test('precompressFolder() puts smaller copies beside text files, and leaves others alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'precompress-'));
  try {
    const text = 'body { color: red }\n'.repeat(100);
    writeFileSync(join(folder, 'page.css'), text);
    writeFileSync(join(folder, 'tiny.js'), '1');
    writeFileSync(join(folder, 'image.png'), text);
    precompressFolder(folder);
    expect(readdirSync(folder).toSorted()).toEqual([
      'image.png',
      'page.css',
      'page.css.br',
      'page.css.gz',
      'tiny.js',
    ]);
    const read = (name: string): Buffer => readFileSync(join(folder, name));
    expect(brotliDecompressSync(read('page.css.br')).toString()).toBe(text);
    expect(gunzipSync(read('page.css.gz')).toString()).toBe(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
