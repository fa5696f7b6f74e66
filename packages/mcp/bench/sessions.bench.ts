import { listPlace } from './lib/call-rows.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { loadTable, ratioTarget, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad } from './lib/raw-load.ts';
import { startRawServers } from './lib/raw-server.ts';
import {
  readingOf,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';
import { startStreamClients } from './lib/stream-clients.ts';
import { startSubject, type NodeSubject } from './lib/subject.ts';
import type { Usage } from './lib/usage.ts';

const SESSIONS = 2_000;
const EXPOSE_GC = ['--expose-gc'];
/** Latency with idle sessions, against that without. */
const UNCHANGED = 1.1;
const KB = 1_024;

interface Grown {
  readonly before: Usage;
  readonly after: Usage;
}

/** Opens streams at a subject and says what they cost. They stay open until the clients are closed. */
async function grow(
  subject: NodeSubject,
  clients: ReturnType<typeof startStreamClients>,
  options: { readonly count: number; readonly session: boolean },
): Promise<Grown> {
  const before = await subject.settledUsage();
  await clients.open({ url: subject.url, ...options });
  return { before, after: await subject.settledUsage() };
}

const mb = (bytes: number): string => (bytes / KB / KB).toFixed(0);
const one = (value: number, unit: string): Reading => readingOf([value], unit);

function memoryRow(name: string, { before, after }: Grown, count: number): string[] {
  const each = (key: keyof Usage): string => ((after[key] - before[key]) / count / KB).toFixed(1);
  return [
    name,
    mb(before.rssBytes),
    mb(after.rssBytes),
    each('rssBytes'),
    each('heapBytes'),
    each('externalBytes'),
  ];
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  const count = quick ? 50 : SESSIONS;
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(
    await startRawServers({ era: 'legacy', count: 1, tools: ['r512'], listed: 99 }),
  );
  const connectors = connectorsOf(servers.urls);
  const start = async (): Promise<NodeSubject> =>
    stack.use(await startSubject({ kind: 'ours', connectors, settings: {} }, EXPOSE_GC));
  const [ours, alone] = [await start(), await start()];
  const bare = stack.use(await startSubject({ kind: 'streams' }, EXPOSE_GC));
  const [oursClients, bareClients] = [
    stack.use(startStreamClients()),
    stack.use(startStreamClients()),
  ];
  const grown = await grow(ours, oursClients, { count, session: true });
  const bareGrown = await grow(bare, bareClients, { count, session: false });
  await bareClients.close();
  const load = stack.use(startRawLoad());
  const call = callTemplate('legacy', `${FIRST_PREFIX}r512`, payloadJson(200, 'string'));
  const rows: ComparedRow[] = [];
  for (const what of ['call', 'list'] as const) {
    const place = (url: string): Candidate['place'] =>
      what === 'list'
        ? listPlace('legacy', url, 4)
        : { url, requests: [call], session: true, connections: 4, minBytes: 400 };
    const candidates = [
      { name: 'no sessions', subject: alone, place: place(alone.url) },
      { name: `${count} idle sessions`, subject: ours, place: place(ours.url) },
    ];
    const pace = quick
      ? { rounds: 1, durationMs: 60, warmUpMs: 0 }
      : { rounds: 9, durationMs: 600, warmUpMs: 1_500 };
    const helpers = [servers.pid, oursClients.pid];
    rows.push({
      name: `${what}, 4 in flight`,
      rounds: await compareLoad({ load, candidates, helpers, ...pace }),
    });
  }
  const {
    table,
    readings: loadReadings,
    median,
  } = loadTable('calls and lists meanwhile', rows, 'no sessions');
  const perSession = (of: Grown): number => (of.after.rssBytes - of.before.rssBytes) / count;
  const readings = {
    ...loadReadings,
    'ours.rssBytesPerSession': one(perSession(grown), 'B'),
    'ours.heapBytesPerSession': one((grown.after.heapBytes - grown.before.heapBytes) / count, 'B'),
    'ours.rssBytes': one(grown.after.rssBytes, 'B'),
    'node:http.rssBytesPerStream': one(perSession(bareGrown), 'B'),
    'node:http.rssBytes': one(bareGrown.after.rssBytes, 'B'),
  };
  const latency = (row: string): number =>
    median(row, `${count} idle sessions`, 'p50Us') / median(row, 'no sessions', 'p50Us');
  return {
    method:
      `${count} legacy sessions with an open stream each, idle, at a gateway; as many streams at a bare node:http server. ` +
      'Memory after collecting garbage. Meanwhile calls and lists, beside those of a gateway without sessions, in turn as ' +
      `in \`call\` (${PINNING}).`,
    tables: [
      {
        title: 'memory',
        headings: [
          'who',
          'RSS before MB',
          'RSS with MB',
          'RSS KB each',
          'heap KB each',
          'external KB each',
        ],
        rows: [memoryRow('ours', grown, count), memoryRow('node:http', bareGrown, count)],
      },
      table,
    ],
    targets: [
      ...ratioTarget(
        'memory of the process, against the bare server',
        grown.after.rssBytes / bareGrown.after.rssBytes,
        { atMost: 1.3 },
      ),
      ...ratioTarget(
        'memory for each stream, against the bare server',
        perSession(grown) / perSession(bareGrown),
        {
          atMost: 1.3,
        },
      ),
      ...rows.flatMap(({ name }) =>
        ratioTarget(`${name}, p50 with idle sessions`, latency(name), { atMost: UNCHANGED }),
      ),
    ],
    readings,
  };
}

/** What idle sessions cost, and that they slow nothing down. */
export const sessions: Bench = { name: 'sessions', run };
