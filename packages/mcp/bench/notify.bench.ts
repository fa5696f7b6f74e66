import { setTimeout as delay } from 'node:timers/promises';
import { waitUntil } from '@cortex-os/testkit';
import { connectorsOf } from './lib/measure-pass.ts';
import { PINNING } from './lib/pin.ts';
import { startRawServers, type RawServers } from './lib/raw-server.ts';
import {
  quantile,
  readingOf,
  shown,
  type Bench,
  type BenchOptions,
  type BenchResult,
  type Reading,
} from './lib/report.ts';
import { startStreamClients, type StreamClients } from './lib/stream-clients.ts';
import { startSubject, type NodeSubject } from './lib/subject.ts';

const SIZES = [10, 100, 1_000] as const;
const ROUNDS = 15;
/** A server that changes its tools again and again is listed at a slower pace. */
const CHANGE_ROUNDS = 3;
const RESOURCE = 'bench://text/1';
const BARE_EVENT = `data: {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"${RESOURCE}"}}\n\n`;
/** Bursts: so many events a second for so long, to a hundred clients. */
const BURST = { clients: 100, perSecond: 200, seconds: 5, rounds: 3 } as const;
const WANTED_P95_MS = 10;
const TIMEOUT_MS = 40_000;

interface Fanout {
  /** Until the last client had it, in milliseconds. */
  readonly allMs: number;
  readonly p50Ms: number;
  readonly cpuUs: number;
}

interface Told {
  readonly clients: StreamClients;
  readonly subject: NodeSubject;
  readonly count: number;
  /** Says it; the time at which that began. */
  readonly tell: () => Promise<number>;
}

async function arrived(
  clients: StreamClients,
  each: number,
): Promise<readonly (readonly number[])[]> {
  let streams: readonly (readonly number[])[] = [];
  await waitUntil(
    async () => {
      streams = await clients.arrivals();
      return streams.every(({ length }) => length >= each);
    },
    { timeoutMs: TIMEOUT_MS, describe: 'every client has been told' },
  );
  return streams;
}

async function fanOut({ clients, subject, count, tell }: Told): Promise<Fanout> {
  await clients.reset();
  const before = await subject.usage();
  const atUs = await tell();
  // No asking meanwhile: that would be work of the same machine.
  await delay(20 + count / 20);
  const streams = await arrived(clients, 1);
  const after = await subject.usage();
  const tookMs = streams.map(([first = Number.NaN]) => (first - atUs) / 1_000);
  return {
    allMs: Math.max(...tookMs),
    p50Ms: quantile(tookMs, 0.5),
    cpuUs: (after.cpuUs - before.cpuUs) / count,
  };
}

interface Way {
  readonly name: string;
  readonly subject: NodeSubject;
  readonly session: boolean;
  readonly tell: () => Promise<number>;
  readonly rounds: number;
}

function waysOf(ours: NodeSubject, bare: NodeSubject, servers: RawServers): readonly Way[] {
  return [
    {
      name: 'ours, resource updated',
      subject: ours,
      session: true,
      tell: async () => await servers.announce(0, 'resource'),
      rounds: ROUNDS,
    },
    {
      name: 'ours, tools changed',
      subject: ours,
      session: true,
      tell: async () => await servers.announce(0, 'tools'),
      rounds: CHANGE_ROUNDS,
    },
    {
      name: 'node:http, one write each',
      subject: bare,
      session: false,
      tell: async () => await bare.broadcast(BARE_EVENT),
      rounds: ROUNDS,
    },
  ];
}

async function openClients(clients: StreamClients, way: Way, count: number): Promise<void> {
  const subscribe = way.session ? RESOURCE : undefined;
  await clients.open({ url: way.subject.url, count, session: way.session, subscribe });
}

/** Latencies in milliseconds of events that come one after the other; those never seen are infinite. */
async function burst(
  servers: RawServers,
  clients: StreamClients,
  seconds: number,
): Promise<readonly number[]> {
  const { perSecond } = BURST;
  await clients.reset();
  const toldAt = await servers.burst(0, perSecond * seconds, perSecond);
  await delay(1_000);
  const streams = await clients.arrivals();
  return streams.flatMap((events) =>
    toldAt.map((atUs, index) => ((events[index] ?? Infinity) - atUs) / 1_000),
  );
}

