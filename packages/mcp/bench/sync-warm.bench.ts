import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { ACCOUNTED, accountOf } from './lib/account.ts';
import { cpuMsOf } from './lib/cpu-time.ts';
import { keepFleet, type KeptFleet } from './lib/kept-fleet.ts';
import { createBenchClient } from './lib/mcp-client.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import { readingOf, shown, type Bench, type BenchResult, type Reading } from './lib/report.ts';

const CONNECTORS = 100;
const TOOLS_EACH = 10;
const WANTED_MS = 250;
/** Processor time until it listens (issue of this work: start-up). */
const WANTED_CPU_MS = 200;
const ROUNDS = 12;
/** As in the program: by then it has written what it compiled. */
const CACHE_WRITTEN_MS = 3_500;

const client = createBenchClient(1);

/** Tools on the shared endpoint. */
async function listTools(url: string): Promise<number> {
  const text = await client.send(url, { method: 'tools/list', params: {} });
  return (JSON.parse(text) as { result: { tools: unknown[] } }).result.tools.length;
}

interface Start {
  readonly listeningMs: number;
  readonly listMs: number;
  /** User and system time of the whole process until it listened. */
  readonly listenCpuMs: number;
  /** The same until the list was there; not a number where there is no /proc. */
  readonly listCpuMs: number;
  readonly tools: number;
}

/** From the start of the process until the complete list is in the client's hands. */
async function warmStart({ home, config }: KeptFleet, lingerMs: number = 0): Promise<Start> {
  await using program = startProgram({
    home,
    config,
    port: await freePort(),
    execArgv: ACCOUNTED,
  });
  const account = accountOf(program);
  await program.listening;
  const listeningMs = performance.now() - program.startedAtMs;
  const tools = await listTools(program.url);
  const listMs = performance.now() - program.startedAtMs;
  const listCpuMs = cpuMsOf(program.child.pid ?? 0);
  const listenCpuMs = await account.cpuMsAtListen;
  await new Promise((resolve) => setTimeout(resolve, lingerMs));
  return { listeningMs, listMs, listenCpuMs, listCpuMs, tools };
}

/** The same program without connectors: what Node and our modules cost. */
async function emptyStart(): Promise<number> {
  await using folder = tempFolder();
  const config = join(folder.path, 'cortex-mcp.json');
  await writeFile(config, '{"mcpServers":{"off":{"command":"none","disabled":true}}}');
  await using program = startProgram({ home: folder.path, config, port: await freePort() });
  await program.listening;
  return performance.now() - program.startedAtMs;
}

/** User and system time of Node without a program: the machine of this hour, to compare runs by. */
function bareNode(): number {
  const script =
    'const { user, system } = process.cpuUsage(); console.log((user + system) / 1000);';
  return Number(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}

function readingsOf(name: string, starts: readonly Start[]): Record<string, Reading> {
  const keys = ['listMs', 'listeningMs', 'listenCpuMs', 'listCpuMs'] as const;
  return Object.fromEntries(
    keys.map((key) => [
      `${name}.${key}`,
      readingOf(
        starts.map((start) => start[key]),
        'ms',
      ),
    ]),
  );
}

async function run(): Promise<BenchResult> {
  buildProgram();
  await using fileFolder = tempFolder();
  await using registryFolder = tempFolder();
  const counts = { connectors: CONNECTORS, toolsEach: TOOLS_EACH };
  const file = await keepFleet({ home: fileFolder.path, source: 'file', ...counts });
  const registry = await keepFleet({ home: registryFolder.path, source: 'registry', ...counts });
  // The first start after a change compiles; every other has it from the cache.
  for (const kept of [file, registry]) await warmStart(kept, CACHE_WRITTEN_MS);
  const fromFile: Start[] = [];
  const fromRegistry: Start[] = [];
  const bare: number[] = [];
  const node: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    fromFile.push(await warmStart(file));
    fromRegistry.push(await warmStart(registry));
    bare.push(await emptyStart());
    node.push(bareNode());
  }
  await client.close();
  const readings = {
    ...readingsOf('file', fromFile),
    ...readingsOf('registry', fromRegistry),
    emptyListeningMs: readingOf(bare, 'ms'),
    nodeCpuMs: readingOf(node, 'ms'),
  };
  return resultOf(readings, Math.min(...[...fromFile, ...fromRegistry].map((one) => one.tools)));
}

const ROWS = [
  ['whole list answered', 'listMs'],
  ['listening', 'listeningMs'],
  ['listening, processor time', 'listenCpuMs'],
  ['whole list answered, processor time', 'listCpuMs'],
] as const;

function resultOf(readings: Readonly<Record<string, Reading>>, tools: number): BenchResult {
  const cell = (name: string): string => {
    const reading = readings[name];
    return reading === undefined ? '-' : shown(reading);
  };
  const median = (name: string): number => readings[name]?.median ?? Infinity;
  const whole = tools >= CONNECTORS * TOOLS_EACH;
  const sources = [
    ['file', 'connectors in the configuration'],
    ['registry', 'connectors in the snapshot of the registry'],
  ] as const;
  return {
    method:
      `The built program with ${CONNECTORS} connectors whose manifests are on disk and whose servers are gone, from ` +
      'spawn until a client has the whole list; processor time by its own accounting. Between the rounds the same ' +
      'program without connectors. Compiled code comes from the cache, as in every start but the first.',
    tables: [
      {
        title: 'warm start, every server down',
        headings: ['from the start of the process to', ...sources.map(([, what]) => `ms, ${what}`)],
        rows: [
          ...ROWS.map(([what, key]) => [what, cell(`file.${key}`), cell(`registry.${key}`)]),
          ['listening, no connectors', cell('emptyListeningMs'), ''],
          ['the end of `node -e 0`, processor time', cell('nodeCpuMs'), ''],
        ],
      },
    ],
    targets: sources.flatMap(([name, what]) => [
      {
        what: `whole list (${tools} of ${CONNECTORS * TOOLS_EACH} tools), ${what}`,
        wanted: `≤ ${WANTED_MS} ms`,
        measured: `${median(`${name}.listMs`).toFixed(0)} ms`,
        met: median(`${name}.listMs`) <= WANTED_MS && whole,
      },
      {
        what: `processor time until it listens, ${what}`,
        wanted: `≤ ${WANTED_CPU_MS} ms`,
        measured: `${median(`${name}.listenCpuMs`).toFixed(0)} ms`,
        met: median(`${name}.listenCpuMs`) <= WANTED_CPU_MS,
      },
    ]),
    readings,
  };
}

/** The complete list after a restart in the middle of an outage (contract.md, manifests on disk). */
export const syncWarm: Bench = { name: 'sync-warm', run };
