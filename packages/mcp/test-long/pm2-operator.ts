import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAlive, tempFolder, waitUntil } from '@cortex-os/testkit';
import { freePort } from '../test/e2e/reload-cluster.ts';

export const PM2_VERSION = '7.0.4';
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** pm2 is under AGPL: it is kept beside the workspace, and nothing depends on it. */
const CACHE = join(tmpdir(), `cortex-mcp-pm2-${PM2_VERSION}`);
const PM2 = join(CACHE, 'node_modules/pm2/bin/pm2');

const run = promisify(execFile);

/** @returns why there is no pm2, or undefined when there is. */
export async function installPm2(): Promise<string | undefined> {
  if (existsSync(PM2)) return undefined;
  await mkdir(CACHE, { recursive: true });
  await writeFile(join(CACHE, 'package.json'), '{ "private": true }');
  const npm = join(dirname(process.execPath), 'npm');
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `pm2@${PM2_VERSION}`];
  try {
    await run(existsSync(npm) ? npm : 'npm', args, { cwd: CACHE, timeout: 120_000 });
    return undefined;
  } catch (error) {
    return String(error);
  }
}

type Setting = { readonly value: unknown; readonly origin: unknown };

export interface Status {
  readonly service: { readonly pid: number; readonly ready: boolean };
  readonly settings: Readonly<Record<string, Setting>>;
}

export interface Operator extends AsyncDisposable {
  /** The daemon's log: whether it had to kill. */
  log(): Promise<string>;
  /** What the workers wrote to stderr. */
  stderr(): Promise<string>;
  readonly origin: string;
  readonly pm2: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<void>;
}

/** pm2 with a daemon of its own, which is ended whatever happens. Its daemon, and so the workers, run on this Node. */
export async function startOperator(
  mcpServers: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, string>> = {},
): Promise<Operator> {
  const folder = tempFolder('cortex-pm2-');
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, JSON.stringify({ mcpServers, ...settings }));
  const port = await freePort();
  const home = join(folder.path, 'pm2');
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:MCP|PM2|VITEST)/.test(name),
  );
  const base = {
    ...Object.fromEntries(inherited),
    PM2_HOME: home,
    CORTEX_HOME: folder.path,
    MCP_CONFIG: config,
    MCP_PORT: String(port),
    ...more,
  };
  const pm2: Operator['pm2'] = async (args, env = {}) => {
    await run(process.execPath, [PM2, ...args], {
      cwd: ROOT,
      env: { ...base, ...env },
      timeout: 400_000,
    });
  };
  return {
    log: async () => await readFile(join(home, 'pm2.log'), 'utf8'),
    stderr: async () => {
      const logs = join(home, 'logs');
      const files = (await readdir(logs)).filter((name) => name.includes('-error'));
      const texts = await Promise.all(files.map((name) => readFile(join(logs, name), 'utf8')));
      return texts.join('');
    },
    origin: `http://127.0.0.1:${port}`,
    pm2,
    [Symbol.asyncDispose]: async () => {
      const pid = Number(await readFile(join(home, 'pm2.pid'), 'utf8').catch(() => '0'));
      await pm2(['kill']);
      if (pid > 0) await waitUntil(() => !isAlive(pid), { describe: 'the daemon of pm2 is gone' });
      await folder.remove();
    },
  };
}

export async function statusOf(origin: string): Promise<Status | undefined> {
  try {
    return (await (await fetch(`${origin}/status`)).json()) as Status;
  } catch {
    return undefined; // not listening at the moment
  }
}

/** Waits for a process other than `oldPid` that is ready. */
export async function readyAfter(origin: string, oldPid: number): Promise<Status> {
  let status: Status | undefined;
  await waitUntil(
    async () => {
      status = await statusOf(origin);
      return status !== undefined && status.service.pid !== oldPid && status.service.ready;
    },
    { timeoutMs: 30_000, describe: 'the service is ready' },
  );
  if (status === undefined) throw new Error('ready without a status');
  return status;
}

/** pm2 runs what was built. CORTEX_BUILT=1: it is there already. */
export async function newBuild(): Promise<void> {
  if (process.env['CORTEX_BUILT'] === '1') return;
  const bin = join(ROOT, 'node_modules/.bin');
  const PATH = `${join(PACKAGE, 'node_modules/.bin')}:${bin}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH };
  const script = await readFile(join(PACKAGE, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(script) as { scripts: { build: string } };
  await run('/bin/sh', ['-c', scripts.build], { cwd: PACKAGE, env, timeout: 120_000 });
}
