import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startUpstream, waitUntil } from '@cortex-os/testkit';
import { expect, test } from 'vitest';
import { startServe, type ServeInput } from '../test/e2e/serve-process.ts';
import { send, sendModern } from '../test/gateway/raw-client.ts';
import { parseExposition, type Exposition } from '../test/observability/exposition.ts';
import { NO_PROMTOOL } from '../test/observability/promtool.ts';
import { startPrometheus } from './prometheus.ts';

const MIB = 1024 * 1024;
/** The alerts fire above 0.9; at 1 the process ends. */
const WANTED = 0.93;
/** From here on each step is waited for. */
const NEAR = 0.8;
const TIMEOUT_MS = 600_000;

/** Sessions of clients that say as much about themselves as they may; eight take half a MiB of the heap. */
function wordySessions(url: string): { more(): Promise<void>; end(): Promise<void> } {
  const ids: string[] = [];
  return {
    more: async () => {
      for (let n = 0; n < 8; n += 1) {
        const clientInfo = {
          name: 'wordy',
          version: String(ids.length),
          title: 'x'.repeat(65_000),
        };
        const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
        const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
        const { status, headers } = await send(url, { body });
        expect(status).toBe(200);
        ids.push(String(headers['mcp-session-id']));
      }
    },
    end: async () => {
      for (const id of ids) {
        const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' };
        await send(url, { method: 'DELETE', headers });
      }
    },
  };
}

interface Pressure {
  readonly alert: string;
  readonly serve: Pick<ServeInput, 'env' | 'under'>;
  /** Which part of what it may have the gateway has. */
  readonly share: (metrics: Exposition) => number;
}

/** Works until it is stopped. */
function repeat(work: () => Promise<void>): { stop(): Promise<void> } {
  const ended = new AbortController();
  const run = async (): Promise<void> => {
    while (!ended.signal.aborted) await work();
  };
  const running = run();
  return {
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}

/** False without Prometheus. */
async function firesUnderPressure({ alert, serve, ...pressure }: Pressure): Promise<boolean> {
  await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 3_600_000 });
  await using gateway = await startServe({ mcpServers: { up: { url: upstream.url } }, ...serve });
  const { origin, port } = new URL(gateway.url);
  await using prometheus = await startPrometheus(Number(port));
  if (prometheus === undefined) return false;
  const share = async (): Promise<number> => {
    const { text } = await send(`${origin}/metrics`, { method: 'GET' });
    return pressure.share(parseExposition(text));
  };
  const echo = async (): Promise<void> => {
    const params = { name: 'up__echo', arguments: { message: 'x'.repeat(10_000) } };
    expect((await sendModern(gateway.url, 'tools/call', params)).status).toBe(200);
  };
  await prometheus.untilQuiet('the start');
  expect(await share()).toBeLessThan(NEAR);

  const clients = wordySessions(gateway.url);
  const pressing = repeat(async () => {
    const now = await share();
    if (now < WANTED) await clients.more();
    if (now > NEAR) await delay(100);
  });
  try {
    await prometheus.untilFired([alert]);
    // It serves all the same.
    await echo();
  } finally {
    await pressing.stop();
    await clients.end();
  }
  // What is garbage is found while it works.
  const working = repeat(async () => {
    await echo();
    await delay(20);
  });
  try {
    await prometheus.untilQuiet(alert);
    // Between two collections it may rise again for a moment.
    await waitUntil(async () => (await share()) < 0.9, {
      timeoutMs: 60_000,
      describe: 'it is low',
    });
  } finally {
    await working.stop();
  }
  expect((await gateway.stop('SIGTERM')).code).toBe(0);
  return true;
}

/** Of the heap, without what a young collection may still take away. */
function heapShare({ value, samples }: Exposition): number {
  const kept = samples.filter(
    ({ name, labels }) =>
      name === 'nodejs_heap_space_size_used_bytes' && !labels['space']?.startsWith('new'),
  );
  const bytes = kept.reduce((sum, one) => sum + one.value, 0);
  return bytes / (value('mcp_memory_heap_limit_bytes') ?? 0);
}

test(
  'CortexMcpHeap fires while sessions take the heap of a gateway, and clears after them (R11)',
  { timeout: TIMEOUT_MS },
  async ({ skip }) => {
    const serve = { env: { NODE_OPTIONS: '--max-old-space-size=128' } };
    const isRun = await firesUnderPressure({ alert: 'CortexMcpHeap', serve, share: heapShare });
    skip(!isRun, NO_PROMTOOL);
    expect(isRun).toBe(true);
  },
);

/** A group of processes that together may take so much memory. */
interface MemoryGroup extends AsyncDisposable {
  /** What a program is put behind to run in the group. */
  readonly under: readonly string[];
}

function systemdGroup(bytes: number): MemoryGroup | undefined {
  const user = process.getuid?.() === 0 ? [] : ['--user'];
  const limits = ['-p', `MemoryMax=${bytes}`, '-p', 'MemorySwapMax=0'];
  const under = ['systemd-run', ...user, '--scope', '--quiet', '--collect', ...limits, '--'];
  const [program = '', ...args] = under;
  const isMade = spawnSync(program, [...args, 'true']).status === 0;
  return isMade ? { under, [Symbol.asyncDispose]: async () => {} } : undefined;
}

