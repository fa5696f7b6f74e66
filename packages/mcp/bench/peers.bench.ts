import { waitUntil } from '@cortex-os/testkit';
import { listPlace } from './lib/call-rows.ts';
import { compareLoad, measureRound, type Candidate, type LoadRound } from './lib/compare-load.ts';
import { FIRST_PREFIX } from './lib/connectors.ts';
import { loadTable, ratioTarget, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { peerVersion, startPeer, type PeerName } from './lib/peers.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { startSubject, type Subject } from './lib/subject.ts';

const CONNECTORS = 20;
const PEERS: readonly PeerName[] = ['mcp-hub', 'mcporter'];
/** As in `call`, where limits are held at 32. */
const IN_FLIGHT = [1, 32] as const;
const LIMITED = 32;
const AT_LEAST = 8;
const READY: Load = { what: 'call', inFlight: 1 };

/** How clients reach a subject: with sessions, without, or over HTTP+SSE. */
type Way = 'session' | 'plain' | 'sse';

interface Entry {
  readonly name: string;
  readonly subject: Subject;
  readonly url: string;
  readonly way: Way;
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
  if (what === 'list') return { ...listPlace('legacy', url, inFlight), ...shared };
  // The last server: the first one is the one that is broken.
  const last = FIRST_PREFIX.replace('000', String(CONNECTORS - 1).padStart(3, '0'));
  // It allows no hyphens in names of servers.
  const tool = `${name === 'mcp-hub' ? last.replace('-', '_') : last}r512`;
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
  return entries;
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

/** One server hangs; who waits for it? A list that does not come within 3 s counts as that. */
async function hungRows(
  entries: readonly Entry[],
  { load, servers, rounds }: { load: RawLoad; servers: RawServers; rounds: number },
): Promise<ComparedRow> {
  const found = new Map<string, LoadRound[]>();
  await servers.setFault(0, 'hang');
  for (let round = 0; round < rounds; round += 1) {
    for (const entry of entries) {
      const candidate = { name: entry.name, subject: entry.subject, place: placeOf(entry, LIST) };
      const options = { load, helpers: [servers.pid], durationMs: 500 };
      const one = await measureRound(options, candidate).catch(async () => {
        await load.close();
        return undefined;
      });
      found.set(entry.name, [...(found.get(entry.name) ?? []), one ?? stalled()]);
    }
  }
  await servers.setFault(0, 'none');
  return { name: `list, one of ${CONNECTORS} servers hung`, rounds: found };
}

function stalled(): LoadRound {
  const us = 3_000_000;
  const latencies = { p50Us: us, p95Us: us, p99Us: us, maxUs: us };
  const cost = { loadCpuUs: 0, cpuUs: 0, gcUs: 0, rssBytes: 0, foreignCores: 0 };
  return { calls: 1, failed: 1, seconds: 3, ...latencies, ...cost };
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(
    await startRawServers({ era: 'legacy', count: CONNECTORS, tools: ['r512'], listed: 4 }),
  );
  const entries = await startEntries(servers, stack);
  const load = stack.use(startRawLoad());
  for (const entry of entries) await untilReady(load, entry);
  const pace = quick
    ? { rounds: 1, durationMs: 60, warmUpMs: 0 }
    : { rounds: 5, durationMs: 1_000, warmUpMs: 2_000 };
  const rows: ComparedRow[] = [];
  const calls = IN_FLIGHT.map((inFlight): Load => ({ what: 'call', inFlight }));
  for (const one of [...(quick ? [READY] : calls), LIST]) {
    const candidates = entries.map((entry) => {
      return { name: entry.name, subject: entry.subject, place: placeOf(entry, one) };
    });
    const rounds = await compareLoad({ load, candidates, helpers: [servers.pid], ...pace });
    rows.push({ name: rowOf(one), rounds });
  }
  rows.push(await hungRows(entries, { load, servers, rounds: quick ? 1 : 3 }));
  const { table, readings, paired } = loadTable('other gateways', rows, 'ours');
  const missing = PEERS.filter((name) => peerVersion(name) === undefined);
  const limited = rowOf({ what: 'call', inFlight: LIMITED });
  return {
    method:
      `${CONNECTORS} legacy HTTP servers with five tools each behind each gateway, in turn as in \`call\` (${PINNING}). Each ` +
      'is reached as it can be: mcp-hub over HTTP+SSE of 2024-11-05, the only transport it serves, mcporter over ' +
      'streamable HTTP without sessions, ours over streamable HTTP with them; beside it ours over HTTP+SSE, which costs ' +
      'any gateway one more answer for each call. Limits are held as in `call`, at ' +
      `${LIMITED} in flight, for ours by its best transport, for the median of the ratios of each round. cpu of the ` +
      'peers is that of all their processes from /proc, in ticks of 10 ms. A list that does not come within 3 s counts as failed.',
    tables: [table],
    targets: PEERS.flatMap((name) =>
      ratioTarget(
        `a call through ${name}, cpu against ours`,
        paired(limited, 'cpuUs', [name, 'ours']),
        { atLeast: AT_LEAST },
      ),
    ),
    readings,
    notes: [
      ...PEERS.filter((name) => !missing.includes(name)).map(
        (name) => `${name} is ${peerVersion(name)}`,
      ),
      ...missing.map((name) => `${name} is left out: it is not installed; run pnpm bench:peers`),
    ],
    commands: Object.fromEntries(entries.map(({ name, subject }) => [name, subject.commandLine])),
  };
}

/** Beside gateways that npm can install, on the rows that they can run. */
export const peers: Bench = { name: 'peers', run };
