import { waitUntil } from '@cortex-os/testkit';
import { listPlace } from './lib/call-rows.ts';
import type { Candidate, LoadRound } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import type { Way } from './lib/fault-client.ts';
import { FAULTS, WAIT_MS } from './lib/fault-probe.ts';
import { faultTable, probeReadings, summaryOf, type ProbeRow } from './lib/fault-table.ts';
import { listBytes } from './lib/list-bytes.ts';
import { loadTable, ratioTarget, type LoadTable } from './lib/load-table.ts';
import { waitForQuiet } from './lib/machine-load.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import type { Outcome } from './lib/outcome.ts';
import { peerEntry, peerVersion, startPeer, type PeerName } from './lib/peers.ts';
import { PINNING } from './lib/pin.ts';
import { CALL_TIMEOUT_MS, oursKind, peerKind, probeAll } from './lib/probe-kinds.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject, type Subject } from './lib/subject.ts';
import { TriedRounds, tryRound } from './lib/try-round.ts';

const CONNECTORS = 20;
const LISTED = 4;
/** A list without most of its tools is no list. */
const MIN_LIST_BYTES = (CONNECTORS - 1) * LISTED * 100;
const PEERS: readonly PeerName[] = ['mcp-hub', 'mcporter'];
/** As in `call`, where limits are held at 32. */
const IN_FLIGHT = [1, 32] as const;
const LIMITED = 32;
const CALLS = IN_FLIGHT.map((inFlight): Load => ({ what: 'call', inFlight }));
const AT_LEAST = 8;
const QUIET_WAIT_MS = 500;
/** What a Node process costs that knows nothing of MCP, for calls and for lists: nobody's could cost less. */
const PROXY = 'bare proxy';
const BYTES = 'node:http';
const READY: Load = { what: 'call', inFlight: 1 };

interface Entry {
  readonly name: string;
  readonly subject: Subject;
  readonly url: string;
  readonly way: Way;
  /** What it can answer. Default: both. */
  readonly only?: Load['what'];
}

interface Load {
  readonly what: 'call' | 'list';
  readonly inFlight: number;
}

const LIST: Load = { what: 'list', inFlight: 2 };

const rowOf = ({ what, inFlight }: Load): string =>
  `${what}, ${CONNECTORS} servers, ${inFlight} in flight`;

function placeOf({ name, url, way }: Entry, { what, inFlight }: Load): Candidate['place'] {
  const shared = { session: way === 'session', sse: way === 'sse' };
  if (what === 'list')
    return { ...listPlace('legacy', url, inFlight), ...shared, minBytes: MIN_LIST_BYTES };
  // The last server: the first one is the one that is broken.
  const last = FIRST_PREFIX.replace('000', String(CONNECTORS - 1).padStart(3, '0'));
  const prefixes: Readonly<Record<string, string>> = {
    // It allows no hyphens in names of servers.
    'mcp-hub': last.replace('-', '_'),
    [PROXY]: '',
  };
  const tool = `${prefixes[name] ?? last}r512`;
  const requests = [callTemplate('legacy', tool, payloadJson(200, 'string'))];
  return { url, requests, ...shared, connections: inFlight, minBytes: 400 };
}

async function startEntries(
  servers: RawServers,
  stack: AsyncDisposableStack,
): Promise<readonly Entry[]> {
  const connectors = connectorsOf(servers.urls);
  const ours = stack.use(await startSubject({ kind: 'ours', connectors, settings: { sse: true } }));
  const sse = new URL('/sse', ours.url).href;
  const entries: Entry[] = [
    { name: 'ours', subject: ours, url: ours.url, way: 'session' },
    { name: 'ours over HTTP+SSE', subject: ours, url: sse, way: 'sse' },
  ];
  for (const name of PEERS) {
    if (peerVersion(name) === undefined) continue;
    const subject = stack.use(await startPeer(name, servers.urls));
    const way = name === 'mcp-hub' ? 'sse' : 'plain';
    entries.push({ name, subject, url: subject.url, way });
  }
  const url = servers.urls.at(-1) ?? '';
  const proxy = stack.use(await startSubject({ kind: 'proxy', url, piped: false }));
  entries.push({ name: PROXY, subject: proxy, url: proxy.url, way: 'session', only: 'call' });
  return entries;
}

