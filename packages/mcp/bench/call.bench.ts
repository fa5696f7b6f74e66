import { tempFolder } from '@cortex-os/testkit';
import type { ConnectorDefinition } from '../src/connectors/connector.ts';
import {
  CALLED_TOOLS,
  callRows,
  clientEraOf,
  placeOf,
  rowName,
  type CallPath,
  type CallRow,
} from './lib/call-rows.ts';
import {
  AUDITED,
  callTargets,
  LIMITED,
  NO_SLACK,
  ROOMY_PROXY,
  SMALL,
  SMALL_ALONE,
  SMALL_LEGACY,
} from './lib/call-targets.ts';
import { compareLoad, type Candidate } from './lib/compare-load.ts';
import { FIRST_PREFIX, stdioCommand, stdioConnector } from './lib/connectors.ts';
import { loadNotes } from './lib/load-notes.ts';
import { loadTable, type ComparedRow } from './lib/load-table.ts';
import { connectorsOf } from './lib/measure-pass.ts';
import type { WireEra } from './lib/message-bytes.ts';
import { nginxVersion, startNginx } from './lib/nginx.ts';
import { PINNING } from './lib/pin.ts';
import { startRawLoad, type RawLoad } from './lib/raw-load.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import type { Bench, BenchOptions, BenchResult } from './lib/report.ts';
import { childrenOf, startSubject, type Subject } from './lib/subject.ts';

/** The SDK gateways are left out where they would need minutes, or more memory than there is. */
const SDK_MAX_BYTES = 10_240;
const SDK_MAX_IN_FLIGHT = 32;

interface Pace {
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmUpMs: number;
}
const PACE: Pace = { rounds: 6, durationMs: 200, warmUpMs: 500 };
/** At 1 in flight there are few calls a second, and those the engine compiles code beside are the slowest of them. */
const ALONE_WARM_UP_MS = 8_000;
/** And of those of 200 ms, the slowest in a hundred are five. */
const ALONE_MS = 1_000;
/** Where something else has a limit: until code is compiled and memory is as large as it gets. */
const LIMITED_WARM_UP_MS = 3_000;
/** Of the rows that fill the matrix. */
const BRIEF_PACE: Pace = { rounds: 4, durationMs: 200, warmUpMs: 400 };
/** Of those of them with so much under way that 200 ms answer none or all of it. */
const CROWDED_PACE: Pace = { rounds: 4, durationMs: 600, warmUpMs: 600 };
const CROWDED_BYTES = 16 * 1_048_576;
const QUICK_PACE: Pace = { rounds: 1, durationMs: 60, warmUpMs: 0 };

/** Everything that answers on one path. */
interface Rig extends AsyncDisposable {
  readonly servers: RawServers | undefined;
  readonly candidates: readonly (Omit<Candidate, 'place'> & {
    readonly prefix: string;
    readonly era: WireEra;
  })[];
}

