import { fileURLToPath } from 'node:url';
import { DEFAULT_TIMEOUTS, type ConnectorDefinition } from '../src/connectors/connector.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { loadTable, type ComparedRow } from './lib/load-table.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad } from './lib/raw-load.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject } from './lib/subject.ts';

const CHILD = fileURLToPath(new URL('lib/serial-stdio-child.ts', import.meta.url));
const INSTANCES = 4;
const IN_FLIGHT = 16;
/** What a call of the server takes it, during which it takes no other. */
const KINDS = [
  ['waits 5 ms', 'wait', '5'],
  ['computes 2 ms', 'compute', '2'],
] as const;

function connector(kind: string, ms: string): ConnectorDefinition {
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
      args: ['--conditions=cortex-source', CHILD, kind, ms],
      env: {},
      cwd: undefined,
    },
    replicas: { more: [], weight: 1, balance: 'least-in-flight', instances: INSTANCES },
  };
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const load = stack.use(startRawLoad());
  const requests = [callTemplate('modern', 'serial__r512', payloadJson(200, 'string'))];
  const pace = quick
    ? { rounds: 1, durationMs: 200, warmUpMs: 600 }
    : { rounds: 5, durationMs: 1_500, warmUpMs: 2_000 };
  const rows: ComparedRow[] = [];
  for (const [name, kind, ms] of KINDS) {
    const candidates: Candidate[] = [];
    for (const stdioPool of [false, true]) {
      const subject = stack.use(
        await startSubject({
          kind: 'ours',
          connectors: [connector(kind, ms)],
          settings: { stdioPool },
        }),
      );
      const place = { url: subject.url, requests, session: false, connections: IN_FLIGHT };
      candidates.push({
        name: stdioPool ? `MCP_STDIO_POOL, ${INSTANCES} processes` : 'one process',
        subject,
        place: { ...place, minBytes: 400 },
      });
    }
    const rounds = await compareLoad({ load, candidates, helpers: [], ...pace });
    rows.push({ name: `a server that ${name}, ${IN_FLIGHT} in flight`, rounds });
  }
  const { table, readings } = loadTable('a pool of processes beside one', rows, 'one process');
  return {
    method:
      `One stdio server that does one call after the other (S1-39 to S1-43); subjects in turn as in \`call\` (${PINNING}). ` +
      'Waiting gains as many times as there are processes; computing only as far as there are processors.',
    tables: [table],
    targets: [],
    readings,
  };
}

/** What `MCP_STDIO_POOL` gains. */
export const pool: Bench = { name: 'pool', run };
