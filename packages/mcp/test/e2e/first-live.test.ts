import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import {
  firstHome,
  type FirstHome,
  leftClean,
  runInTerminal,
  type TerminalRun,
} from './first-terminal.ts';

// Programs that are started again and again, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** Its row of the table, coloured or not; paths that end in `fresh` are none. */
// oxlint-disable-next-line no-control-regex -- colours are escape sequences
const FRESH = /memory +(?:\u001b\[\d+m)*fresh/;

const hasTerminal = existsSync('/usr/bin/script');
const BIN = join(import.meta.dirname, '../../../../node_modules/.bin');
const silent = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 60000)'] };

function memory(home: FirstHome): object {
  const env = { MEMORY_FILE_PATH: join(home.path, 'memory.jsonl') };
  return {
    command: process.execPath,
    args: [join(BIN, '../@modelcontextprotocol/server-memory/dist/index.js')],
    env,
  };
}

function pressCtrlC(run: TerminalRun): undefined {
  run.type('\u0003');
}

function configure(home: FirstHome, mcpServers: object): void {
  writeFileSync(join(home.path, 'cortex-mcp.json'), JSON.stringify({ mcpServers }));
}

test.skipIf(!hasTerminal).each([
  ['Ctrl-C', 0, pressCtrlC],
  ['SIGTERM', 0, () => 'SIGTERM' as const],
  ['kill -9', 137, () => 'SIGKILL' as const],
  ['an abort of the process', 134, () => 'SIGABRT' as const],
])(
  'serve draws connectors in place on a terminal and leaves it clean after %s',
  async (_how, code, end) => {
    await using home = firstHome();
    configure(home, { memory: memory(home), silent });
    const pidFile = join(home.path, 'pid');
    // In the foreground, as a person has it, and its pid known.
    const line = `sh -c 'echo $$ > ${pidFile}; exec cortex-mcp --port 0'`;
    await using run = runInTerminal(line, { home });
    await run.until(/1 of 2 connectors ready, 1 connecting/);
    expect(run.output()).toContain('\u001B[4A');
    const signal = end(run);
    if (signal !== undefined) process.kill(Number(readFileSync(pidFile, 'utf8')), signal);
    expect(await run.ended(15_000)).toBe(code);
    expect(leftClean(run.output())).toBe(true);
    const [before, after] = run.modes();
    expect(after).toBe(before);
  },
);

test.skipIf(!hasTerminal)(
  'the table is cut to the window, and NO_COLOR and TERM=dumb are heard',
  async () => {
    await using home = firstHome();
    const many = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`silent-${index}`, silent]),
    );
    configure(home, many);
    await using run = runInTerminal('NO_COLOR=1 cortex-mcp sync', { home, rows: 10, columns: 40 });
    await run.until(/0 of 12 connectors ready, 12 connecting/);
    await run.until(/and 6 more/);
    run.type('\u0003');
    expect(await run.ended(15_000)).toBe(130);
    expect(run.output()).not.toContain('\u001B[2m');
    await using dumb = runInTerminal('TERM=dumb cortex-mcp --port 0', { home });
    await dumb.until(/^silent-0 +connecting/m);
    dumb.type('\u0003');
    expect(await dumb.ended(15_000)).toBe(0);
    expect(dumb.output()).not.toContain('\u001B');
  },
);

test.skipIf(!hasTerminal)(
  'a first start on a real terminal asks, imports after y and connects',
  async () => {
    await using home = firstHome();
    mkdirSync(join(home.path, '.cursor'));
    const servers = JSON.stringify({ mcpServers: { memory: memory(home) } });
    writeFileSync(join(home.path, '.cursor/mcp.json'), servers);
    await using run = runInTerminal('cortex-mcp --port 0', { home });
    await run.until(/\[y\/N\] $/);
    run.type('y\n');
    await run.until(FRESH);
    run.type('\u0003');
    expect(await run.ended(15_000)).toBe(0);
    expect(run.output()).toContain('Imported 1 server');
    await using undo = runInTerminal('cortex-mcp registry import --undo', { home });
    expect(await undo.ended(15_000)).toBe(0);
    expect(undo.output()).toMatch(/removed\S* +memory/);
    await using other = firstHome();
    mkdirSync(join(other.path, '.cursor'));
    writeFileSync(join(other.path, '.cursor/mcp.json'), servers);
    await using asking = runInTerminal('cortex-mcp --port 0', { home: other });
    await asking.until(/\[y\/N\] $/);
    asking.type('\u0003');
    expect(await asking.ended(15_000)).toBe(130);
  },
);
