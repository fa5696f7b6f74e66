import { setTimeout as delay } from 'node:timers/promises';
import { ASK_EVERY_MS, askMeanwhile } from './lib/ask-meanwhile.ts';
import { listPlace } from './lib/call-rows.ts';
import { measureRound, type LoadRound } from './lib/compare-load.ts';
import { openFaultClient } from './lib/fault-client.ts';
import { DOWN_MS, FAULTS, WAIT_MS } from './lib/fault-probe.ts';
import { faultTable, probeReadings, probeTargets, summaryOf } from './lib/fault-table.ts';
import { loadTable, ratioTarget } from './lib/load-table.ts';
import { waitForQuiet } from './lib/machine-load.ts';
import { shownOutcomes, type Outcome } from './lib/outcome.ts';
import { PINNING } from './lib/pin.ts';
import {
  CALL_TIMEOUT_MS,
  callOf,
  impatientConnectors,
  MAX_IN_FLIGHT,
  oursKind,
  probeAll,
  sdkKind,
} from './lib/probe-kinds.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import type { LoadPlace } from './lib/raw-load-protocol.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult, BenchTable, Target } from './lib/report.ts';
import { startSubject, type Subject } from './lib/subject.ts';
import { TriedRounds, tryRound } from './lib/try-round.ts';

const CONNECTORS = 20;
const LISTED = 9;
const CASES = ['healthy', 'hung', 'dead', 'restarting'] as const;
type Case = (typeof CASES)[number];
const LOADS = ['call', 'list'] as const;
type Load = (typeof LOADS)[number];
const RESTART_EVERY_MS = 300;
/** What "unmoved" allows for noise: processor time and the median, and the tail. */
const UNMOVED = 1.15;
const UNMOVED_P99 = 1.5;
/** The longest a first list waits (contract), and what it takes beside that. */
const FIRST_LIST_MS = 1_500;
/** How late a deadline may be seen: calls are looked at so often, whenever they began. And what it takes to say so. */
const LOOK_MS = 250;
const TELLING_MS = 50;
const LIMITS = {
  servers: CONNECTORS,
  firstListMs: FIRST_LIST_MS + 100,
  hungMs: CALL_TIMEOUT_MS + LOOK_MS + TELLING_MS,
  deadMs: 2_000,
  backMs: 1_000,
};

/** That of most servers today. */
const ERA = 'legacy';
const WAY = 'session';
/** A list without most of its tools is no list. */
const MIN_LIST_BYTES = (CONNECTORS - 1) * LISTED * 100;

function placeFor(what: Load, url: string): LoadPlace {
  if (what === 'list') return { ...listPlace(ERA, url, 2), minBytes: MIN_LIST_BYTES };
  const requests = Array.from({ length: CONNECTORS - 1 }, (_, at) => callOf(at + 1, 'ours'));
  return { url, requests, session: true, connections: 8, minBytes: 400 };
}

/** Breaks the first server; what comes back mends it. */
async function breakFirst(servers: RawServers, fault: Case): Promise<() => Promise<void>> {
  if (fault === 'hung') await servers.setFault(0, 'hang');
  if (fault === 'dead') await servers.setFault(0, 'dead');
  const ended = new AbortController();
  const restart = async (): Promise<void> => {
    for (let isDown = true; !ended.signal.aborted; isDown = !isDown) {
      await servers.setFault(0, isDown ? 'dead' : 'none');
      await delay(RESTART_EVERY_MS);
    }
  };
  const loop = fault === 'restarting' ? restart() : undefined;
  return async () => {
    ended.abort();
    await loop;
    await servers.setFault(0, 'none');
  };
}

/** A candidate that is started anew when it does not get over a fault: the next one must not meet the one before. */
interface Candidate {
  readonly name: 'ours' | 'sdk';
  /** Its own: another's would break with them. */
  readonly servers: RawServers;
  readonly start: () => Promise<Subject>;
  subject: Subject;
}

interface Rig {
  readonly load: RawLoad;
  readonly durationMs: number;
  readonly tried: TriedRounds;
  /** What the calls of the first server became, by case and name. */
  readonly asked: Map<string, Outcome[]>;
}

