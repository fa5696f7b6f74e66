import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startUpstream, tempFolder, type RunningUpstream } from '@cortex-os/testkit';
import { cpuMsOf } from './cpu-time.ts';
import { createBenchClient, type BenchClient } from './mcp-client.ts';
import { freePort, startProgram } from './program.ts';

/** Whose memory is tuned: that of the gateway in front of an HTTP server, or that of a stdio server behind it. */
export type Tuned = 'service' | 'connector';

/** One way to start a process; what is left out is Node's own. */
export interface TunedVariant {
  readonly name: string;
  readonly tier?: 'light' | 'standard' | 'heavy';
  /** Of that tier; the service gets it as a flag, the connector from the name. */
  readonly heapMiB?: number;
  readonly semiSpaceMiB?: number;
  /** Path of its library. */
  readonly jemalloc?: string;
}

export interface TunedLoad {
  readonly calls: number;
  readonly bytes: number;
  readonly concurrency: number;
}

/** What one process did under the load; CPU and memory are those of the tuned process. */
export interface TunedRound {
  readonly cpuMsPerCall: number;
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly rssMiB: number;
  readonly rssAfterRestMiB: number;
}

const KIB = 1_024;
const REST_MS = 1_000;
const READY_MS = 20_000;

function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / KIB;
}

function flagsOf({ heapMiB, semiSpaceMiB }: TunedVariant): string[] {
  return [
    ...(heapMiB === undefined ? [] : [`--max-old-space-size=${heapMiB}`]),
    ...(semiSpaceMiB === undefined ? [] : [`--max-semi-space-size=${semiSpaceMiB}`]),
  ];
}

/** `memory` of the entry, as a user writes it. */
function memoryOf({ tier, semiSpaceMiB, jemalloc }: TunedVariant): object | undefined {
  const memory = {
    ...(tier !== undefined && { tier }),
    ...(tier === undefined && semiSpaceMiB !== undefined && { semiSpaceMiB }),
    ...(jemalloc !== undefined && { allocator: 'jemalloc' }),
  };
  return Object.keys(memory).length === 0 ? undefined : memory;
}

/** @throws Error when a process does not run as it was to: its figures would be those of another. */
function assertInForce(pid: number, variant: TunedVariant): void {
  const has = (file: string, text: string): boolean =>
    readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(text);
  const given = (flag: string): boolean => has('environ', flag) || has('cmdline', flag);
  const missing = flagsOf(variant).filter((flag) => !given(flag));
  const isPreloaded = has('maps', 'libjemalloc');
  if (isPreloaded !== (variant.jemalloc !== undefined)) missing.push('allocator');
  if (missing.length > 0) throw new Error(`${variant.name}: not in force: ${missing.join(' ')}`);
}

const echo = (bytes: number): Parameters<BenchClient['send']>[1] => ({
  method: 'tools/call',
  name: 'one__echo',
  params: { name: 'one__echo', arguments: { message: 'x'.repeat(bytes) } },
});

/** @returns how long each call took, in milliseconds, the shortest first. */
async function callAll(client: BenchClient, url: string, load: TunedLoad): Promise<number[]> {
  const call = echo(load.bytes);
  const times: number[] = [];
  let left = load.calls;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const startedAtMs = performance.now();
      const text = await client.send(url, call);
      if (!text.includes('"result"')) throw new Error(text.slice(0, 300));
      times.push(performance.now() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, caller));
  return times.toSorted((a, b) => a - b);
}

async function untilListed(client: BenchClient, url: string): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    const list = await client.send(url, { method: 'tools/list', params: {} });
    if (list.includes('one__echo')) return;
    if (performance.now() > deadline) throw new Error('the server is not offered');
    await new Promise((resolve) => void setTimeout(resolve, 20));
  }
}

async function underLoad(pid: number, url: string, load: TunedLoad): Promise<TunedRound> {
  const client = createBenchClient(load.concurrency);
  await callAll(client, url, { ...load, calls: Math.ceil(load.calls / 3) });
  const [cpuMs, startedAtMs] = [cpuMsOf(pid), performance.now()];
  const times = await callAll(client, url, load);
  const wallMs = performance.now() - startedAtMs;
  const usedMs = cpuMsOf(pid) - cpuMs;
  const rss = rssMiB(pid);
  await client.close();
  await new Promise((resolve) => void setTimeout(resolve, REST_MS));
  return {
    cpuMsPerCall: usedMs / load.calls,
    callsPerSecond: (load.calls / wallMs) * 1_000,
    p50Ms: times[Math.floor(times.length * 0.5)] ?? Number.NaN,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    rssMiB: rss,
    rssAfterRestMiB: rssMiB(pid),
  };
}

function entryOf(upstream: RunningUpstream, memory: object | undefined): object {
  if (upstream.transport === 'http') return { url: upstream.url };
  return { ...upstream.command, ...(memory && { memory }) };
}

/** One variant under one load, with processes of its own from start to end. */
export async function tunedRound(
  tuned: Tuned,
  variant: TunedVariant,
  load: TunedLoad,
): Promise<TunedRound> {
  const isService = tuned === 'service';
  const kind = isService ? 'modern-http' : 'modern-stdio';
  await using upstream = await startUpstream({ kind });
  await using folder = tempFolder();
  const entry = entryOf(upstream, isService ? undefined : memoryOf(variant));
  const config = join(folder.path, 'config.json');
  await writeFile(config, JSON.stringify({ mcpServers: { one: entry } }));
  const { jemalloc } = variant;
  await using program = startProgram({
    home: folder.path,
    config,
    port: await freePort(),
    execArgv: isService ? flagsOf(variant) : [],
    env: isService && jemalloc !== undefined ? { LD_PRELOAD: jemalloc } : {},
  });
  await program.listening;
  const client = createBenchClient(1);
  await untilListed(client, program.url);
  await client.close();
  const child = upstream.transport === 'stdio' ? upstream.processes()[0] : program.child.pid;
  if (child === undefined) throw new Error(`${variant.name}: there is no process to look at`);
  assertInForce(child, variant);
  return await underLoad(child, program.url, load);
}
