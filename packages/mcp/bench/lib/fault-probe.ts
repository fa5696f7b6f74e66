import { setTimeout as delay } from 'node:timers/promises';
import { openFaultClient, type FaultClient, type Way } from './fault-client.ts';
import type { RequestTemplate } from './message-bytes.ts';
import type { Outcome } from './outcome.ts';
import type { RawFault } from './raw-server-protocol.ts';
import type { RawServers } from './raw-server.ts';
import type { Subject } from './subject.ts';

/** What befalls the first server, and when. */
export const FAULTS = [
  'hung from the start',
  'dead from the start',
  'hung',
  'dead',
  'restarted',
  'restarted, called meanwhile',
] as const;
export type ProbeFault = (typeof FAULTS)[number];

/** Longest wait for anything. */
export const WAIT_MS = 5_000;
/** How long a server that restarts is down. */
export const DOWN_MS = 1_000;
const READY_MS = 20_000;
const HEALTHY_ASKS = 20;
const LIST_ASKS = 5;
const BROKEN_ASKS = 5;
const POLL_MS = 20;
/** What was broken is known, where it can be. */
const SETTLE_MS = 200;

/** A gateway, running, and what it is asked. */
interface ProbeSubject {
  readonly subject: Subject;
  readonly url: string;
  readonly way: Way;
  readonly healthy: RequestTemplate;
  readonly broken: RequestTemplate;
  readonly list: RequestTemplate;
}

/** One kind of gateway. Each fault meets a fresh one. */
export interface ProbeKind {
  readonly name: string;
  /** @param early the server is broken already: what is asked next is the first thing it is asked. */
  start(early: boolean): Promise<ProbeSubject>;
}

/** What became of everything that one gateway was asked beside one fault. */
export interface ProbeFound {
  /** Why nothing could be asked. */
  readonly notStarted?: string;
  readonly firstList: readonly Outcome[];
  /** The first list that had the tools of all others, counted from when the first one was asked; else the last one. */
  readonly whole: readonly Outcome[];
  readonly healthy: readonly Outcome[];
  readonly list: readonly Outcome[];
  /** While it is broken. */
  readonly broken: readonly Outcome[];
  /** The first call that worked again, counted from when the server was back; else what the last one became. */
  readonly back: readonly Outcome[];
}

const NOTHING: ProbeFound = {
  firstList: [],
  whole: [],
  healthy: [],
  list: [],
  broken: [],
  back: [],
};

/** One after the other, until one is silent or the time is over. */
async function repeat(
  client: FaultClient,
  request: RequestTemplate,
  times: number,
): Promise<readonly Outcome[]> {
  const found: Outcome[] = [];
  const endsAt = performance.now() + WAIT_MS;
  while (found.length < times) {
    const leftMs = endsAt - performance.now();
    // What is asked shortly before the end would be called silent too soon.
    if (found.length > 0 && leftMs < WAIT_MS / 2) break;
    const outcome = await client.ask(request, Math.round(WAIT_MS));
    found.push(outcome);
    if (outcome.kind === 'silent') break;
  }
  return found;
}

async function askAll(client: FaultClient, subject: ProbeSubject): Promise<ProbeFound> {
  const broken = repeat(client, subject.broken, BROKEN_ASKS);
  const healthy = await repeat(client, subject.healthy, HEALTHY_ASKS);
  const list = await repeat(client, subject.list, LIST_ASKS);
  return { ...NOTHING, healthy, list, broken: await broken };
}

/** Asks again and again until `ended`; one at a time, so that it is a client and no flood. */
async function askUntil(
  client: FaultClient,
  request: RequestTemplate,
  ended: AbortSignal,
): Promise<readonly Outcome[]> {
  const found: Outcome[] = [];
  while (!ended.aborted) {
    found.push(await client.ask(request, WAIT_MS));
    await delay(POLL_MS);
  }
  return found;
}

async function untilBack(client: FaultClient, request: RequestTemplate): Promise<Outcome> {
  const backAt = performance.now();
  let outcome = await client.ask(request, WAIT_MS);
  while (outcome.kind !== 'answered' && performance.now() - backAt < WAIT_MS) {
    await delay(POLL_MS);
    outcome = await client.ask(
      request,
      Math.max(POLL_MS, Math.round(WAIT_MS - performance.now() + backAt)),
    );
  }
  return { ...outcome, ms: performance.now() - backAt };
}

async function restart(
  client: FaultClient,
  servers: RawServers,
  { subject, isCalled }: { readonly subject: ProbeSubject; readonly isCalled: boolean },
): Promise<ProbeFound> {
  await servers.setFault(0, 'dead');
  const ended = new AbortController();
  const asked = isCalled ? askUntil(client, subject.broken, ended.signal) : [];
  await delay(DOWN_MS);
  ended.abort();
  const broken = await asked;
  await servers.setFault(0, 'none');
  const back = await untilBack(client, subject.broken);
  const healthy = await repeat(client, subject.healthy, HEALTHY_ASKS);
  const list = await repeat(client, subject.list, LIST_ASKS);
  return { ...NOTHING, healthy, list, broken, back: [back] };
}