async function warmUp({ load }: Pick<Rig, 'load'>, { name, subject }: Candidate): Promise<void> {
  for (const what of LOADS) {
    const candidate = { name, subject, place: placeFor(what, subject.url) };
    await measureRound({ load, helpers: [], durationMs: 600 }, candidate);
  }
}

/** Whether the first server is called again. */
async function isBack({ url }: Subject): Promise<boolean> {
  const endsAt = performance.now() + WAIT_MS;
  const client = await openFaultClient({ url, way: WAY }, WAIT_MS);
  try {
    while (performance.now() < endsAt) {
      const { kind } = await client.ask(callOf(0, 'ours'), WAIT_MS);
      if (kind === 'answered') return true;
      await delay(50);
    }
    return false;
  } finally {
    client.close();
  }
}

async function measureCase(rig: Rig, candidate: Candidate, fault: Case): Promise<void> {
  const { load, durationMs, tried, asked } = rig;
  const { name, subject, servers } = candidate;
  const mend = await breakFirst(servers, fault);
  const asking = await askMeanwhile({ url: subject.url, way: WAY }, callOf(0, name));
  // The breakage is known, where it can be known.
  await delay(200);
  for (const what of LOADS) {
    await waitForQuiet(200);
    const one = { name, subject, place: placeFor(what, subject.url) };
    const options = { load, helpers: [servers.pid], durationMs };
    tried.add(`${what}, ${fault}`, name, await tryRound(options, one, WAY));
  }
  const key = `${fault}|${name}`;
  asked.set(key, [...(asked.get(key) ?? []), ...(await asking.stop())]);
  await mend();
  // What the official client loses with a session does not come back.
  if (fault !== 'healthy' && (name === 'sdk' || !(await isBack(subject)))) {
    await subject[Symbol.asyncDispose]();
    candidate.subject = await candidate.start();
    await warmUp(rig, candidate);
  }
}

function targetsOf(tried: TriedRounds): readonly Target[] {
  const limits = [
    ['cpu', 'cpuUs', UNMOVED],
    ['p50', 'p50Us', UNMOVED],
    ['p99', 'p99Us', UNMOVED_P99],
  ] as const;
  return LOADS.flatMap((what) => {
    // The same gateway in all cases, round by round.
    const rounds = new Map(
      CASES.flatMap((fault) => {
        const found = tried.of(`${what}, ${fault}`, 'ours').rounds;
        return found.length === 0 ? [] : [[fault, found] as [string, readonly LoadRound[]]];
      }),
    );
    const { paired } = loadTable('', [{ name: what, rounds }], 'healthy');
    return CASES.slice(1).flatMap((fault) =>
      limits.flatMap(([name, figure, atMost]) =>
        rounds.has(fault)
          ? ratioTarget(
              `${what} ${name}, one of ${CONNECTORS} ${fault}, against all healthy`,
              paired(what, figure, [fault, 'healthy']),
              { atMost },
            )
          : [],
      ),
    );
  });
}

function askedTable(asked: ReadonlyMap<string, readonly Outcome[]>): BenchTable {
  return {
    title: 'what those get meanwhile who call the first server',
    headings: ['first server', 'who', `a call each ${ASK_EVERY_MS} ms`],
    rows: [...asked].map(([key, outcomes]) => {
      const [fault = '', who = ''] = key.split('|', 2);
      return [fault, who, shownOutcomes(outcomes)];
    }),
  };
}

async function startServers(): Promise<RawServers> {
  return await startRawServers({ era: ERA, count: CONNECTORS, tools: ['r512'], listed: LISTED });
}

async function startCandidate(
  name: Candidate['name'],
  stack: AsyncDisposableStack,
): Promise<Candidate> {
  const servers = stack.use(await startServers());
  const { urls } = servers;
  const settings = { maxInFlight: MAX_IN_FLIGHT };
  const start = async (): Promise<Subject> =>
    name === 'ours'
      ? await startSubject({ kind: 'ours', connectors: impatientConnectors(urls), settings })
      : await startSubject({ kind: 'sdk', era: ERA, urls });
  const candidate: Candidate = { name, servers, start, subject: await start() };
  stack.defer(async () => await candidate.subject[Symbol.asyncDispose]());
  return candidate;
}

