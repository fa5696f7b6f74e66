import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive, processTree, tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { firstHome, leftClean, runInTerminal, type TerminalRun } from './first-terminal.ts';
import { startServe, type ServeProcess } from './serve-process.ts';

// Programs that are started again and again, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const hasTerminal = existsSync('/usr/bin/script');
const BIN = join(import.meta.dirname, '../../../../node_modules/.bin');
const silent = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 60000)'] };
let folder: TempFolder;
let gateway: ServeProcess;

function memory(path: string): object {
  const args = [join(BIN, '../@modelcontextprotocol/server-memory/dist/index.js')];
  return { command: process.execPath, args, env: { MEMORY_FILE_PATH: path } };
}

beforeAll(async () => {
  folder = tempFolder();
  const mcpServers = { memory: memory(join(folder.path, 'memory.jsonl')) };
  gateway = await startServe({ folder, mcpServers, built: true });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Presses Ctrl-C once the line is at work, and says what is left of it. */
async function interrupt(
  run: TerminalRun,
  atWork: RegExp,
): Promise<{ readonly code: number; readonly isClean: boolean }> {
  await run.until(atWork, 30_000);
  // `script`, its shell, the command, and what that started.
  const pids = processTree(run.child.pid ?? 0).map(({ pid }) => pid);
  expect(pids.length).toBeGreaterThan(1);
  run.type('\u0003');
  const code = await run.ended(20_000);
  await waitUntil(() => !pids.some(isAlive), { describe: 'nothing of it runs any more' });
  const [before, after] = run.modes();
  return { code, isClean: before === after && leftClean(run.output()) };
}

// The commands that watch a gateway, and how each ends: what shows or keeps what it has ends well.
test.skipIf(!hasTerminal).each([
  ['monitor --interval 1s', 0, /memory +\S*fresh/],
  ['advise --seconds 300', 130, /watching for 300 s/],
  ['baseline collect --seconds 300', 130, /watching for 300 s/],
  [
    `baseline collect --seconds 300 --probe memory__read_graph --args '{}'`,
    130,
    /watching for 300 s/,
  ],
  ['profile cpu --seconds 300', 0, /inspector open/],
  ['profile heap --seconds 300', 0, /inspector open/],
  ['rollout check --seconds 300', 130, /watching for 300 s/],
])(
  'Ctrl-C while `%s` watches a running gateway ends it with %i and leaves the terminal clean',
  async (line, code, atWork) => {
    await using home = firstHome();
    const url = new URL(gateway.url).origin;
    await using run = runInTerminal(`cortex-mcp ${line} --url ${url}`, { home });
    expect(await interrupt(run, atWork)).toEqual({ code, isClean: true });
    expect(run.output()).not.toMatch(/^\s+at .*:\d+:\d+\)?\r?$/m);
    // The gateway goes on, with nothing opened in it.
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(gateway.child.exitCode).toBeNull();
  },
);

test.skipIf(!hasTerminal).each([
  ['serve --port 0', 0, /1 of 2 connectors ready/],
  ['registry serve --port 0', 0, /http:\/\/127\.0\.0\.1:\d+/],
  ['sync', 130, /1 of 2 connectors ready/],
])(
  'Ctrl-C while `%s` is at work ends it with %i, its servers with it, and leaves the terminal clean',
  async (line, code, atWork) => {
    await using home = firstHome();
    const mcpServers = { memory: memory(join(home.path, 'memory.jsonl')), silent };
    writeFileSync(join(home.path, 'cortex-mcp.json'), JSON.stringify({ mcpServers }));
    await using run = runInTerminal(`cortex-mcp ${line}`, { home });
    expect(await interrupt(run, atWork)).toEqual({ code, isClean: true });
  },
);

test.skipIf(!hasTerminal)(
  'a baseline that is interrupted leaves no folder that looks like one',
  async () => {
    await using home = firstHome();
    const url = new URL(gateway.url).origin;
    const line = `cortex-mcp baseline collect --seconds 300 --dir kept --url ${url}`;
    await using run = runInTerminal(line, { home });
    expect((await interrupt(run, /watching for 300 s/)).code).toBe(130);
    const kept = join(home.path, 'kept');
    expect(existsSync(kept) ? readdirSync(kept) : []).toEqual([]);
  },
);

test('leftClean() finds a hidden cursor, another screen, and colours that were not ended', () => {
  const [red, plain, bold, thin] = ['\u001B[31m', '\u001B[39m', '\u001B[1m', '\u001B[22m'];
  expect(leftClean(`${red}a${plain}${bold}b${thin}\u001B[2mc\u001B[0m`)).toBe(true);
  expect(leftClean(`${red}a\u001B[m`)).toBe(true);
  expect(leftClean('\u001B[?25l\u001B[?1049h\u001B[?1049l\u001B[?25h')).toBe(true);
  for (const left of [
    red,
    `${red}${thin}`,
    `${bold}${plain}`,
    '\u001B[97m',
    '\u001B[1;32m\u001B[39m',
  ])
    expect(leftClean(`text ${left}`)).toBe(false);
  for (const left of ['\u001B[?25l', '\u001B[?7l', '\u001B[?1049h', '\u001B[?47h'])
    expect(leftClean(`text ${left}`)).toBe(false);
});