interface Bursts {
  readonly p95Ms: Reading;
  readonly p99Ms: Reading;
  /** Of all bursts together. */
  readonly lost: number;
}

async function measureBursts(
  servers: RawServers,
  clients: StreamClients,
  quick: boolean,
): Promise<Bursts> {
  const found: (readonly number[])[] = [];
  for (let round = 0; round < (quick ? 1 : BURST.rounds); round += 1) {
    found.push(await burst(servers, clients, quick ? 0.2 : BURST.seconds));
  }
  const seen = found.map((all) => all.filter((ms) => ms !== Infinity));
  const of = (share: number): Reading =>
    readingOf(
      seen.map((all) => quantile(all, share)),
      'ms',
    );
  const lost = found.flat().length - seen.flat().length;
  return { p95Ms: of(0.95), p99Ms: of(0.99), lost };
}

async function run({ quick }: BenchOptions): Promise<BenchResult> {
  await using stack = new AsyncDisposableStack();
  const servers = stack.use(
    await startRawServers({ era: 'legacy', count: 1, tools: ['r512'], listed: 20 }),
  );
  const connectors = connectorsOf(servers.urls);
  const ours = stack.use(await startSubject({ kind: 'ours', connectors, settings: {} }));
  const bare = stack.use(await startSubject({ kind: 'streams' }));
  const clients = stack.use(startStreamClients());
  const readings: Record<string, Reading> = {};
  const rows: string[][] = [];
  const ways = waysOf(ours, bare, servers);
  for (const count of quick ? [10] : SIZES) {
    for (const way of ways) {
      await openClients(clients, way, count);
      const rounds: Fanout[] = [];
      for (let round = 0; round < (quick ? 1 : way.rounds); round += 1) {
        rounds.push(await fanOut({ clients, count, ...way }));
      }
      await clients.close();
      const key = `${way.name}, ${count} clients`;
      const of = (figure: keyof Fanout, unit: string, digits: number): string => {
        const reading = readingOf(
          rounds.map((one) => one[figure]),
          unit,
        );
        readings[`${key}.${figure}`] = reading;
        return shown(reading, digits);
      };
      rows.push([
        String(count),
        way.name,
        of('p50Ms', 'ms', 2),
        of('allMs', 'ms', 2),
        of('cpuUs', 'µs', 1),
      ]);
    }
  }
  const [updated] = ways;
  if (updated === undefined) throw new Error('there are no ways');
  await openClients(clients, updated, BURST.clients);
  const bursts = await measureBursts(servers, clients, quick);
  await clients.close();
  const { p95Ms, p99Ms, lost } = bursts;
  readings['burst.p95Ms'] = p95Ms;
  readings['burst.lost'] = readingOf([lost], '');
  const burstRow = [shown(p95Ms, 2), shown(p99Ms, 2), String(lost)];
  return {
    method:
      "A legacy server tells of a change; time until the median client and until the last one has it, and the gateway's " +
      `cpu for each client told. Server, gateway and clients are three processes (${PINNING}). "tools changed" holds a fetch ` +
      'of the new list and a build of the catalog, ' +
      `at most every 2 s for one server, ${CHANGE_ROUNDS} times; the others ${ROUNDS} times. The bare server is told by a message ` +
      `and writes one event to each stream. Before the next row the clients are gone, with their sessions. ${BURST.rounds} bursts of ` +
      `${BURST.seconds} s; p95 and p99 are of the events that came.`,
    tables: [
      {
        title: 'fan-out',
        headings: ['clients', 'who', 'median client ms', 'last client ms', 'cpu µs/client'],
        rows,
      },
      {
        title: `${BURST.perSecond} updates a second to ${BURST.clients} clients`,
        headings: ['p95 ms', 'p99 ms', 'never seen'],
        rows: [burstRow],
      },
    ],
    targets: [
      {
        what: `${BURST.perSecond} updates a second, p95 (S3-17 broadcast)`,
        wanted: `≤ ${WANTED_P95_MS} ms, none lost`,
        measured: `${p95Ms.median.toFixed(2)} ms, ${lost} lost`,
        met: p95Ms.median <= WANTED_P95_MS && lost === 0,
      },
    ],
    readings,
  };
}

/** How fast many clients hear of a change. */
export const notify: Bench = { name: 'notify', run };
