import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempFolder, waitUntil, type TempFolder } from '@cortex-os/testkit';

const BUILT_CLI = fileURLToPath(new URL('../../bin/cortex-mcp.js', import.meta.url));

/** A home that nothing is known of, with `cortex-mcp` as a command. */
export interface FirstHome extends AsyncDisposable {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

export function firstHome(): FirstHome {
  const folder: TempFolder = tempFolder();
  const bin = join(folder.path, '.bin');
  mkdirSync(bin);
  const file = join(bin, 'cortex-mcp');
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${BUILT_CLI}' "$@"\n`);
  chmodSync(file, 0o755);
  const env = {
    HOME: folder.path,
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    MCP_DRAIN_LAME_DUCK_MS: '0',
  };
  return {
    path: folder.path,
    env,
    [Symbol.asyncDispose]: async () => await folder[Symbol.asyncDispose](),
  };
}

/** A line of shell on a pseudo terminal of its own. */
export interface TerminalRun extends AsyncDisposable {
  readonly child: ChildProcess;
  /** All that the terminal has shown. */
  output(): string;
  type(text: string): void;
  until(pattern: RegExp, timeoutMs?: number): Promise<void>;
  /** The exit code of the line, once it has ended. */
  ended(timeoutMs: number): Promise<number>;
  /** What `stty -g` said before and after. */
  modes(): readonly [before: string, after: string];
}

/** Runs a line by `script` (util-linux); Ctrl-C typed there goes where a person's would. */
export function runInTerminal(
  line: string,
  { home, rows = 24, columns = 100 }: { home: FirstHome; rows?: number; columns?: number },
): TerminalRun {
  const shell = [
    'trap : INT',
    `stty rows ${rows} cols ${columns}`,
    'echo "modes=$(stty -g)"',
    line,
    'echo "code=$? modes=$(stty -g)"',
  ].join('\n');
  const child = spawn('script', ['-q', '-e', '-f', '-c', shell, '/dev/null'], {
    cwd: home.path,
    env: { ...home.env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  child.stdin.on('error', () => undefined);
  const exited = once(child, 'exit');
  return {
    child,
    output: () => text,
    type: (typed) => void child.stdin.write(typed),
    until: async (pattern, timeoutMs = 15_000) => {
      await waitUntil(() => pattern.test(text), { timeoutMs, describe: `${line}: ${pattern}` });
    },
    ended: async (timeoutMs) => {
      await waitUntil(() => /code=\d+ modes=\S+/.test(text), {
        timeoutMs,
        describe: `${line} ends`,
      });
      return Number(/code=(\d+) modes=/.exec(text)?.[1]);
    },
    modes: () => {
      const found = [...text.matchAll(/modes=([0-9a-f:]+)/g)].map(([, mode = '']) => mode);
      return [found[0] ?? '', found[1] ?? 'none'];
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        // Hanging up ends all that runs on the terminal.
        child.kill('SIGKILL');
        await exited;
      }
    },
  };
}

/** The ways of writing that were begun, each by the number that ends it; `0` ends all. */
const ENDS: Readonly<Record<string, string>> = { 1: '22', 2: '22', 3: '23', 4: '24', 7: '27' };

/** What ends the way of writing that this number begins; undefined when it begins none. */
function endOf(code: string): string | undefined {
  if (/^(?:3[0-8]|9[0-7])$/.test(code)) return '39';
  if (/^(?:4[0-8]|10[0-7])$/.test(code)) return '49';
  return ENDS[code];
}

/** Whether text that is written now would be coloured, bold or dim. */
function hasColour(output: string): boolean {
  const open = new Set<string>();
  // oxlint-disable-next-line no-control-regex -- colours are escape sequences
  for (const [, codes = ''] of output.matchAll(/\u001B\[([\d;]*)m/g)) {
    for (const code of codes.split(';')) {
      const end = endOf(code);
      if (end !== undefined) open.add(end);
      else if (code === '' || code === '0') open.clear();
      else open.delete(code);
    }
  }
  return open.size > 0;
}

/** Whether a terminal that has shown this has its cursor and colours, wraps lines and shows the usual screen. */
export function leftClean(output: string): boolean {
  const last = (mode: string): string =>
    [...output.matchAll(new RegExp(`\\u001B\\[\\?${mode}([hl])`, 'g'))].at(-1)?.[1] ?? '';
  const shows = last('25') !== 'l' && last('7') !== 'l' && !hasColour(output);
  return shows && last('1049') !== 'h' && last('47') !== 'h';
}
