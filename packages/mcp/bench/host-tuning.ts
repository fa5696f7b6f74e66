// `node --conditions=cortex-source bench/host-tuning.ts [--rounds 5] [--calls 6000] [--json FILE]`: what another
// allocator and larger young generations do to the program under load. Variants take turns, each with a new process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startUpstream, tempFolder } from '@cortex-os/testkit';
import { Pool } from 'undici';
import { freePort } from './lib/program.ts';

const BIN = fileURLToPath(new URL('../bin/cortex-mcp.js', import.meta.url));
const JEMALLOC = '/usr/lib/x86_64-linux-gnu/libjemalloc.so.2';
const CONCURRENCY = 32;
const TICK_MS = 10;
const MIB = 1_048_576;

interface Variant {
  readonly name: string;
  readonly preload?: string;
  readonly semiSpaceMb?: number;
}

interface Round {
  readonly cpuMsPerCall: number;
  readonly wallMsPerCall: number;
  readonly rssMiB: number;
  readonly rssAfterRestMiB: number;
  readonly p99Ms: number;
}

const VARIANTS: readonly Variant[] = [
  { name: 'as it is' },
  { name: 'jemalloc', preload: JEMALLOC },
  { name: 'semi-space 16 MB', semiSpaceMb: 16 },
  { name: 'semi-space 32 MB', semiSpaceMb: 32 },
  { name: 'semi-space 64 MB', semiSpaceMb: 64 },
  { name: 'jemalloc, semi-space 64 MB', preload: JEMALLOC, semiSpaceMb: 64 },
];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '6000' },
    bytes: { type: 'string', default: '2048' },
    json: { type: 'string' },
  },
});

function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1_024) / MIB;
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '0' },
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** Calls a tool so often, so many at a time. @returns how long each took, in milliseconds. */
async function load(pool: Pool, tool: string, calls: number): Promise<number[]> {
  const message = 'x'.repeat(Number(values.bytes));
  const times: number[] = [];
  let left = calls;
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  };
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const params = { name: tool, arguments: { message, text: message }, _meta: META };
      const body = JSON.stringify({ jsonrpc: '2.0', id: left, method: 'tools/call', params });
      const startedAtMs = performance.now();
      const answer = await pool.request({ path: '/mcp', method: 'POST', headers, body });
      const text = await answer.body.text();
      if (!text.includes('"result"')) throw new Error(text.slice(0, 300));
      times.push(performance.now() - startedAtMs);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, caller));
  return times;
}

async function measure(variant: Variant, url: string): Promise<Round> {
  await using folder = tempFolder();
  const config = join(folder.path, 'c.json');
  await writeFile(config, JSON.stringify({ mcpServers: { web: { url } } }));
  const port = await freePort();
  const semi = variant.semiSpaceMb;
  const flags = semi === undefined ? [] : [`--max-semi-space-size=${semi}`];
  const argv = [...flags, BIN, 'serve', '--config', config, '--port', String(port)];
  const child = spawn(process.execPath, argv, {
    env: {
      PATH: process.env['PATH'],
      CORTEX_HOME: folder.path,
      MCP_LOG_LEVEL: 'silent',
      MCP_DRAIN_LAME_DUCK_MS: '0',
      ...(variant.preload !== undefined && { LD_PRELOAD: variant.preload }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let said = '';
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
      said += String(chunk);
      if (/^web +fresh/m.test(said)) break;
    }
    const { pid = 0 } = child;
    const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONCURRENCY });
    const calls = Number(values.calls);
    await load(pool, 'web__echo', Math.ceil(calls / 3));
    const [before, startedAtMs] = [cpuMs(pid), performance.now()];
    const times = (await load(pool, 'web__echo', calls)).toSorted((a, b) => a - b);
    const wallMs = performance.now() - startedAtMs;
    const used = cpuMs(pid) - before;
    const rss = rssMiB(pid);
    await pool.close();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return {
      cpuMsPerCall: used / calls,
      wallMsPerCall: wallMs / calls,
      rssMiB: rss,
      rssAfterRestMiB: rssMiB(pid),
      p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    };
  } finally {
    const ended = once(child, 'exit');
    if (child.exitCode === null && child.kill('SIGTERM')) await ended;
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

await using upstream = await startUpstream({ kind: 'modern-http', ttlMs: 60_000 });
const variants = VARIANTS.filter(({ preload }) => preload === undefined || existsSync(preload));
const rounds = new Map<string, Round[]>(variants.map(({ name }) => [name, []]));
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const variant of variants) {
    rounds.get(variant.name)?.push(await measure(variant, upstream.url));
  }
}
const keys = ['cpuMsPerCall', 'wallMsPerCall', 'p99Ms', 'rssMiB', 'rssAfterRestMiB'] as const;
const record = Object.fromEntries(
  Array.from(rounds, ([name, all]) => [
    name,
    Object.fromEntries(keys.map((key) => [key, median(all.map((one) => one[key]))])),
  ]),
);
console.table(record);
if (values.json !== undefined) {
  const measured = { ...values, node: process.version, medians: record, rounds: [...rounds] };
  await writeFile(values.json, `${JSON.stringify(measured, undefined, 2)}\n`);
}
