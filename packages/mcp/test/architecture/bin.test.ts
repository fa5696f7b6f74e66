import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { repoRoot } from './import-graph.ts';

const run = promisify(execFile);
const bin = join(repoRoot, 'packages/mcp/bin/cortex-mcp.js');

/** A Node on this machine that the published range `^22.22.2 || ^24.15.0 || >=26` leaves out. */
async function findOldNode(): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/bin', '/usr/bin'];
  for (const folder of folders) {
    const node = join(folder, 'node');
    if (folder.includes('node_modules') || !existsSync(node)) continue;
    const { stdout } = await run(node, ['--version']);
    const major = Number(stdout.slice(1).split('.')[0]);
    if (major < 22 || major === 23 || major === 25) return node;
  }
  return undefined;
}

async function outcome(node: string, args: readonly string[]) {
  return run(node, [bin, ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

const oldNode = await findOldNode();

test.skipIf(oldNode === undefined)(
  'cortex-mcp on a Node that is too old names both versions and a command that works, in one line',
  async () => {
    const { stdout: version } = await run(oldNode ?? '', ['-p', 'process.versions.node']);

    const result = await outcome(oldNode ?? '', ['call', 'echo', '{"message": "it\'s"}']);

    expect(result.code).toBe(1);
    expect(result.stdout).toBe('');
    expect(result.stderr).toBe(
      `cortex-mcp: needs Node ^22.22.2 || ^24.15.0 || >=26, this is ${version.trim()}. ` +
        `Run: npx -y node@26 ${bin} call echo '{"message": "it'\\''s"}'\n`,
    );
  },
);

test('cortex-mcp on a supported Node does not complain about its version', async () => {
  const result = await outcome(process.execPath, ['--version']);

  expect(result.stderr).not.toContain('needs Node');
});
