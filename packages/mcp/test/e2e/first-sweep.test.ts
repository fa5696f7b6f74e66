import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { allCommands } from '../../src/cli/run-cli.ts';
import { firstHome, leftClean, runInTerminal } from './first-terminal.ts';

const hasTerminal = existsSync('/usr/bin/script');
const commands = await allCommands();
const AT_ONCE = 3;
/** What has not ended by itself by now goes on until it is told to end. */
const CTRL_C_AFTER_MS = 2_500;

/** Runs `work` for every item, a few at once. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const next = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

const silent = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 60000)'] };

test(
  'every command is quiet when the reader of its output goes away (EPIPE)',
  { timeout: 120_000 },
  async () => {
    await using home = firstHome();
    const loud: string[] = [];
    await each(commands, async ({ name }) => {
      const child = spawn('cortex-mcp', [...name.split(' '), '--help'], {
        cwd: home.path,
        env: home.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stdout.destroy();
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
      await once(child, 'close');
      if (child.exitCode !== 0 || stderr !== '') loud.push(`${name}: ${child.exitCode} ${stderr}`);
    });
    expect(loud).toEqual([]);
  },
);

test.skipIf(!hasTerminal)(
  'the example of every command runs on a terminal, ends by itself or by Ctrl-C, and leaves the terminal clean',
  { timeout: 180_000 },
  async () => {
    const dirty: string[] = [];
    await each(commands, async ({ name, example }) => {
      await using home = firstHome();
      mkdirSync(join(home.path, '.cursor'));
      const config = JSON.stringify({ mcpServers: { silent } });
      for (const file of ['cortex-mcp.json', '.cursor/mcp.json'])
        writeFileSync(join(home.path, file), config);
      // The port of the example may be somebody's.
      await using run = runInTerminal(example.replace('--port 4000', '--port 0'), { home });
      const ctrlC = setTimeout(() => run.type('\u0003'), CTRL_C_AFTER_MS);
      try {
        await run.ended(30_000);
        const [before, after] = run.modes();
        if (before !== after) dirty.push(`${name}: modes ${before} ${after}`);
        if (!leftClean(run.output()))
          dirty.push(`${name}: ${JSON.stringify(run.output().slice(-300))}`);
        if (/^\s+at .*:\d+:\d+\)?$/m.test(run.output())) dirty.push(`${name}: a stack`);
      } catch {
        dirty.push(`${name} does not end: ${JSON.stringify(run.output().slice(-300))}`);
      } finally {
        clearTimeout(ctrlC);
      }
    });
    expect(dirty).toEqual([]);
  },
);