/** Where the kernel keeps the groups of memory, and the files with a group's limits: version 2, version 1. */
const HIERARCHIES = [
  { root: '/sys/fs/cgroup', sign: 'cgroup.controllers', limit: 'memory.max' },
  { root: '/sys/fs/cgroup/memory', sign: 'cgroup.procs', limit: 'memory.limit_in_bytes' },
] as const;

/** Made by hand, as root where systemd does not run: in a container, mostly. */
async function kernelGroup(bytes: number): Promise<MemoryGroup | undefined> {
  const kept = HIERARCHIES.find(({ root, sign }) => existsSync(`${root}/${sign}`));
  if (kept === undefined) return undefined;
  const folder = `${kept.root}/cortex-mcp-test-${process.pid}`;
  try {
    await mkdir(folder);
  } catch {
    // Not root, or read only.
    return undefined;
  }
  const isRemoved = async (): Promise<boolean> => {
    try {
      await rmdir(folder);
      return true;
    } catch {
      // A process that was just ended is still in it.
      return false;
    }
  };
  const remove = async (): Promise<void> =>
    await waitUntil(isRemoved, { timeoutMs: 30_000, describe: 'the group is empty' });
  try {
    await writeFile(`${folder}/${kept.limit}`, String(bytes));
  } catch {
    // The hierarchy is there, but its groups do not limit memory.
    await remove();
    return undefined;
  }
  const join = `echo $$ > ${folder}/cgroup.procs && exec "$@"`;
  return { under: ['sh', '-c', join, 'sh'], [Symbol.asyncDispose]: remove };
}

const NO_GROUP = 'no group with a limit of memory can be made here (needs systemd, or root)';

const memoryGroup = async (bytes: number): Promise<MemoryGroup | undefined> =>
  systemdGroup(bytes) ?? (await kernelGroup(bytes));

/** Of everything in the group, as the alert has it. */
function groupShare({ value }: Exposition): number {
  return (value('mcp_memory_used_bytes') ?? 0) / (value('mcp_memory_limit_bytes') ?? 0);
}

test(
  'CortexMcpMemory fires while sessions take the memory of its group, and clears after them (R11)',
  { timeout: TIMEOUT_MS },
  async ({ skip }) => {
    const bytes = 400 * MIB;
    await using group = await memoryGroup(bytes);
    if (group === undefined) {
      skip(NO_GROUP);
      return;
    }
    const share = (metrics: Exposition): number => {
      expect(metrics.value('mcp_memory_limit_bytes')).toBe(bytes);
      return groupShare(metrics);
    };
    // Otherwise the engine takes the limit into account, and its heap is full first. New objects get little room: so near
    // the limit the kernel would end it for them.
    const flags = '--max-old-space-size=512 --max-semi-space-size=1';
    const serve = { env: { NODE_OPTIONS: flags }, under: group.under };
    const isRun = await firesUnderPressure({ alert: 'CortexMcpMemory', serve, share });
    skip(!isRun, NO_PROMTOOL);
    expect(isRun).toBe(true);
  },
);

/** A server over stdio whose tools take memory, and give it back. */
const HOLDER = fileURLToPath(new URL('./holding-server.mjs', import.meta.url));

test(
  'CortexMcpMemory fires while a process of a connector takes the memory of the group, and clears after it (R11)',
  { timeout: TIMEOUT_MS },
  async ({ skip }) => {
    const bytes = 480 * MIB;
    await using group = await memoryGroup(bytes);
    if (group === undefined) {
      skip(NO_GROUP);
      return;
    }
    const mcpServers = { holder: { command: process.execPath, args: ['--expose-gc', HOLDER] } };
    await using gateway = await startServe({ mcpServers, under: group.under });
    const { origin, port } = new URL(gateway.url);
    await using prometheus = await startPrometheus(Number(port));
    if (prometheus === undefined) {
      skip(NO_PROMTOOL);
      return;
    }
    const metrics = async (): Promise<Exposition> =>
      parseExposition((await send(`${origin}/metrics`, { method: 'GET' })).text);
    const told = async (mebibytes: number): Promise<string> => {
      const params = { name: 'holder__hold', arguments: { mebibytes } };
      return (await sendModern(gateway.url, 'tools/call', params)).text;
    };
    const hold = async (mebibytes: number): Promise<void> =>
      expect(await told(mebibytes)).toContain('holds');
    const isThere = async (): Promise<boolean> => (await told(0)).includes('holds');
    await waitUntil(isThere, { timeoutMs: 30_000, describe: 'its process answers' });
    await prometheus.untilQuiet('the start');
    let held = 0;
    while (groupShare(await metrics()) < WANTED) await hold((held += 8));
    await prometheus.untilFired(['CortexMcpMemory']);
    // The gateway itself is far from the limit: by its own memory nobody would have seen it.
    const { value } = await metrics();
    expect((value('process_resident_memory_bytes') ?? bytes) / bytes).toBeLessThan(0.5);
    await hold(0);
    await prometheus.untilQuiet('CortexMcpMemory');
    expect((await gateway.stop('SIGTERM')).code).toBe(0);
  },
);
