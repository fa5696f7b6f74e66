import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isAlive, startFleet, tempFolder, waitUntil, type HttpUpstream } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { sendModern } from '../test/gateway/raw-client.ts';

// The rollback as an operator runs it (S4-19, S4-38; B7.28: the app's name, and --update-env).

const PM2_VERSION = '7.0.4';
const INTERVAL_MS = 1_000;
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** pm2 is under AGPL: it is kept beside the workspace, and nothing depends on it. */
const CACHE = join(tmpdir(), `cortex-mcp-pm2-${PM2_VERSION}`);
const PM2 = join(CACHE, 'node_modules/pm2/bin/pm2');

const run = promisify(execFile);

/** @returns why there is no pm2, or undefined when there is. */
async function installPm2(): Promise<string | undefined> {
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

type Setting = { readonly value: unknown; readonly origin: unknown };

interface Status {
  readonly service: { readonly pid: number; readonly ready: boolean };
  readonly settings: Readonly<Record<string, Setting>>;
}

interface Operator extends AsyncDisposable {
  /** The daemon's log: whether it had to kill. */
  log(): Promise<string>;
  readonly origin: string;
  readonly pm2: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<void>;
}

/** pm2 with a daemon of its own, which is ended whatever happens. */
async function startOperator(fleet: readonly HttpUpstream[]): Promise<Operator> {
  const folder = tempFolder('cortex-pm2-');
  const config = join(folder.path, 'cortex-mcp.json');
  const servers = fleet.map((upstream, index) => [`c${index}`, { url: upstream.url }]);
  await writeFile(config, JSON.stringify({ mcpServers: Object.fromEntries(servers) }));
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
    MCP_CONNECTOR_REFRESH_INTERVAL_MS: String(INTERVAL_MS),
  };
  const pm2: Operator['pm2'] = async (args, env = {}) => {
    await run(process.execPath, [PM2, ...args], {
      cwd: ROOT,
      env: { ...base, ...env },
      timeout: 60_000,
    });
  };
  return {
    log: async () => await readFile(join(home, 'pm2.log'), 'utf8'),
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

async function statusOf(origin: string): Promise<Status | undefined> {
  try {
    return (await (await fetch(`${origin}/status`)).json()) as Status;
  } catch {
    return undefined; // not listening at the moment
  }
}

/** Waits for a process other than `oldPid` that is ready. */
async function readyAfter(origin: string, oldPid: number): Promise<Status> {
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

async function listedTools(origin: string): Promise<readonly string[]> {
  const answer = (await sendModern(`${origin}/mcp`, 'tools/list')).json() as {
    result: { tools: readonly { name: string }[] };
  };
  return answer.result.tools.map(({ name }) => name);
}

/** What was asked of each server, but for the streams on which it may tell of changes: those may open at any time. */
const askedOf = (fleet: readonly HttpUpstream[]): readonly unknown[] =>
  fleet.map(({ counts }) => {
    const { GET: _, 'subscriptions/listen': __, ...asked } = counts.byMethod;
    return asked;
  });

/** What the flag is now, and where that comes from, as the operator sees it. */
const flagOf = ({ settings }: Status): Setting | undefined =>
  settings['MCP_CONNECTOR_REFRESH_SYNC'];

async function newBuild(): Promise<void> {
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  await run(tsc, ['-p', 'tsconfig.build.json'], { cwd: PACKAGE, timeout: 120_000 });
  expect(await readdir(join(PACKAGE, 'dist/cli'))).toContain('main.js');
}

test(
  'MCP_CONNECTOR_REFRESH_SYNC=true pm2 restart cortex-mcp --update-env ends background refresh, =false brings it back (S4-19, S4-38, B7.28)',
  {
    timeout: 300_000,
  },
  async (context) => {
    const problem = await installPm2();
    context.skip(problem !== undefined, `pm2 ${PM2_VERSION} cannot be installed: ${problem}`);
    await newBuild();
    await using fleet = await startFleet([
      { kind: 'modern-http', ttlMs: 3_600_000 },
      { kind: 'legacy-http-session' },
    ]);
    await using operator = await startOperator(fleet);
    const { origin, pm2 } = operator;

    await pm2(['start', 'ecosystem.config.cjs', '--only', 'cortex-mcp']);
    const first = await readyAfter(origin, 0);
    expect(flagOf(first)).toEqual({ value: false, origin: { kind: 'default' } });
    let whole: readonly string[] = [];
    await waitUntil(
      async () => {
        whole = await listedTools(origin);
        return whole.includes('c0__echo') && whole.includes('c1__echo');
      },
      { describe: 'both servers are listed' },
    );
    await expectRefreshes(fleet);

    await pm2(['restart', 'cortex-mcp', '--update-env'], { MCP_CONNECTOR_REFRESH_SYNC: 'true' });
    const rolledBack = await readyAfter(origin, first.service.pid);
    const variable = 'MCP_CONNECTOR_REFRESH_SYNC';
    expect(flagOf(rolledBack)).toEqual({ value: true, origin: { kind: 'environment', variable } });
    expect(await listedTools(origin)).toEqual(whole);
    const still = askedOf(fleet);
    // Nothing happens, which only time can show.
    await delay(3 * INTERVAL_MS);
    expect(askedOf(fleet)).toEqual(still);
    expect(await listedTools(origin)).toEqual(whole);

    await pm2(['restart', 'cortex-mcp', '--update-env'], { MCP_CONNECTOR_REFRESH_SYNC: 'false' });
    const restored = await readyAfter(origin, rolledBack.service.pid);
    expect(flagOf(restored)).toEqual({ value: false, origin: { kind: 'environment', variable } });
    expect(await listedTools(origin)).toEqual(whole);
    await expectRefreshes(fleet);
    expect(await operator.log()).not.toContain('SIGKILL');
  },
);

/** Each server is asked again, and again, by itself. */
async function expectRefreshes(fleet: readonly HttpUpstream[]): Promise<void> {
  const lists = (): readonly number[] =>
    fleet.map(({ counts }) => counts.byMethod['tools/list'] ?? 0);
  const before = lists();
  await waitUntil(() => lists().every((count, index) => count >= (before[index] ?? 0) + 2), {
    timeoutMs: 10 * INTERVAL_MS,
    describe: 'every server was refreshed twice',
  });
}
