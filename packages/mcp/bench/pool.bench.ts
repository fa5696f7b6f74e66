import { fileURLToPath } from 'node:url';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../src/connectors/connector.ts';
import { compareLoad, measureRound, type Candidate } from './lib/compare-load.ts';
import { loadTable } from './lib/load-table.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { pin, PINNING } from './lib/pin.ts';
import { poolFigures, type PoolRow } from './lib/pool-table.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { childrenOf, startSubject } from './lib/subject.ts';
import { childrenMb } from './lib/tree-memory.ts';

const CHILD = fileURLToPath(new URL('lib/serial-stdio-child.ts', import.meta.url));
const ONE = 'one process';
const IN_FLIGHT = 32;
/** What a call of the server takes it, during which it takes no other. */
const KINDS = [
  { name: 'waits 20 ms', args: ['wait', '20'], instances: [4, 12] },
  { name: 'computes 2 ms', args: ['compute', '2'], instances: [4] },
] as const;
const rowNameOf = (name: string): string => `a server that ${name}, ${IN_FLIGHT} in flight`;

function connector(serverArgs: readonly string[], instances: number): ConnectorDefinition {
  return {
    id: 'serial',
    title: 'serial',
    origin: 'local',
    enabled: true,
    era: 'modern',
    timeouts: DEFAULT_TIMEOUTS,
    problem: undefined,
    transport: {
      kind: 'stdio',
      command: process.execPath,
      args: ['--conditions=cortex-source', CHILD, ...serverArgs],
      env: {},
      cwd: undefined,
    },
    replicas: { more: [], weight: 1, balance: 'least-in-flight', instances },
  };
}

/** The processes of all candidates once load has made them start, moved to where other benches have their servers. */
async function startedProcesses(
  load: RawLoad,
  candidates: readonly Candidate[],
  durationMs: number,
): Promise<readonly number[]> {
  for (const candidate of candidates)
    await measureRound({ load, durationMs, helpers: [] }, candidate);
  const pids = candidates.flatMap(({ subject }) => childrenOf(subject.pid));
  for (const pid of pids) pin(pid, 'other');
  return pids;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const load = stack.use(startRawLoad());
  const requests = [callTemplate('modern', 'serial__r512', payloadJson(200, 'string'))];
  const pace = quick
    ? { rounds: 1, durationMs: 200, warmUpMs: 600 }
    : { rounds: 5, durationMs: 1_500, warmUpMs: 2_000 };
  const rows: PoolRow[] = [];
  for (const { name, args, instances } of KINDS) {
    const candidates: Candidate[] = [];
    // One process is the flag's off path: the same connector, asking for as many as the largest pool.
    for (const count of [1, ...instances]) {
      const subject = stack.use(
        await startSubject({
          kind: 'ours',
          connectors: [connector(args, count === 1 ? Math.max(...instances) : count)],
          settings: { stdioPool: count > 1 },
        }),
      );
      const place = { url: subject.url, requests, session: false, connections: IN_FLIGHT };
      candidates.push({
        name: count === 1 ? ONE : `MCP_STDIO_POOL, ${count} processes`,
        subject,
        place: { ...place, minBytes: 400 },
      });
    }
    const helpers = await startedProcesses(load, candidates, pace.warmUpMs);
    const rounds = await compareLoad({ load, candidates, helpers, ...pace });
    const counts = [1, ...instances];
    const memory = new Map(
      candidates.map(({ name: who, subject }, at) => {
        return [who, { processes: counts[at] ?? 1, megabytes: childrenMb(subject.pid) }];
      }),
    );
    rows.push({ row: { name: rowNameOf(name), rounds }, memory });
  }
  const compared = loadTable(
    'a pool of processes beside one',
    rows.map(({ row }) => row),
    ONE,
  );
  const pooled = poolFigures(compared, rows, { one: ONE, waiting: rowNameOf(KINDS[0].name) });
  return {
    method:
      `One stdio server that does one call after the other (S1-39 to S1-43); subjects in turn as in \`call\` (${PINNING}). ` +
      'The off path of MCP_STDIO_POOL is the one process. Waiting gains as many times as there are processes; computing only ' +
      'as far as there are processors. Memory is that of the processes after their rounds, pages they share in parts; each of ' +
      'these servers is a Node of its own.',
    tables: [compared.table, pooled.table],
    targets: pooled.targets,
    readings: { ...compared.readings, ...pooled.readings },
  };
}

/** What `MCP_STDIO_POOL` gains, and what it costs. */
export const pool: Bench = { name: 'pool', run };