/** The list that ours answers, from a server that knows nothing else. */
async function startBytes(ours: Entry, stack: AsyncDisposableStack): Promise<Entry> {
  const subject = stack.use(await startSubject(await listBytes(ours.url, 'legacy')));
  return { name: BYTES, subject, url: subject.url, way: 'session', only: 'list' };
}

/** They serve before they are complete: resolves when the last server's tool answers. */
async function untilReady(load: RawLoad, entry: Entry): Promise<void> {
  await waitUntil(
    async () => {
      try {
        await load.open(placeOf(entry, READY));
        return true;
      } catch {
        // Not yet.
        return false;
      } finally {
        await load.close();
      }
    },
    { timeoutMs: 20_000, describe: `${entry.name} serves the last server` },
  );
}

interface Pace {
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
}

interface Rig {
  readonly load: RawLoad;
  readonly servers: RawServers;
  readonly entries: readonly Entry[];
  readonly tried: TriedRounds;
}

/** One load on all in turn, each round in another order. One that does not take it does not end the others'. */
async function measureRow(
  { load, servers, entries: all, tried }: Rig,
  { row, one }: { readonly row: string; readonly one: Load },
  { rounds, durationMs, warmUpMs }: Pace,
): Promise<void> {
  const entries = all.filter(({ only = one.what }) => only === one.what);
  const shared = { load, helpers: [servers.pid] };
  const attempt = async (entry: Entry, ms: number): Promise<LoadRound | Outcome> => {
    const { name, subject, way } = entry;
    const options = { ...shared, durationMs: ms };
    return await tryRound(options, { name, subject, place: placeOf(entry, one) }, way);
  };
  if (warmUpMs > 0) for (const entry of entries) await attempt(entry, warmUpMs);
  for (let round = 0; round < rounds; round += 1) {
    const first = round % entries.length;
    for (const entry of [...entries.slice(first), ...entries.slice(0, first)]) {
      await waitForQuiet(QUIET_WAIT_MS);
      tried.add(row, entry.name, await attempt(entry, durationMs));
    }
  }
}

interface Loads {
  readonly tried: TriedRounds;
  readonly commands: Readonly<Record<string, string>>;
}

async function startServers(): Promise<RawServers> {
  return await startRawServers({
    era: 'legacy',
    count: CONNECTORS,
    tools: ['r512'],
    listed: LISTED,
  });
}

async function measureLoads(quick: boolean): Promise<Loads> {
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(await startServers());
  const entries = [...(await startEntries(servers, stack))];
  const load = stack.use(startRawLoad());
  for (const entry of entries) await untilReady(load, entry);
  const [ours] = entries;
  if (ours !== undefined) entries.push(await startBytes(ours, stack));
  const pace = quick
    ? { rounds: 1, durationMs: 60, warmUpMs: 0 }
    : { rounds: 5, durationMs: 1_000, warmUpMs: 2_000 };
  const rig: Rig = { load, servers, entries, tried: new TriedRounds() };
  for (const one of [...(quick ? [READY] : CALLS), LIST]) {
    await measureRow(rig, { row: rowOf(one), one }, pace);
  }
  await servers.setFault(0, 'hang');
  const row = `list, one of ${CONNECTORS} servers hung`;
  await measureRow(
    rig,
    { row, one: LIST },
    { rounds: quick ? 1 : 3, durationMs: 500, warmUpMs: 0 },
  );
  await servers.setFault(0, 'none');
  const commands = entries.map(({ name, subject }) => [name, subject.commandLine] as const);
  return { tried: rig.tried, commands: Object.fromEntries(commands) };
}

