import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tempFolder } from '@cortex-os/testkit';
import { ACCOUNTED, accountOf, type Account, type Held } from './lib/account.ts';
import { startBareStreams } from './lib/bare-streams.ts';
import { listPlace } from './lib/call-rows.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { loadTable, ratioTarget, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { buildProgram, freePort, startProgram } from './lib/program.ts';
import { startRawLoad } from './lib/raw-load.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import {
  readingOf,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';
import { startStreamClients } from './lib/stream-clients.ts';
import { startSubject } from './lib/subject.ts';

const SESSIONS = 2_000;
/** Processes of each kind whose memory is looked at. */
const MEMORY_ROUNDS = 3;
/** Latency with idle sessions, against that without. */
const UNCHANGED = 1.1;
const KB = 1_024;
const OURS = 'ours';
const BARE = 'node:http';
/** The first pass is over by then. */
const SETTLE_MS = 3_000;

interface Grown {
  readonly before: Held;
  readonly after: Held;
}

/** Opens streams and says what they cost. */
async function grow(
  account: Account,
  open: { readonly url: string; readonly count: number; readonly session: boolean },
): Promise<Grown> {
  await using clients = startStreamClients();
  const before = await account.settled();
  await clients.open(open);
  return { before, after: await account.settled() };
}

/** The published program with one connector, as users start it. */
async function growOurs(servers: RawServers, count: number): Promise<Grown> {
  await using folder = tempFolder();
  const config = join(folder.path, 'cortex-mcp.json');
  const entries = servers.urls.map((url, index) => [`server-${index}`, { url }] as const);
  await writeFile(config, JSON.stringify({ mcpServers: Object.fromEntries(entries) }));
  const port = await freePort();
  await using program = startProgram({ home: folder.path, config, port, execArgv: ACCOUNTED });
  const account = accountOf(program);
  await program.listening;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return await grow(account, { url: program.url, count, session: true });
}

async function growBare(count: number): Promise<Grown> {
  await using bare = await startBareStreams();
  return await grow(accountOf(bare), { url: bare.url, count, session: false });
}

const KEYS = ['rssBytes', 'heapBytes'] as const;
type Key = (typeof KEYS)[number];

/** What several processes of one kind came to. */
interface Memory {
  readonly before: Reading;
  readonly after: Reading;
  readonly each: Readonly<Record<Key, Reading>>;
}

function memoryOf(grown: readonly Grown[], count: number): Memory {
  const each = (key: Key): Reading =>
    readingOf(
      grown.map(({ before, after }) => (after[key] - before[key]) / count),
      'B',
    );
  return {
    before: readingOf(
      grown.map(({ before }) => before.rssBytes),
      'B',
    ),
    after: readingOf(
      grown.map(({ after }) => after.rssBytes),
      'B',
    ),
    each: { rssBytes: each('rssBytes'), heapBytes: each('heapBytes') },
  };
}

/** Ours and the bare server side by side, so that both meet what the machine does. */
async function measureMemory(
  servers: RawServers,
  count: number,
  rounds: number,
): Promise<Readonly<Record<'ours' | 'bare', Memory>>> {
  const grown = { ours: [] as Grown[], bare: [] as Grown[] };
  for (let round = 0; round < rounds; round += 1) {
    const [ours, bare] = await Promise.all([growOurs(servers, count), growBare(count)]);
    grown.ours.push(ours);
    grown.bare.push(bare);
  }
  return { ours: memoryOf(grown.ours, count), bare: memoryOf(grown.bare, count) };
}

function shownBytes({ median, min, max }: Reading, unit: number, digits: number): string {
  const [middle, least, most] = [median, min, max].map((bytes) => (bytes / unit).toFixed(digits));
  return `${middle} (${least}–${most})`;
}

function memoryRow(name: string, { before, after, each }: Memory): string[] {
  const sizes = [before, after].map((reading) => shownBytes(reading, KB * KB, 0));
  return [name, ...sizes, ...KEYS.map((key) => shownBytes(each[key], KB, 1))];
}

const NONE = 'no sessions';

