import type { ServiceSettings } from '../src/service/service.ts';
import { listPlace } from './lib/call-rows.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { loadTable, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject, type Subject } from './lib/subject.ts';

/** Each flag away from its default; flags that only a start or the registry notices have rows in their own benches. */
const PATHS: readonly (readonly [name: string, settings: Partial<ServiceSettings>])[] = [
  ['defaults', {}],
  ['MCP_LIST_PREBUILT=false', { listPrebuilt: false }],
  ['MCP_CONNECTOR_MANIFEST_CACHE=false', { manifestCache: false }],
  ['MCP_CONNECTOR_SHARED_AGENT=false', { sharedAgent: false }],
  ['MCP_CONNECTOR_REFRESH_SYNC=true', { backgroundRefresh: false }],
  ['MCP_CONNECTOR_PARALLEL_SYNC=false', { parallelSync: false }],
];
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
  for (const [name, settings] of quick ? PATHS.slice(0, 3) : PATHS) {
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
  return {
    method:
      `${CONNECTORS} modern HTTP servers with ${TOOLS_EACH} tools each; a gateway for each flag, all others at their ` +
      `defaults, in turn as in \`call\` (${PINNING}). Beside these: \`sync-cold\` has the off path of a first pass, ` +
      '`sync-warm` that of MCP_CONNECTOR_PERSIST_MANIFESTS, `registry-store` that of MCP_REGISTRY_MEMORY_CACHE.',
    tables: [table],
    targets: [],
    readings,
  };
}

/** What each rollback flag costs while serving. */
export const flags: Bench = { name: 'flags', run };
