import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { cpuMsOf } from './lib/cpu-time.ts';
import { startChild } from './lib/child.ts';
import { startFleetProcess } from './lib/fleet-process.ts';
import type { LoadAnswer, LoadCommand, LoadTarget } from './lib/load-protocol.ts';
import { createBenchClient } from './lib/mcp-client.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import {
  readingOf,
  shown,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';

const CONNECTORS = 20;
const ROUNDS = 3;
const DURATION_MS = 3_000;
const QUICK_MS = 300;
const WANTED_P95_MS = 250;
const SHAPES: readonly { readonly name: string; readonly shape: LoadCommand['shape'] }[] = [
  { name: '200 calls/s', shape: { kind: 'open', perSecond: 200 } },
  { name: '16 in flight', shape: { kind: 'closed', inFlight: 16 } },
];

const params = { name: 'echo', arguments: { message: 'x'.repeat(200) } };

/** The servers themselves, without a gateway. */
function directTargets(urls: readonly string[]): readonly LoadTarget[] {
  return urls.map((url) => ({ url, call: { method: 'tools/call', params, name: 'echo' } }));
}

function gatewayTargets(url: string): readonly LoadTarget[] {
  return Array.from({ length: CONNECTORS }, (_, index) => {
    const name = `server-${index}__echo`;
    return { url, call: { method: 'tools/call', params: { ...params, name }, name } };
  });
}

async function untilComplete(url: string): Promise<void> {
  const client = createBenchClient(1);
  await waitUntil(
    async () => {
      const text = await client.send(url, { method: 'tools/list', params: {} });
      return text.split('__echo"').length > CONNECTORS;
    },
    { timeoutMs: 20_000, describe: 'every connector is served' },
  );
  await client.close();
}

async function load(
  targets: readonly LoadTarget[],
  shape: LoadCommand['shape'],
  durationMs: number,
): Promise<LoadAnswer> {
  await using child = startChild<LoadCommand, LoadAnswer>('load-child.ts');
  return await child.ask({ targets, shape, durationMs, connections: 64 });
}

interface Round extends LoadAnswer {
  readonly cpuUsPerCall: number;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  buildProgram();
  await using fleet = await startFleetProcess([
    { kind: 'modern-http', count: CONNECTORS, latencyMs: 0, toolCount: 2, ttlMs: 300_000 },
  ]);
  await using folder = tempFolder();
  const config = join(folder.path, 'cortex-mcp.json');
  const entries = fleet.urls.map((url, index) => [`server-${index}`, { url }]);
  await writeFile(config, JSON.stringify({ mcpServers: Object.fromEntries(entries) }));
  await using program = startProgram({ home: folder.path, config, port: await freePort() });
  await program.listening;
  await untilComplete(program.url);
  const pid = program.child.pid ?? 0;
  const paths = [
    { path: 'gateway', targets: gatewayTargets(program.url) },
    { path: 'direct', targets: directTargets(fleet.urls) },
  ];
  const rounds = new Map<string, Round[]>();
  const plan = SHAPES.flatMap(({ name, shape }) =>
    paths.map(({ path, targets }) => ({ key: `${name}, ${path}`, shape, targets })),
  );
  const durationMs = quick ? QUICK_MS : DURATION_MS;
  for (const { shape, targets } of plan) await load(targets, shape, durationMs);
  for (let round = 0; round < (quick ? 1 : ROUNDS); round += 1) {
    for (const { key, shape, targets } of plan) {
      const before = cpuMsOf(pid);
      const answer = await load(targets, shape, durationMs);
      const cpuUsPerCall = (1_000 * (cpuMsOf(pid) - before)) / answer.calls;
      rounds.set(key, [...(rounds.get(key) ?? []), { ...answer, cpuUsPerCall }]);
    }
  }
  return resultOf(rounds);
}

function resultOf(rounds: ReadonlyMap<string, readonly Round[]>): BenchResult {
  const readings: Record<string, Reading> = {};
  const rows: string[][] = [];
  for (const [key, answers] of rounds) {
    const of = (field: keyof Round, unit: string, digits: number): string => {
      const reading = readingOf(
        answers.map((answer) => answer[field]),
        unit,
      );
      readings[`${key}.${field}`] = reading;
      return shown(reading, digits);
    };
    rows.push([
      key,
      of('perSecond', '1/s', 0),
      of('p50', 'ms', 1),
      of('p95', 'ms', 1),
      of('p99', 'ms', 1),
      of('max', 'ms', 1),
      of('failed', '', 0),
      key.endsWith('gateway') ? of('cpuUsPerCall', 'µs', 0) : '-',
    ]);
  }
  const targets = SHAPES.map(({ name }) => {
    const p95 = readings[`${name}, gateway.p95`]?.median ?? Infinity;
    const measured = `${p95.toFixed(1)} ms`;
    const what = `tool call p95 end to end, ${name} (S4-02)`;
    return { what, wanted: `≤ ${WANTED_P95_MS} ms`, measured, met: p95 <= WANTED_P95_MS };
  });
  return {
    method:
      `tools/call of ${CONNECTORS} modern HTTP servers in turn, 200 characters each way; load, gateway (the built program) ` +
      'and servers are three processes. "calls/s" is open: a call counts from when it was due. Latencies as the ' +
      'client sees them; "direct" is the same load without the gateway; cpu is that of the gateway.',
    tables: [
      {
        title: 'steady state',
        headings: [
          'load',
          'calls/s',
          'p50 ms',
          'p95 ms',
          'p99 ms',
          'max ms',
          'failed',
          'cpu µs/call',
        ],
        rows,
      },
    ],
    targets,
    readings,
  };
}

/** What the gateway adds to a tool call in steady state (S4-02). */
export const steady: Bench = { name: 'steady', run };