async function startWithin(
  kind: ProbeKind,
  early: boolean,
  servers: RawServers,
): Promise<ProbeSubject | string> {
  const starting = kind
    .start(early)
    .catch((error: unknown) => `does not start: ${(error as Error).message}`);
  if (!early) return await starting;
  const started = await Promise.race([starting, delay(WAIT_MS, undefined)]);
  if (started !== undefined) return started;
  // It goes on when what it waits for is mended, and can then be ended.
  await servers.setFault(0, 'none');
  const late = await starting;
  if (typeof late !== 'string') await late.subject[Symbol.asyncDispose]();
  return `does not serve within ${WAIT_MS / 1_000} s`;
}

/** Gateways may serve before they are complete: whether the first and another server answer in time. */
async function isReady({ url, way, healthy, broken }: ProbeSubject): Promise<boolean> {
  const endsAt = performance.now() + READY_MS;
  while (performance.now() < endsAt) {
    const client = await openFaultClient({ url, way }, WAIT_MS).catch(() => undefined);
    const first = await client?.ask(broken, WAIT_MS);
    const other = await client?.ask(healthy, WAIT_MS);
    client?.close();
    if (first?.kind === 'answered' && other?.kind === 'answered') return true;
    await delay(POLL_MS);
  }
  return false;
}

/** Some take clients before they can serve them. */
async function openWithin(started: ProbeSubject): Promise<FaultClient | string> {
  const endsAt = performance.now() + WAIT_MS;
  let why = '';
  for (let leftMs = WAIT_MS; leftMs > POLL_MS; leftMs = Math.round(endsAt - performance.now())) {
    const client = await openFaultClient(started, leftMs).catch(
      (error: unknown) => (error as Error).message,
    );
    if (typeof client !== 'string') return client;
    why = client;
    await delay(POLL_MS);
  }
  return `no session within ${WAIT_MS / 1_000} s: ${why}`;
}

/** From the first list on; some serve before they know what the others offer. */
async function askEarly(
  client: FaultClient,
  started: ProbeSubject,
  others: number,
): Promise<ProbeFound> {
  const startedAt = performance.now();
  const firstList = await client.ask(started.list, WAIT_MS);
  let last = firstList;
  const isWhole = (): boolean => last.kind === 'answered' && last.servers >= others;
  while (!isWhole() && performance.now() - startedAt < WAIT_MS) {
    await delay(POLL_MS);
    last = await client.ask(started.list, WAIT_MS);
  }
  const whole = { ...last, ms: performance.now() - startedAt };
  return { ...(await askAll(client, started)), firstList: [firstList], whole: [whole] };
}

async function askStarted(
  started: ProbeSubject,
  servers: RawServers,
  fault: ProbeFault,
): Promise<ProbeFound> {
  const client = await openWithin(started);
  if (typeof client === 'string') return { ...NOTHING, notStarted: client };
  try {
    if (fault === 'restarted' || fault === 'restarted, called meanwhile') {
      const isCalled = fault !== 'restarted';
      return await restart(client, servers, { subject: started, isCalled });
    }
    if (fault === 'hung' || fault === 'dead') {
      await servers.setFault(0, rawFaultOf(fault));
      await delay(SETTLE_MS);
      return await askAll(client, started);
    }
    return await askEarly(client, started, servers.urls.length - 1);
  } finally {
    client.close();
  }
}

function rawFaultOf(fault: ProbeFault): RawFault {
  return fault.startsWith('hung') ? 'hang' : 'dead';
}

/** A fresh gateway beside one fault; the servers are whole when it is over. */
export async function probeFault(
  kind: ProbeKind,
  servers: RawServers,
  fault: ProbeFault,
): Promise<ProbeFound> {
  const early = fault.endsWith('from the start');
  if (early) await servers.setFault(0, rawFaultOf(fault));
  try {
    const started = await startWithin(kind, early, servers);
    if (typeof started === 'string') return { ...NOTHING, notStarted: started };
    await using stack = new AsyncDisposableStack();
    stack.use(started.subject);
    if (!early && !(await isReady(started))) {
      return { ...NOTHING, notStarted: `does not serve all within ${READY_MS / 1_000} s` };
    }
    return await askStarted(started, servers, fault);
  } finally {
    await servers.setFault(0, 'none');
  }
}

/** The same of several rounds. */
export function joinFound(all: readonly ProbeFound[]): ProbeFound {
  const notStarted = all.find((one) => one.notStarted !== undefined)?.notStarted;
  return {
    ...(notStarted !== undefined && { notStarted }),
    firstList: all.flatMap(({ firstList }) => firstList),
    whole: all.flatMap(({ whole }) => whole),
    healthy: all.flatMap(({ healthy }) => healthy),
    list: all.flatMap(({ list }) => list),
    broken: all.flatMap(({ broken }) => broken),
    back: all.flatMap(({ back }) => back),
  };
}
