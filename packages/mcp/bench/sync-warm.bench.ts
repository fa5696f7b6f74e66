import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { keepFleet, keepLiveFleet } from './lib/kept-fleet.ts';
import { persistTable, type PersistStarts } from './lib/persist-rows.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import {
  readingOf,
  shown,
  spreadOf,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';
import { startClient, warmStart, type Start } from './lib/warm-start.ts';

const CONNECTORS = 100;
const TOOLS_EACH = 10;
const WANTED_MS = 250;
/** Processor time until it listens (issue of this work: start-up). */
const WANTED_CPU_MS = 200;
const ROUNDS = 12;
/** Of the starts that have to ask the servers. */
const PERSIST_ROUNDS = 6;
/** As in the program: by then it has written what it compiled. */
const CACHE_WRITTEN_MS = 3_500;

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

/** Each start in terms of bare Node beside it, which is what survives a change of machine. */
function readingsOf(
  name: string,
  starts: readonly Start[],
  node: readonly number[],
): Record<string, Reading> {
  const keys = ['listMs', 'listeningMs', 'listenCpuMs', 'listCpuMs'] as const;
  return Object.fromEntries(
    keys.map((key) => {
      const values = starts.map((start) => start[key]);
      const ratios = values.map((value, round) => value / (node[round] ?? Number.NaN));
      const reading = readingOf(values, 'ms');
      const known = ratios.every((ratio) => Number.isFinite(ratio));
      return [
        `${name}.${key}`,
        known ? { ...reading, ratio: { to: 'node -e 0', ...spreadOf(ratios) } } : reading,
      ];
    }),
  );
}

interface Fleets {
  readonly connectors: number;
  readonly rounds: number;
}

/** `MCP_CONNECTOR_PERSIST_MANIFESTS` on and off, with the servers there and gone; in turn. */
async function persistStarts({ connectors, rounds }: Fleets): Promise<PersistStarts> {
  const counts = { connectors, toolsEach: TOOLS_EACH, source: 'file' } as const;
  const wanted = connectors * TOOLS_EACH;
  await using upFolder = tempFolder();
  await using downFolder = tempFolder();
  await using live = await keepLiveFleet({ home: upFolder.path, ...counts });
  const down = await keepFleet({ home: downFolder.path, ...counts });
  const found: PersistStarts = { wanted, up: { on: [], off: [] }, down: { on: [], off: [] } };
  for (let round = 0; round < rounds; round += 1) {
    for (const persist of [true, false]) {
      const key = persist ? 'on' : 'off';
      // A start that is off keeps nothing, and looks at nothing that is kept.
      found.up[key].push(await warmStart(live.kept, { persist, untilTools: wanted }));
      found.down[key].push(await warmStart(down, { persist }));
    }
  }
  return found;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  buildProgram();
  const connectors = quick ? 10 : CONNECTORS;
  const rounds = quick ? 2 : ROUNDS;
  await using fileFolder = tempFolder();
  await using registryFolder = tempFolder();
  const counts = { connectors, toolsEach: TOOLS_EACH };
  const file = await keepFleet({ home: fileFolder.path, source: 'file', ...counts });
  const registry = await keepFleet({ home: registryFolder.path, source: 'registry', ...counts });
  // The first start after a change compiles; every other has it from the cache.
  for (const kept of [file, registry]) await warmStart(kept, { lingerMs: CACHE_WRITTEN_MS });
  const fromFile: Start[] = [];
  const fromRegistry: Start[] = [];
  const bare: number[] = [];
  const node: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    fromFile.push(await warmStart(file));
    fromRegistry.push(await warmStart(registry));
    bare.push(await emptyStart());
    node.push(bareNode());
  }
  const persist = await persistStarts({ connectors, rounds: quick ? 1 : PERSIST_ROUNDS });
  await startClient.close();
  const readings = {
    ...readingsOf('file', fromFile, node),
    ...readingsOf('registry', fromRegistry, node),
    emptyListeningMs: readingOf(bare, 'ms'),
    nodeCpuMs: readingOf(node, 'ms'),
  };
  const tools = Math.min(...[...fromFile, ...fromRegistry].map((one) => one.tools));
  return resultOf(readings, { tools, connectors, persist });
}

const ROWS = [
  ['whole list answered', 'listMs'],
  ['listening', 'listeningMs'],
  ['listening, processor time', 'listenCpuMs'],
  ['whole list answered, processor time', 'listCpuMs'],
] as const;

interface Found {
  readonly tools: number;
  readonly connectors: number;
  readonly persist: PersistStarts;
}

function resultOf(
  readings: Readonly<Record<string, Reading>>,
  { tools, connectors, persist }: Found,
): BenchResult {
  const cell = (name: string): string => {
    const reading = readings[name];
    return reading === undefined ? '-' : shown(reading);
  };
  const median = (name: string): number => readings[name]?.median ?? Infinity;
  const wanted = connectors * TOOLS_EACH;
  const kept = persistTable(persist);
  const sources = [
    ['file', 'connectors in the configuration'],
    ['registry', 'connectors in the snapshot of the registry'],
  ] as const;
  return {
    method:
      `The built program with ${connectors} connectors whose manifests are on disk and whose servers are gone, from ` +
      'spawn until a client has the whole list; processor time by its own accounting. Between the rounds the same ' +
      'program without connectors. Compiled code comes from the cache, as in every start but the first. The rows of ' +
      'MCP_CONNECTOR_PERSIST_MANIFESTS are starts of the same kind with it on and off in turn, with the servers up as well: ' +
      'off, the list has to be asked for, and with the servers gone there is none.',
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
      kept.table,
    ],
    targets: [
      ...sources.flatMap(([name, what]) => [
        {
          what: `whole list (${tools} of ${wanted} tools), ${what}`,
          wanted: `≤ ${WANTED_MS} ms`,
          measured: `${median(`${name}.listMs`).toFixed(0)} ms`,
          met: median(`${name}.listMs`) <= WANTED_MS && tools >= wanted,
        },
        {
          what: `processor time until it listens, ${what}`,
          wanted: `≤ ${WANTED_CPU_MS} ms`,
          measured: `${median(`${name}.listenCpuMs`).toFixed(0)} ms`,
          met: median(`${name}.listenCpuMs`) <= WANTED_CPU_MS,
        },
      ]),
      ...kept.targets,
    ],
    readings: { ...readings, ...kept.readings },
  };
}

/** The complete list after a restart in the middle of an outage (contract.md, manifests on disk). */
export const syncWarm: Bench = { name: 'sync-warm', run };