/** What each does beside a broken server, and with that. */
async function probeFaults(
  installed: readonly PeerName[],
  { quick, only = '' }: BenchOptions,
): Promise<readonly ProbeRow[]> {
  await using servers = await startServers();
  const { urls } = servers;
  const found = FAULTS.filter((fault) => fault.includes(only));
  const kinds = [oursKind(urls), ...installed.map((name) => peerKind(name, urls))];
  return await probeAll(kinds, servers, { rounds: 1, faults: quick ? found.slice(-1) : found });
}

const METHOD =
  `${CONNECTORS} legacy HTTP servers with five tools each behind each gateway, in turn as in \`call\` (${PINNING}). Each ` +
  'is reached as it can be: mcp-hub over HTTP+SSE of 2024-11-05, the only transport it serves, mcporter over ' +
  'streamable HTTP without sessions, ours over streamable HTTP with them; beside it ours over HTTP+SSE, which costs ' +
  'any gateway one more answer for each call. Limits are held as in `call`, at ' +
  `${LIMITED} in flight, for ours by its best transport, for the median of the ratios of each round. cpu of the ` +
  `peers is that of all their processes from /proc, in ticks of 10 ms. The ${PROXY} and ${BYTES} know nothing of MCP, as in ` +
  '`call` and `list`: they show what a Node process costs at ' +
  'least. Where the first answer is no result, a line says ' +
  'what it was. In the table of faults each gateway is a fresh one for each fault, asked one thing at a time as in ' +
  `\`faults\`, at most ${WAIT_MS / 1_000} s for each; "works again" is without a restart of the gateway. Ours is told to ` +
  `give calls up after ${CALL_TIMEOUT_MS / 1_000} s; the peers have no setting for that when they serve (mcp-hub 5 min, mcporter 30 s).`;

async function run(options: BenchOptions): Promise<BenchResult> {
  const installed = PEERS.filter((name) => peerVersion(name) !== undefined);
  const missing = PEERS.filter((name) => !installed.includes(name));
  const { tried, commands } = await measureLoads(options.quick);
  const probed = await probeFaults(installed, options);
  const { table, readings, paired } = loadTable('other gateways', tried.rows, 'ours');
  const limited = rowOf({ what: 'call', inFlight: LIMITED });
  return {
    method: [
      METHOD,
      ...['ours', ...installed].map((name) => summaryOf(name, probed, CONNECTORS)),
    ].join(' '),
    tables: [
      tried.complete(table),
      faultTable('one broken server among twenty', probed, CONNECTORS),
    ],
    targets: PEERS.flatMap((name) =>
      ratioTarget(
        `a call through ${name}, cpu against ours`,
        paired(limited, 'cpuUs', [name, 'ours']),
        { atLeast: AT_LEAST },
      ),
    ),
    readings: { ...readings, ...probeReadings(probed) },
    notes: [
      ...installed.map((name) => `${name} is ${peerVersion(name)}`),
      ...installed.map((name) => `each server in the file of ${name}: ${peerEntry(name)}`),
      ...installed.flatMap((name) =>
        (options.quick ? [READY, LIST] : [...CALLS, LIST]).map((load) =>
          aboveNote(name, load, paired),
        ),
      ),
      ...missing.map((name) => `${name} is left out: it is not installed; run pnpm bench:peers`),
    ],
    commands,
  };
}

const times = (ratio = Number.NaN): string => `${ratio.toFixed(1)}×`;

/** How far a peer is above ours, and above what any Node process costs, where no limit is held. */
function aboveNote(peer: PeerName, load: Load, paired: LoadTable['paired']): string {
  const row = rowOf(load);
  const floor = load.what === 'call' ? PROXY : BYTES;
  const [ofOurs, ofFloor] = ['ours', floor].map((who) => paired(row, 'cpuUs', [peer, who]));
  return `${row}: ${peer} costs ${times(ofOurs)} ours, and ${times(ofFloor)} the ${floor}`;
}

/** Beside gateways that npm can install, on the rows that they can run. */
export const peers: Bench = { name: 'peers', run };
