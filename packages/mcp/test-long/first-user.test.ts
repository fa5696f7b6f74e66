import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { expect, test, vi } from 'vitest';
import { networkEnv } from './network-env.ts';

vi.setConfig({ testTimeout: 900_000 });

const ROOT = join(import.meta.dirname, '../../..');
const SECTION = 'First five minutes';
/** "It must hold": a called tool in less than 3 minutes. */
const MAX_MS = 180_000;

/** The commands of a section of the README, in order, as it prints them. */
function commandsOf(readme: string, section: string): string[] {
  const text = readme.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const blocks = [...text.matchAll(/^```sh(?: [\w ]+)?\n(.*?)^```/gms)].map(
    ([, body = '']) => body,
  );
  return blocks.flatMap((body) => body.split('\n').filter((line) => /^[^#\s]/.test(line)));
}

/** What a stranger gets: the files of the repository as they are now, nothing installed and nothing built. */
function copyRepository(target: string): void {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: ROOT,
  });
  for (const name of new Set(listed.toString().split('\0').filter(Boolean))) {
    mkdirSync(dirname(join(target, name)), { recursive: true });
    cpSync(join(ROOT, name), join(target, name), { force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

class Shell implements AsyncDisposable {
  readonly #cwd: string;
  readonly #env: Record<string, string>;
  #serving: ChildProcess | undefined;

  constructor(cwd: string, env: Record<string, string>) {
    this.#cwd = cwd;
    this.#env = env;
  }

  /** Runs a line to its end, or until it serves; then it goes on, and the next one that serves takes its place. */
  async run(line: string): Promise<string> {
    if (/^npm start|\.tgz$/.test(line)) await this.stop();
    const child = spawn('sh', ['-c', line], {
      cwd: this.#cwd,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    const serves = (): boolean => /^Endpoint: /m.test(text);
    await waitUntil(() => serves() || child.exitCode !== null, {
      timeoutMs: 600_000,
      describe: line,
    });
    if (child.exitCode === null) this.#serving = child;
    else if (child.exitCode !== 0) throw new Error(`${line}: ${child.exitCode}\n${text}`);
    return text;
  }

  async stop(): Promise<void> {
    const serving = this.#serving;
    this.#serving = undefined;
    if (serving?.pid === undefined || serving.exitCode !== null) return;
    const ended = once(serving, 'exit');
    process.kill(-serving.pid, 'SIGINT');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

test('a stranger with an empty home and only the README reaches a called tool in less than 3 minutes', async () => {
  await using folder = tempFolder();
  const repository = join(folder.path, 'repository');
  copyRepository(repository);
  const env = {
    ...networkEnv(),
    HOME: join(folder.path, 'home'),
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    // Somebody may use the usual one here.
    MCP_PORT: String(await freePort()),
  };
  mkdirSync(env.HOME);
  const commands = commandsOf(readFileSync(join(repository, 'README.md'), 'utf8'), SECTION);
  expect(commands.length).toBeGreaterThan(5);
  await using shell = new Shell(repository, env);
  const startedAtMs = performance.now();
  const called: { line: string; afterMs: number; text: string }[] = [];
  for (const line of commands) {
    const text = await shell.run(line);
    if (/ call /.test(line)) called.push({ line, afterMs: performance.now() - startedAtMs, text });
  }
  console.log(
    called.map(({ line, afterMs }) => `${(afterMs / 1000).toFixed(1)} s: ${line}`).join('\n'),
  );
  expect(called[0]?.text).toContain('hello');
  expect(called[0]?.afterMs).toBeLessThan(MAX_MS);
  expect(called[1]?.text).toContain('"entities"');
  expect(readFileSync(join(env.HOME, '.cursor/mcp.json'), 'utf8')).toContain(
    `:${env.MCP_PORT}/mcp`,
  );
});
