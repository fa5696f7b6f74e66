import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isAlive, tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';

const PARENT = fileURLToPath(new URL('attacked-parent.ts', import.meta.url));

test('a gateway of these suites does not outlive the process that started it, however that ends', async () => {
  await using folder = tempFolder();
  await writeFile(join(folder.path, 'cortex-mcp.json'), '{"mcpServers":{}}');
  const args = ['--conditions=cortex-source', PARENT, folder.path];
  const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  parent.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  const pid = (): number => Number(/pid (\d+)/.exec(stdout)?.[1]);
  await waitUntil(() => pid() > 0, { timeoutMs: 20_000, describe: 'the gateway serves' });
  expect(isAlive(pid())).toBe(true);
  const ended = once(parent, 'exit');
  parent.kill('SIGKILL');
  await ended;
  await waitUntil(() => !isAlive(pid()), { timeoutMs: 10_000, describe: 'it is gone' });
}, 40_000);