/** Calls and lists at a gateway with idle sessions, and at one without. */
async function measureLoad(
  servers: RawServers,
  count: number,
  quick: boolean,
): Promise<readonly ComparedRow[]> {
  await using stack = new AsyncDisposableStack();
  const connectors = connectorsOf(servers.urls);
  const start = async (): ReturnType<typeof startSubject> =>
    stack.use(await startSubject({ kind: 'ours', connectors, settings: {} }));
  const [ours, alone] = [await start(), await start()];
  const clients = stack.use(startStreamClients());
  await clients.open({ url: ours.url, count, session: true });
  const load = stack.use(startRawLoad());
  const call = callTemplate('legacy', `${FIRST_PREFIX}r512`, payloadJson(200, 'string'));
  const rows: ComparedRow[] = [];
  for (const what of ['call', 'list'] as const) {
    const place = (url: string): Candidate['place'] =>
      what === 'list'
        ? listPlace('legacy', url, 4)
        : { url, requests: [call], session: true, connections: 4, minBytes: 400 };
    const candidates = [
      { name: NONE, subject: alone, place: place(alone.url) },
      { name: `${count} idle sessions`, subject: ours, place: place(ours.url) },
    ];
    const pace = quick
      ? { rounds: 1, durationMs: 60, warmUpMs: 0 }
      : { rounds: 5, durationMs: 600, warmUpMs: 1_500 };
    const close = quick ? [] : candidates.map(({ name }) => name);
    const helpers = [servers.pid, clients.pid];
    rows.push({
      name: `${what}, 4 in flight`,
      rounds: await compareLoad({ load, candidates, close, helpers, ...pace }),
    });
  }
  return rows;
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  buildProgram();
  const count = quick ? 50 : SESSIONS;
  await using servers = await startRawServers({
    era: 'legacy',
    count: 1,
    tools: ['r512'],
    listed: 99,
  });
  const { ours, bare } = await measureMemory(servers, count, quick ? 1 : MEMORY_ROUNDS);
  const rows = await measureLoad(servers, count, quick);
  const { table, readings, paired } = loadTable('calls and lists meanwhile', rows, NONE);
  const ratio = (row: string, figure: 'p50Us' | 'cpuUs'): number =>
    paired(row, figure, [`${count} idle sessions`, NONE]);
  return {
    method:
      `${count} legacy sessions with an open stream each, idle, at the built program as users start it, with one connector; as ` +
      'many streams at a bare node:http server, plain JavaScript in a process with nothing else. Memory after collecting ' +
      'garbage, the least of 24 looks in 12 s, as the engine gives pages back later; median (lowest–highest) of ' +
      `${quick ? 1 : MEMORY_ROUNDS} processes of each. Meanwhile calls and lists at a gateway with such sessions, beside one ` +
      `without, in turn as in \`call\` (${PINNING}); limits hold for the median of the ratios of each round.`,
    tables: [
      {
        title: 'memory',
        headings: ['who', 'RSS before MB', 'RSS with MB', 'RSS KB each', 'heap KB each'],
        rows: [memoryRow(OURS, ours), memoryRow(BARE, bare)],
      },
      table,
    ],
    targets: [
      ...ratioTarget(
        'memory of the process, against the bare server',
        ours.after.median / bare.after.median,
        { atMost: 1.3 },
      ),
      ...ratioTarget(
        'memory for each stream, against the bare server',
        ours.each.rssBytes.median / bare.each.rssBytes.median,
        { atMost: 1.3 },
      ),
      ...rows.flatMap(({ name }) =>
        ratioTarget(`${name}, p50 with idle sessions`, ratio(name, 'p50Us'), { atMost: UNCHANGED }),
      ),
      ...rows.flatMap(({ name }) =>
        ratioTarget(`${name}, cpu with idle sessions`, ratio(name, 'cpuUs'), { atMost: UNCHANGED }),
      ),
    ],
    readings: {
      ...readings,
      'ours.rssBytesPerSession': ours.each.rssBytes,
      'ours.heapBytesPerSession': ours.each.heapBytes,
      'ours.rssBytes': ours.after,
      'node:http.rssBytesPerStream': bare.each.rssBytes,
      'node:http.heapBytesPerStream': bare.each.heapBytes,
      'node:http.rssBytes': bare.after,
    },
  };
}

/** What idle sessions cost, and that they slow nothing down. */
export const sessions: Bench = { name: 'sessions', run };
