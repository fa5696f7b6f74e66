import { setTimeout as delay } from 'node:timers/promises';
import { listPlace } from './lib/call-rows.ts';
import { measureRound, type Candidate, type LoadRound } from './lib/compare-load.ts';
import { loadTable, ratioTarget, type ComparedRow, type LoadTable } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import { callTemplate, payloadJson } from './lib/message-bytes.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import type { LoadPlace } from './lib/raw-load-protocol.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult, Target } from './lib/report.ts';
import { startSubject, type Subject } from './lib/subject.ts';

const CONNECTORS = 20;
const CASES = ['healthy', 'hung', 'dead', 'restarting'] as const;
type Case = (typeof CASES)[number];
const LOADS = ['call', 'list'] as const;
/** How often the broken server is asked meanwhile, and how many requests may wait for it. */
const ASK_EVERY_MS = 20;
const MAX_WAITING = 64;
const RESTART_EVERY_MS = 300;
/** What "unmoved" allows for noise. */
const UNMOVED_P50 = 1.2;
const UNMOVED_P99 = 1.5;

/** That of most servers today; the official SDK 1 keeps no lists, which is what makes its gateway stall. */
const ERA = 'legacy';
/** A round in which not even the first answer came within 3 s. */
const STALLED: LoadRound = {
  calls: 1,
  failed: 1,
  seconds: 3,
  p50Us: 3e6,
  p95Us: 3e6,
  p99Us: 3e6,
  maxUs: 3e6,
  loadCpuUs: 0,
  cpuUs: 0,
  gcUs: 0,
  rssBytes: 0,
  foreignCores: 0,
};
const ARGS = payloadJson(200, 'string');
const nameOf = (index: number): string => `server-${String(index).padStart(3, '0')}__r512`;

function placeFor(what: (typeof LOADS)[number], url: string): LoadPlace {
  if (what === 'list') return listPlace(ERA, url, 2);
  const healthy = Array.from({ length: CONNECTORS - 1 }, (_, index) => nameOf(index + 1));
  const requests = healthy.map((name) => callTemplate(ERA, name, ARGS));
  return { url, requests, session: true, connections: 8, minBytes: 400 };
}

/** Asks the first server again and again, as its users would; returns what ends that. */
function askBroken(url: string): () => void {
  const { headers, tail } = callTemplate('modern', nameOf(0), ARGS);
  const pairs = headers.map((line) => line.split(': ', 2) as [string, string]);
  const ended = new AbortController();
  let waiting = 0;
  const timer = setInterval(() => {
    if (waiting >= MAX_WAITING) return;
    waiting += 1;
    const body = `{"jsonrpc":"2.0","id":1${tail}`;
    fetch(url, { method: 'POST', headers: pairs, body, signal: ended.signal })
      .then(async (response) => await response.arrayBuffer())
      .catch(() => undefined)
      .finally(() => {
        waiting -= 1;
      });
  }, ASK_EVERY_MS);
  return () => {
    clearInterval(timer);
    ended.abort();
  };
}

