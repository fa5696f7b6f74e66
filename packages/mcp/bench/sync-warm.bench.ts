import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder, waitUntil } from '@cortex-os/testkit';
import { cpuMsOf } from './lib/cpu-time.ts';
import { startFleetProcess } from './lib/fleet-process.ts';
import { createBenchClient } from './lib/mcp-client.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import { readingOf, shown, type Bench, type BenchResult, type Reading } from './lib/report.ts';

const CONNECTORS = 100;
const TOOLS_EACH = 10;
const WANTED_MS = 250;
const ROUNDS = 12;

const client = createBenchClient(1);

/** Tools on the shared endpoint. */
async function listTools(url: string): Promise<number> {
  const text = await client.send(url, { method: 'tools/list', params: {} });
  return (JSON.parse(text) as { result: { tools: unknown[] } }).result.tools.length;
}

/** Runs the program once with every server up, until each manifest is on disk. */
async function fill(home: string, config: string): Promise<void> {
  await using program = startProgram({ home, config, port: await freePort() });
  await program.listening;
  const manifests = join(home, 'mcp', 'manifests');
  await waitUntil(async () => (await readdir(manifests).catch(() => [])).length >= CONNECTORS, {
    timeoutMs: 30_000,
    describe: 'every manifest is on disk',
  });
}

interface Start {
  readonly listeningMs: number;
  readonly listMs: number;
  /** User and system time of the whole process until then; not a number where there is no /proc. */
  readonly cpuMs: number;
  readonly tools: number;
}

/** From the start of the process until the complete list is in the client's hands. */
async function warmStart(home: string, config: string): Promise<Start> {
  await using program = startProgram({ home, config, port: await freePort() });
  await program.listening;
  const listeningMs = performance.now() - program.startedAtMs;
  const tools = await listTools(program.url);
  const listMs = performance.now() - program.startedAtMs;
  return { listeningMs, listMs, cpuMs: cpuMsOf(program.child.pid ?? 0), tools };
}

async function run(): Promise<BenchResult> {
  buildProgram();
  await using folder = tempFolder();
  const home = folder.path;
  const config = join(home, 'cortex-mcp.json');
  {
    await using fleet = await startFleetProcess([
      {
        kind: 'modern-http',
        count: CONNECTORS,
        latencyMs: 0,
        toolCount: TOOLS_EACH - 8,
        ttlMs: 300_000,
      },
    ]);
    const entries = fleet.urls.map((url, index) => [`server-${index}`, { url }]);
    await writeFile(config, JSON.stringify({ mcpServers: Object.fromEntries(entries) }));
    await fill(home, config);
  }
  // From here on nothing listens at those addresses any more.
  const starts: Start[] = [];
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    starts.push(await warmStart(home, config));
    bare.push(await emptyStart());
  }
  await client.close();
  const readings: Record<string, Reading> = {
    listMs: readingOf(
      starts.map(({ listMs }) => listMs),
      'ms',
    ),
    listeningMs: readingOf(
      starts.map(({ listeningMs }) => listeningMs),
      'ms',
    ),
    cpuMs: readingOf(
      starts.map(({ cpuMs }) => cpuMs),
      'ms',
    ),
    emptyListeningMs: readingOf(bare, 'ms'),
  };
  return resultOf(readings, Math.min(...starts.map(({ tools }) => tools)));
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

function row(what: string, reading: Reading | undefined): string[] {
  return [what, reading === undefined ? '-' : shown(reading)];
}

function resultOf(readings: Record<string, Reading>, tools: number): BenchResult {
  const { listMs } = readings;
  return {
    method:
      `The built program with ${CONNECTORS} connectors whose manifests are on disk and whose servers are gone, from ` +
      'spawn until a client has the whole list; between the rounds the same program without connectors.',
    tables: [
      {
        title: 'warm start, every server down',
        headings: ['from the start of the process to', 'ms'],
        rows: [
          row('whole list answered', listMs),
          row('listening', readings['listeningMs']),
          row('listening, no connectors', readings['emptyListeningMs']),
          row('whole list answered, processor time', readings['cpuMs']),
        ],
      },
    ],
    targets: [
      {
        what: `whole list (${tools} of ${CONNECTORS * TOOLS_EACH} tools)`,
        wanted: `≤ ${WANTED_MS} ms`,
        measured: `${(listMs?.median ?? Number.NaN).toFixed(0)} ms`,
        met: (listMs?.median ?? Infinity) <= WANTED_MS && tools === CONNECTORS * TOOLS_EACH,
      },
    ],
    readings,
  };
}

/** The complete list after a restart in the middle of an outage (contract.md, manifests on disk). */
export const syncWarm: Bench = { name: 'sync-warm', run };
