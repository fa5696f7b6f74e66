import { listPlace } from './lib/call-rows.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { firstPasses, OFF_PATHS, WHERE } from './lib/flag-rows.ts';
import { loadTable, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject, type Subject } from './lib/subject.ts';

const CONNECTORS = 10;
const TOOLS_EACH = 20;

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(
    await startRawServers({
      era: 'modern',
      count: CONNECTORS,
      tools: ['r512'],
      listed: TOOLS_EACH - 1,
    }),
  );
  const connectors = connectorsOf(servers.urls);
  const subjects: (readonly [string, Subject])[] = [];
  for (const [name, settings] of quick ? OFF_PATHS.slice(0, 3) : OFF_PATHS) {
    subjects.push([name, stack.use(await startSubject({ kind: 'ours', connectors, settings }))]);
  }
  const load = stack.use(startRawLoad());
  const requests = [callTemplate('modern', `${FIRST_PREFIX}r512`, payloadJson(200, 'string'))];
  const places = {
    'call, 32 in flight': (url: string): Candidate['place'] => {
      return { url, requests, session: false, connections: 32, minBytes: 400 };
    },
    [`list of ${CONNECTORS * TOOLS_EACH} tools, 8 in flight`]: (url: string): Candidate['place'] =>
      listPlace('modern', url, 8),
  };
  const pace = quick
    ? { rounds: 1, durationMs: 60, warmUpMs: 0 }
    : { rounds: 7, durationMs: 600, warmUpMs: 1_500 };
  const rows: ComparedRow[] = [];
  for (const [name, place] of Object.entries(places)) {
    const candidates = subjects.map(([flag, subject]) => {
      return { name: flag, subject, place: place(subject.url) };
    });
    const rounds = await compareLoad({ load, candidates, helpers: [servers.pid], ...pace });
    rows.push({ name, rounds });
  }
  const { table, readings } = loadTable('each rollback flag beside the defaults', rows, 'defaults');
  const passes = await firstPasses(
    quick
      ? { connectors: 3, rounds: 1, latencyMs: 1 }
      : { connectors: 30, rounds: 5, latencyMs: 10 },
  );
  return {
    method:
      `${CONNECTORS} modern HTTP servers with ${TOOLS_EACH} tools each; a gateway for each flag, all others at their ` +
      `defaults, in turn as in \`call\` (${PINNING}). The first pass is that of a fresh process for each flag, in turn as well. ` +
      'Flags that only a start, the registry or a pool notices have their rows in other benches; the last table says where.',
    tables: [table, passes.table, WHERE],
    targets: [],
    readings: { ...readings, ...passes.readings },
  };
}

/** What each rollback flag costs, off beside on. */
export const flags: Bench = { name: 'flags', run };
