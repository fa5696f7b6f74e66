import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempFolder } from '@cortex-os/testkit';
import { openBrowser } from '../../src/credentials/open-browser.ts';

test('openBrowser() hands over http(s) addresses as one argument, and never through a shell (CVE-2025-6514)', async () => {
  await using folder = tempFolder();
  const seen = join(folder.path, 'seen');
  const program = join(folder.path, 'opener');
  await writeFile(program, `#!/bin/sh\nprintf '%s\\n' "$#" "$1" > ${seen}\n`);
  await chmod(program, 0o700);
  const env = { PATH: process.env['PATH'] };
  const url = new URL(`https://as.test/a?x=$(touch ${folder.path}/pwned);id&y="'|z`);
  expect(await openBrowser(url, { program, env })).toBe(true);
  expect(await readFile(seen, 'utf8')).toBe(`1\n${url.href}\n`);
  await expect(readFile(join(folder.path, 'pwned'))).rejects.toThrow('ENOENT');
});

test('openBrowser() opens no other schemes, and says when it could not', async () => {
  const env = {};
  for (const text of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'calc:x']) {
    expect(await openBrowser(new URL(text), { program: '/bin/true', env })).toBe(false);
  }
  const url = new URL('https://as.test/');
  expect(await openBrowser(url, { program: '/bin/false', env })).toBe(false);
  expect(await openBrowser(url, { program: '/no/such/program', env })).toBe(false);
});
