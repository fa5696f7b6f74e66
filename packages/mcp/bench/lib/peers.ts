import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allProcesses, isAlive, tempFolder, waitUntil } from '@cortex-os/testkit';
import { cpuMsOf } from './cpu-time.ts';
import { pin } from './pin.ts';
import { freePort } from './program.ts';
import type { Subject } from './subject.ts';

/** Where `pnpm bench:peers` installs them: no part of the workspace. */
const CACHE = fileURLToPath(
  new URL('../../../../node_modules/.cache/bench-peers/node_modules/', import.meta.url),
);

export type PeerName = 'mcp-hub' | 'mcporter';

interface Peer {
  readonly script: string;
  /** What its file says of each server, beside where it is. */
  readonly entry: object;
  /** What else its file says. */
  readonly more: object;
  readonly args: (config: string, port: number) => readonly string[];
}

const nameOf = (index: number): string => `server-${String(index).padStart(3, '0')}`;

function serversOf(urls: readonly string[], more: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(urls.map((url, index) => [nameOf(index), { url, ...more }]));
}

const PEERS: Readonly<Record<PeerName, Peer>> = {
  'mcp-hub': {
    script: 'mcp-hub/dist/cli.js',
    entry: {},
    more: {},
    args: (config, port) => ['--port', String(port), '--config', config],
  },
  mcporter: {
    script: 'mcporter/dist/cli.js',
    // It serves only servers that it keeps alive, by a daemon of its own.
    entry: { lifecycle: 'keep-alive' },
    more: { imports: [] },
    args: (config, port) => ['--config', config, 'serve', '--http', String(port)],
  },
};

/** What its file says of a server, for the record. */
export function peerEntry(name: PeerName): string {
  return JSON.stringify({ url: 'http://127.0.0.1:PORT/mcp', ...PEERS[name].entry });
}

/** The installed version; undefined when `pnpm bench:peers` has not been run. */
export function peerVersion(name: PeerName): string | undefined {
  const manifest = join(CACHE, name, 'package.json');
  if (!existsSync(manifest)) return undefined;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

/** A process and everything it has started. */
function familyOf(pid: number): readonly number[] {
  const all = allProcesses();
  const family = [pid];
  for (const parent of family) {
    for (const one of all) if (one.ppid === parent) family.push(one.pid);
  }
  return family;
}

async function untilServing(url: string, child: ChildProcess): Promise<void> {
  await waitUntil(
    async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      try {
        const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
        await response.body?.cancel();
        return true;
      } catch {
        // Not yet.
        return false;
      }
    },
    { timeoutMs: 20_000, describe: `${url} answers` },
  );
}

/** How long they may take to end; one whose server hangs may not end at all. */
const END_MS = 3_000;

async function endFamily(pids: readonly number[]): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, name);
  };
  const ended = async (): Promise<void> =>
    await waitUntil(() => pids.every((pid) => !isAlive(pid)), {
      timeoutMs: END_MS,
      describe: 'the peer has ended',
    });
  signal('SIGTERM');
  await ended().catch(async () => {
    signal('SIGKILL');
    await ended();
  });
}

/** Another gateway of npm before the same servers, in a home of its own. */
export async function startPeer(name: PeerName, urls: readonly string[]): Promise<Subject> {
  const { script, entry, more, args } = PEERS[name];
  const folder = tempFolder();
  const port = await freePort();
  const file = join(folder.path, 'config.json');
  await writeFile(file, JSON.stringify({ mcpServers: serversOf(urls, entry), ...more }));
  const argv = [join(CACHE, script), ...args(file, port)];
  const env = {
    PATH: process.env['PATH'],
    HOME: folder.path,
    XDG_CONFIG_HOME: folder.path,
    NODE_ENV: 'production',
  };
  const child = spawn(process.execPath, argv, { env, cwd: folder.path, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}/mcp`;
  const pid = child.pid ?? 0;
  try {
    await untilServing(url, child);
  } catch (error) {
    await endFamily(familyOf(pid));
    await folder[Symbol.asyncDispose]();
    throw error;
  }
  pin(pid, 'subject');
  const family = (): readonly number[] => familyOf(pid);
  return {
    url,
    pid,
    commandLine: `${name} ${args('config.json', port).join(' ').replace(String(port), 'PORT')}`,
    // With the daemon, where there is one.
    usage: async () => {
      const pids = family();
      const rssBytes = pids.reduce((sum, one) => sum + rssOf(one), 0);
      const cpuUs = pids.reduce((sum, one) => sum + (cpuMsOf(one) || 0) * 1_000, 0);
      return { cpuUs, gcUs: 0, rssBytes, heapBytes: 0, externalBytes: 0 };
    },
    async [Symbol.asyncDispose]() {
      const pids = family();
      const isGone = child.exitCode !== null || child.signalCode !== null;
      const ended = isGone ? undefined : once(child, 'exit');
      await endFamily(pids);
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

function rssOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4_096;
  } catch {
    // It has just ended.
    return 0;
  }
}