/** Breaks the first server; what comes back mends it. */
async function breakFirst(servers: RawServers, fault: Case): Promise<() => Promise<void>> {
  if (fault === 'hung') await servers.setFault(0, 'hang');
  if (fault === 'dead') await servers.setFault(0, 'dead');
  const ended = new AbortController();
  const restart = async (): Promise<void> => {
    for (let down = true; !ended.signal.aborted; down = !down) {
      await servers.setFault(0, down ? 'dead' : 'none');
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

interface Rig {
  readonly load: RawLoad;
  readonly servers: RawServers;
  readonly subjects: readonly (readonly [name: string, subject: Subject])[];
  readonly durationMs: number;
}

async function measureCase(rig: Rig, fault: Case, rows: Map<string, LoadRound[]>): Promise<void> {
  const { load, servers, subjects, durationMs } = rig;
  for (const [name, subject] of subjects) {
    const mend = await breakFirst(servers, fault);
    const stop = askBroken(subject.url);
    // The breakage is known, where it can be known.
    await delay(200);
    for (const what of LOADS) {
      const candidate: Candidate = { name, subject, place: placeFor(what, subject.url) };
      const helpers = [servers.pid];
      const round = await measureRound({ load, helpers, durationMs }, candidate).catch(async () => {
        await load.close();
        return STALLED;
      });
      const key = `${what}, ${fault}|${name}`;
      rows.set(key, [...(rows.get(key) ?? []), round]);
    }
    stop();
    await mend();
    await delay(fault === 'healthy' ? 0 : 300);
  }
}

function targetsOf({ median }: LoadTable): readonly Target[] {
  const ratio = (what: string, fault: Case, figure: 'p50Us' | 'p99Us'): number =>
    median(`${what}, ${fault}`, 'ours', figure) / median(`${what}, healthy`, 'ours', figure);
  const limits = [
    ['p50', 'p50Us', UNMOVED_P50],
    ['p99', 'p99Us', UNMOVED_P99],
  ] as const;
  return LOADS.flatMap((what) =>
    CASES.slice(1).flatMap((fault) =>
      limits.flatMap(([name, figure, atMost]) =>
        ratioTarget(`${what} ${name}, one of ${CONNECTORS} ${fault}`, ratio(what, fault, figure), {
          atMost,
        }),
      ),
    ),
  );
}

async function warmUp({ load, subjects }: Rig): Promise<void> {
  for (const [name, subject] of subjects) {
    for (const what of LOADS) {
      await measureRound(
        { load, helpers: [], durationMs: 800 },
        { name, subject, place: placeFor(what, subject.url) },
      );
    }
  }
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(
    await startRawServers({ era: ERA, count: CONNECTORS, tools: ['r512'], listed: 9 }),
  );
  const connectors = connectorsOf(servers.urls);
  const ours = stack.use(await startSubject({ kind: 'ours', connectors, settings: {} }));
  const sdk = stack.use(await startSubject({ kind: 'sdk', era: ERA, urls: servers.urls }));
  const subjects = [
    ['ours', ours],
    ['sdk', sdk],
  ] as const;
  const load = stack.use(startRawLoad());
  const rig: Rig = { load, servers, subjects, durationMs: quick ? 60 : 1_000 };
  if (!quick) await warmUp(rig);
  const rounds = new Map<string, LoadRound[]>();
  for (let round = 0; round < (quick ? 1 : 5); round += 1) {
    for (const fault of quick ? CASES.slice(0, 2) : CASES) await measureCase(rig, fault, rounds);
  }
  const rows = LOADS.flatMap((what) =>
    CASES.map((fault): ComparedRow => {
      const name = `${what}, ${fault}`;
      const found = subjects.flatMap(([subject]) => {
        const all = rounds.get(`${name}|${subject}`);
        return all === undefined ? [] : [[subject, all] as const];
      });
      return { name, rounds: new Map(found) };
    }),
  );
  const table = loadTable('one broken server among twenty', rows, 'ours');
  return {
    method:
      `${CONNECTORS} legacy HTTP servers, the first one healthy, hung (takes requests, answers none), dead (does not ` +
      `listen) or restarting every ${RESTART_EVERY_MS} ms, while it is called every ${ASK_EVERY_MS} ms. Measured are calls of ` +
      `the other ${CONNECTORS - 1} (8 in flight) and whole lists (2 in flight). An answer that is not there 3 s after the ` +
      `round counts as failed, with the time it was waited for; 3 s at p50 means that not even the first answer ` +
      `came. Subjects in turn (${PINNING}).`,
    tables: [table.table],
    targets: targetsOf(table),
    readings: table.readings,
    commands: { ours: ours.commandLine, sdk: sdk.commandLine },
  };
}

/** One broken server must not be noticed by those who use others. */
export const faults: Bench = { name: 'faults', run };