function serverSubject(servers: RawServers): Subject {
  const url = servers.urls[0] ?? '';
  // Started and ended by the rig.
  return {
    ...servers,
    url,
    commandLine: 'the servers',
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function stdioRig(era: WireEra, base: string | undefined): Promise<Rig> {
  const [command = '', ...args] = stdioCommand(era, CALLED_TOOLS);
  const stack = new AsyncDisposableStack();
  const connectors = [stdioConnector(era, CALLED_TOOLS)];
  const ours = await ourSubjects(connectors, base, stack);
  const relay = stack.use(await startSubject({ kind: 'relay', command, args }));
  return {
    servers: undefined,
    candidates: [
      ...ours.map(({ name, subject }) => ({ name, subject, prefix: FIRST_PREFIX, era })),
      // It knows no sessions: the same requests without one.
      { name: 'relay', subject: relay, prefix: '', era: 'modern' },
    ],
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

/** This code, and that of another checkout where one was given. */
async function ourSubjects(
  connectors: readonly ConnectorDefinition[],
  base: string | undefined,
  stack: AsyncDisposableStack,
): Promise<readonly { readonly name: string; readonly subject: Subject }[]> {
  const start = async (source?: string): Promise<Subject> =>
    stack.use(await startSubject({ kind: 'ours', connectors, settings: {}, source }));
  const ours = { name: 'ours', subject: await start() };
  return base === undefined ? [ours] : [ours, { name: 'base', subject: await start(base) }];
}

/** Cortex MCP with the log of every call that it keeps when it has a state folder. */
async function auditedSubject(
  connectors: readonly ConnectorDefinition[],
  stack: AsyncDisposableStack,
): Promise<Subject> {
  const { path } = stack.use(tempFolder());
  return stack.use(await startSubject({ kind: 'ours', connectors, settings: {}, auditTo: path }));
}

async function httpRig(path: CallPath, base: string | undefined): Promise<Rig> {
  const era = clientEraOf(path);
  const serverEra: WireEra = path.includes('→modern') ? 'modern' : 'legacy';
  const stack = new AsyncDisposableStack();
  const events = path.endsWith('events');
  const options = { era: serverEra, count: 1, tools: CALLED_TOOLS, listed: 2, events };
  const servers = stack.use(await startRawServers(options));
  const url = servers.urls[0] ?? '';
  const connectors = connectorsOf(servers.urls);
  const ours = await ourSubjects(connectors, base, stack);
  const proxy = stack.use(await startSubject({ kind: 'proxy', url, piped: false }));
  const audited = await auditedSubject(connectors, stack);
  const noSlack = stack.use(
    await startSubject({ kind: 'ours', connectors, settings: {}, heapSlackMiB: 0 }),
  );
  const roomy = stack.use(
    await startSubject({ kind: 'proxy', url, piped: false, heapSlackMiB: 32 }),
  );
  const plain = { prefix: '', era: serverEra };
  const candidates = [
    ...ours.map(({ name, subject }) => ({ name, subject, prefix: FIRST_PREFIX, era })),
    { name: AUDITED, subject: audited, prefix: FIRST_PREFIX, era },
    { name: NO_SLACK, subject: noSlack, prefix: FIRST_PREFIX, era },
    // What cannot translate speaks the server's era.
    { name: 'proxy', subject: proxy, ...plain },
    { name: ROOMY_PROXY, subject: roomy, ...plain },
    { name: 'direct', subject: serverSubject(servers), ...plain },
  ];
  if (era === serverEra) {
    const piped = stack.use(await startSubject({ kind: 'proxy', url, piped: true }));
    candidates.push({ name: PIPED, subject: piped, ...plain });
    if (nginxVersion() !== undefined) {
      candidates.push({ name: 'nginx', subject: stack.use(await startNginx(url)), ...plain });
    }
    const sdk = stack.use(await startSubject({ kind: 'sdk', era, urls: servers.urls }));
    candidates.push({ name: 'sdk', subject: sdk, prefix: FIRST_PREFIX, era });
  }
  return { servers, candidates, [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}

async function startRig(path: CallPath, base: string | undefined): Promise<Rig> {
  if (path.endsWith('stdio')) return await stdioRig(clientEraOf(path), base);
  return await httpRig(path, base);
}

function fits(row: CallRow, candidate: string): boolean {
  if (row.brief === true) return BRIEF.has(candidate);
  if (candidate === AUDITED) return rowName(row) === SMALL || rowName(row) === SMALL_LEGACY;
  const bytes = Math.max(row.args.bytes, row.result.bytes);
  if (candidate === ROOMY_PROXY) return bytes === LARGEST;
  if (candidate === NO_SLACK) return bytes === LARGEST || rowName(row) === SMALL;
  // Streaming pays where bodies are large, and is shown to cost where they are small.
  if (candidate === PIPED) return bytes === LARGEST || row.inFlight === 32;
  if (candidate !== 'sdk') return true;
  return bytes <= SDK_MAX_BYTES && row.inFlight <= SDK_MAX_IN_FLIGHT;
}

const PIPED = 'proxy, piped';
const LARGEST = 1_048_576;
/** Who is measured in the rows that fill the matrix. */
const BRIEF: ReadonlySet<string> = new Set(['ours', 'base', 'proxy', 'relay']);

/** How a row is measured: more rounds of those that a limit is set for. */
function paceOf(
  row: CallRow,
  pace: Pace,
): Pace & { readonly close: readonly string[]; readonly closeMs?: number } {
  if (pace === QUICK_PACE) return { ...pace, close: [] };
  if (row.brief === true) {
    const bytes = Math.max(row.args.bytes, row.result.bytes) * row.inFlight;
    return { ...(bytes < CROWDED_BYTES ? BRIEF_PACE : CROWDED_PACE), close: [] };
  }
  const name = rowName(row);
  const limited = LIMITED.get(name);
  if (limited === undefined) return { ...pace, close: [] };
  const close = [...limited, 'base'];
  if (name !== SMALL_ALONE) return { ...pace, close, warmUpMs: LIMITED_WARM_UP_MS };
  const durationMs = ALONE_MS;
  return { ...pace, close, closeMs: durationMs, durationMs, warmUpMs: ALONE_WARM_UP_MS };
}

interface Measuring {
  readonly load: RawLoad;
  readonly pace: Pace;
  readonly base: string | undefined;
  /** Filled with how each candidate was started. */
  readonly commands: Map<string, string>;
}

async function measurePath(
  path: CallPath,
  rows: readonly CallRow[],
  { load, pace, commands, base }: Measuring,
): Promise<readonly ComparedRow[]> {
  await using rig = await startRig(path, base);
  const found: ComparedRow[] = [];
  for (const { name, subject } of rig.candidates) commands.set(name, subject.commandLine);
  // Servers on standard streams belong to the bench as well.
  const children = rig.candidates.flatMap(({ subject }) => childrenOf(subject.pid));
  for (const row of rows) {
    const candidates = rig.candidates
      .filter(({ name }) => fits(row, name))
      .map(({ name, subject, prefix, era }) => {
        return { name, subject, place: placeOf(row, { url: subject.url, prefix, era }) };
      });
    const helpers = rig.servers === undefined ? [] : [rig.servers.pid];
    found.push({
      name: rowName(row),
      rounds: await compareLoad({
        load,
        candidates,
        helpers,
        children,
        ...paceOf(row, pace),
      }),
    });
  }
  return found;
}

async function run({ quick, only, base }: BenchOptions): Promise<BenchResult> {
  const rows = callRows(quick).filter((row) => only === undefined || rowName(row).includes(only));
  const pace = quick ? QUICK_PACE : PACE;
  await using load = startRawLoad();
  const commands = new Map<string, string>();
  const found: ComparedRow[] = [];
  for (const path of new Set(rows.map((row) => row.path))) {
    const ofPath = rows.filter((row) => row.path === path);
    found.push(...(await measurePath(path, ofPath, { load, pace, commands, base })));
  }
  const table = loadTable('calls', found);
  return {
    method:
      'tools/call, closed loop on bare sockets; load, subject and server are three processes ' +
      `(${PINNING}). Subjects in turn, each round in another order; ${pace.rounds} rounds of ${pace.durationMs} ms and, ` +
      `of those that a limit is set for, 24 more of 200 ms (${ALONE_MS / 1_000} s where latency has one); those during which others took more than 0.3 cores left out; ` +
      `median (lowest–highest). ${pace.warmUpMs / 1_000} s before them nobody counts, ${LIMITED_WARM_UP_MS / 1_000} s where there is a limit, ${ALONE_WARM_UP_MS / 1_000} s where latency has one. ` +
      'Limits hold for the median of the ratios of each round. cpu is user and system time of the ' +
      "subject's process, by its own accounting, of nginx's worker from /proc; gc is what of it the collector held the event loop up (0 where nobody watched). `proxy` is node:http with undici's dispatch, " +
      'requests collected first; `proxy, piped` streams them; `direct` is the server alone, with its ' +
      'own cpu; `sdk` is a gateway of the official SDK 2 (modern) or 1 (legacy, answering JSON); `relay` is node:http in ' +
      'front of the pipes of one process, ids swapped and nothing parsed. On mixed paths what cannot translate speaks the ' +
      "server's era. Legacy clients have a session for each connection. Rows that fill the matrix (10 KB, 100 KB and 1 MB at " +
      '1, 32 and 256 in flight) are there for ours and the proxy or relay, ' +
      `in ${BRIEF_PACE.rounds} rounds of ${BRIEF_PACE.durationMs} ms, or of ${CROWDED_PACE.durationMs} ms where 16 MB and more are under way. Ours runs with ` +
      '`maxInFlight` 1,000 for each connector, and the proxy with as many sockets: by default ours refuses what is above 32 in flight and 64 waiting, and a refusal ' +
      'would be cheaper than a call at 256 in flight. ' +
      `\`${NO_SLACK}\` leaves it to V8 when all of its heap is marked (decision 0038), as the proxy does; \`${ROOMY_PROXY}\` is the proxy with that room.`,
    tables: [table.table],
    targets: callTargets(table, found),
    readings: table.readings,
    notes: [
      ...(nginxVersion() === undefined
        ? ['rows of nginx are left out: it is not installed']
        : [`nginx is ${nginxVersion()}`]),
      `the SDK gateways are left out above ${SDK_MAX_BYTES} bytes and ${SDK_MAX_IN_FLIGHT} in flight`,
      ...loadNotes(found),
    ],
    commands: Object.fromEntries(commands),
  };
}

/** What a call costs and how long it takes, beside a bare proxy, nginx and a gateway of the SDKs. */
export const call: Bench = { name: 'call', run };
