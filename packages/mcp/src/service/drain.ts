import type { ConnectionDrain } from '../http/connection-drain.ts';

/** How a service is to go. Times in milliseconds. */
export interface DrainOptions {
  /** How long requests on open connections, and new ones, are still answered. */
  readonly lameDuckMs: number;
  /** How long calls under way may take after that. */
  readonly maxMs: number;
  /** Somebody else has the port already: no new connection is taken, so that none comes here. */
  readonly yields: boolean;
}

/** A call that had to be ended with an error. */
export interface CutCall {
  readonly connector: string;
  readonly method: string;
  readonly ageMs: number;
}

/** What became of it. `cut`: calls whose time was up; they got an error, or when it is `stuck` perhaps nothing. */
export interface DrainReport {
  readonly kind: 'ended' | 'stuck';
  readonly cut: readonly CutCall[];
}

/** What is drained. */
export interface DrainParts {
  readonly connections: ConnectionDrain;
  /** Nothing is refreshed any more: what comes next will do that. */
  readonly quiesce: () => Promise<void>;
  /** What only one process may have is let go: the registry, the state folder, exclusive processes. */
  readonly handOver: (maxMs: number) => Promise<void>;
  /** Ends the streams that are open now in order. Called again and again: clients may open others. */
  readonly endStreams: () => void;
  /** Streams that carry answers of calls: they are left open while `callsInFlight`. */
  readonly answerStreams: () => number;
  /** Calls that a client waits for. */
  readonly callsInFlight: () => readonly CutCall[];
  /** Ends what is left with typed errors, then everything else. */
  readonly close: () => Promise<void>;
}

/** How often it is looked whether somebody is still there. */
const LOOK_MS = 50;
/** After its stream has ended a client may ask on the same connection once more before that is closed. */
const AFTER_STREAMS_MS = 500;

/** Everything must be closed by then; what hangs is left to the end of the process. */
const CLOSE_MS = 15_000;

async function wait(ms: number): Promise<void> {
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });
}

async function until(reached: () => boolean, maxMs: number, meanwhile?: () => void): Promise<void> {
  const endMs = performance.now() + maxMs;
  for (;;) {
    meanwhile?.();
    const leftMs = endMs - performance.now();
    if (reached() || leftMs <= 0) return;
    await wait(Math.min(LOOK_MS, leftMs));
  }
}

async function inTime(closed: Promise<unknown>, maxMs: number): Promise<DrainReport['kind']> {
  const { promise, resolve } = Promise.withResolvers<DrainReport['kind']>();
  const timer = setTimeout(() => resolve('stuck'), maxMs);
  void closed.then(() => resolve('ended'));
  const kind = await promise;
  clearTimeout(timer);
  return kind;
}

/** Nobody waits for anything. */
function idle({ connections, answerStreams, callsInFlight }: DrainParts): boolean {
  const streams = answerStreams();
  return connections.busy <= streams && (streams === 0 || callsInFlight().length === 0);
}

/**
 * Takes a service out of use without failing a request (reliability-security.md §6.3, T7): answers go on while clients
 * are told to use other connections, streams are ended in order, calls under way have up to `maxMs`, and what is then
 * left gets an error.
 */
export async function drainService(
  parts: DrainParts,
  { lameDuckMs, maxMs, yields }: DrainOptions,
): Promise<DrainReport> {
  const { connections, endStreams } = parts;
  connections.begin();
  const quiet = parts.quiesce();
  if (yields) connections.stopAccepting();
  // An idle service need not wait: whoever was here within that time may come again.
  const nobody = (): boolean =>
    yields ? connections.open === 0 : connections.quietFor(lameDuckMs);
  await until(nobody, lameDuckMs, yields ? endStreams : undefined);
  connections.stopAccepting();
  const handedOver = parts.handOver(maxMs);
  const leftMs = yields ? 0 : Math.min(AFTER_STREAMS_MS, lameDuckMs);
  await until(() => connections.open === 0, leftMs, endStreams);
  await until(() => idle(parts), maxMs, endStreams);
  const cut = parts.callsInFlight();
  const closed = Promise.allSettled([parts.close(), quiet, handedOver]);
  return { kind: await inTime(closed, CLOSE_MS), cut };
}