interface Loads extends Pick<Rig, 'tried' | 'asked'> {
  readonly commands: Readonly<Record<string, string>>;
}

async function measureLoads(cases: readonly Case[], quick: boolean): Promise<Loads> {
  await using stack = new AsyncDisposableStack();
  const load = stack.use(startRawLoad());
  const rig: Rig = {
    load,
    durationMs: quick ? 60 : 300,
    tried: new TriedRounds(),
    asked: new Map(),
  };
  const candidates: Candidate[] = [];
  for (const name of ['ours', 'sdk'] as const) {
    const candidate = await startCandidate(name, stack);
    candidates.push(candidate);
    if (!quick) await warmUp(rig, candidate);
  }
  const rounds = { ours: quick ? 1 : 10, sdk: quick ? 1 : 3 };
  for (let round = 0; round < rounds.ours; round += 1) {
    for (const candidate of candidates) {
      if (round >= rounds[candidate.name]) continue;
      const first = round % cases.length;
      for (const fault of [...cases.slice(first), ...cases.slice(0, first)]) {
        await measureCase(rig, candidate, fault);
      }
    }
  }
  const commands = candidates.map(({ name, subject }) => [name, subject.commandLine] as const);
  return { tried: rig.tried, asked: rig.asked, commands: Object.fromEntries(commands) };
}

const METHOD =
  `${CONNECTORS} legacy HTTP servers, all gateways reached with sessions. In the first table each gateway is a fresh one for each ` +
  `fault and asked one thing at a time, whatever answers counted apart: results, errors, no answer in ${WAIT_MS / 1_000} s. Hung ` +
  `takes requests and answers none, dead does not listen, from the start of the gateway or after it has listed; restarted is ` +
  `down for ${DOWN_MS / 1_000} s and has forgotten its sessions. Ours is told to give a call up after ${CALL_TIMEOUT_MS / 1_000} s ` +
  `(idleTimeoutMs); the SDK's client does after 60. The second table is load: calls of the other ${CONNECTORS - 1} (8 in flight) ` +
  `and whole lists (2 in flight) while the first server is healthy, hung, dead or restarting every ${RESTART_EVERY_MS} ms and is ` +
  `called every ${ASK_EVERY_MS} ms; the third is what those calls get. A load whose first request gets no result has no ` +
  'figures but what it got. Cases in turn, each round in another order, the same process of ours in all; limits hold for ' +
  `the median of the ratios of each round (${PINNING}).`;

async function run({ quick, only = '' }: BenchOptions): Promise<BenchResult> {
  const cases = CASES.filter((fault) => fault === 'healthy' || fault.includes(only));
  const { tried, asked, commands } = await measureLoads(quick ? cases.slice(0, 2) : cases, quick);
  await using servers = await startServers();
  const { urls } = servers;
  const found = FAULTS.filter((fault) => fault.includes(only));
  const faults = quick ? found.slice(0, 3) : found;
  const rows = [
    ...(await probeAll([oursKind(urls)], servers, { rounds: quick ? 1 : 2, faults })),
    ...(await probeAll([sdkKind(urls)], servers, { rounds: 1, faults })),
  ];
  const ordered = FAULTS.flatMap((fault) => rows.filter((row) => row.fault === fault));
  const measured = loadTable('load beside one broken server among twenty', tried.rows, 'ours');
  const ours = rows.filter(({ name }) => name === 'ours');
  return {
    method: [METHOD, ...['ours', 'sdk'].map((name) => summaryOf(name, rows, CONNECTORS))].join(' '),
    tables: [
      faultTable('one broken server among twenty', ordered, CONNECTORS),
      tried.complete(measured.table),
      askedTable(asked),
    ],
    targets: [...targetsOf(tried), ...probeTargets(ours, LIMITS)],
    readings: { ...measured.readings, ...probeReadings(rows) },
    commands,
  };
}

/** One broken server must not be noticed by those who use others. */
export const faults: Bench = { name: 'faults', run };
