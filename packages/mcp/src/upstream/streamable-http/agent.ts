import { createRequire } from 'node:module';
import type { LookupFunction } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type * as Undici from 'undici';
import type { Agent, Dispatcher, Pool } from 'undici';

/** Bounds of the shared sockets. Durations in milliseconds. */
export interface SharedAgentsOptions {
  /**
   * TCP and TLS connect together, where `allowConnect` did not say more. Default 2000: a server that is up answers in
   * one round trip. A connector with less ends its own requests sooner.
   */
  readonly connectTimeoutMs: number;
  /**
   * How long an idle socket is kept. Default 15000. A server's own `Keep-Alive` hint can only shorten it,
   * and 2 s are taken off the hint, so that we let go before the server does.
   */
  readonly idleSocketMs: number;
  /** Silence after which TCP probes the peer. Default 30000: finds dead peers behind NAT in good time. */
  readonly tcpProbeMs: number;
  /**
   * Age after which a socket for requests takes no new one; all are given up together, so that most are younger. Default
   * 300000: DNS changes and drained nodes are noticed.
   */
  readonly socketLifetimeMs: number;
  /**
   * Backstop for response headers, and for silence within a body. Default 610000. The deadline of a call lies
   * above and counts progress, which HTTP cannot see; this only frees a socket nobody watches any more.
   */
  readonly silenceTimeoutMs: number;
  /** Distinct origins with live sockets, per agent. Default 1024; one more fails at once. */
  readonly maxOrigins: number;
  /**
   * Sockets for requests to one origin; null: as many as there are requests. Default null: each connector's calls are
   * bounded before they come here, so that an origin has what its connectors may have together and none can use up
   * another's share.
   */
  readonly connectionsFor: (origin: string) => number | null;
  /** Sockets for long-lived streams to one origin. Default 1024: one per session that listens. */
  readonly streamsPerOrigin: number;
  /** Turns names into addresses, and may refuse to. Default: the system's resolver. */
  readonly lookup?: LookupFunction | undefined;
}

export const DEFAULT_AGENT_OPTIONS: SharedAgentsOptions = {
  connectTimeoutMs: 2_000,
  idleSocketMs: 15_000,
  tcpProbeMs: 30_000,
  socketLifetimeMs: 300_000,
  silenceTimeoutMs: 610_000,
  maxOrigins: 1_024,
  connectionsFor: () => null,
  streamsPerOrigin: 1_024,
};

/**
 * The sockets all HTTP connectors share, pooled by origin. Read a dispatcher when it is used, not before: each is made
 * when it is first read, and may be another the next time.
 */
export interface SharedAgents {
  /** For exchanges that end: calls, lists, handshakes. */
  readonly requests: Dispatcher;
  /** For notification streams, which may be silent for hours; kept apart so that they never hold up a call. */
  readonly streams: Dispatcher;
  /** As `requests`, of one origin: its own sockets where they are open, which the agent need not look for. */
  requestsTo?(origin: string): Dispatcher;
  /** A connector lets connections to this origin take so long. Has to be said before the first request goes there. */
  allowConnect?(origin: string, timeoutMs: number): void;
  /**
   * Loads what requests need before the first of them does, which would hold the event loop up for longer. Never rejects;
   * undefined once that is done.
   */
  prepare?(): Promise<void> | undefined;
  /** What the sockets do now; undefined for an agent that was not used yet. */
  sockets?(kind: 'requests' | 'streams'): SocketCounts | undefined;
  /** Destroys every socket; what is under way fails. */
  close(): Promise<void>;
}

/** Sockets of all origins together. */
export interface SocketCounts {
  readonly busy: number;
  readonly idle: number;
  /** Requests that have no socket yet. */
  readonly waiting: number;
}

function countSockets(agent: Agent): SocketCounts {
  let [busy, idle, waiting] = [0, 0, 0];
  for (const { running = 0, connected = 0, pending = 0 } of Object.values(agent.stats)) {
    busy += running;
    idle += Math.max(0, Number(connected) - running);
    waiting += pending;
  }
  return { busy, idle, waiting };
}

/** The time taken off a server's `Keep-Alive` hint: latency and clocks of both ends. */
const HINT_MARGIN_MS = 2_000;

/** Loaded by the first request: a list that an earlier run kept is served without, and sooner. */
function loadUndici(): typeof Undici {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
  return createRequire(import.meta.url)('undici') as typeof Undici;
}

/** Undefined before anything is loaded in turns, and when it has been. */
let loading: Promise<void> | undefined;
let loaded = false;

/** In turns of the event loop of its own: it takes as long as a dozen requests. */
async function loadInTurns(): Promise<void> {
  await nextTurn();
  try {
    // Half of the time, and more in a process that had no use for them.
    for (const name of ['node:assert', 'node:net', 'node:http', 'node:stream']) {
      process.getBuiltinModule(name);
    }
    await nextTurn();
    loadUndici();
    await nextTurn();
  } catch {
    // The first request fails of it, and says so.
  }
  loaded = true;
}

/** What differs between origins. */
interface PerOrigin {
  connections(origin: string): number | null;
  connectTimeoutMs(origin: string): number;
  /** Told of the sockets to an origin when it has the first of them. */
  made?(origin: string, pool: Pool): void;
}

function createAgent(
  options: SharedAgentsOptions,
  silenceTimeoutMs: number,
  perOrigin: PerOrigin,
): Agent {
  const undici = loadUndici();
  const connect = {
    keepAlive: true,
    keepAliveInitialDelay: options.tcpProbeMs,
    ...(options.lookup && { lookup: options.lookup }),
  };
  return new undici.Agent({
    connect,
    keepAliveTimeout: options.idleSocketMs,
    keepAliveMaxTimeout: options.idleSocketMs,
    keepAliveTimeoutThreshold: HINT_MARGIN_MS,
    headersTimeout: silenceTimeoutMs,
    bodyTimeout: silenceTimeoutMs,
    maxOrigins: options.maxOrigins,
    // One request per socket: a slow answer must not hold up another, and MCP's POSTs are never replayed.
    pipelining: 1,
    factory: (origin, poolOptions) => {
      const name = String(origin);
      const pool = new undici.Pool(
        origin,
        Object.assign({}, poolOptions, {
          // As `pipelining`: sockets then count requests, and a cancelled request is a closed socket. Said to the agent, it
          // would be put behind the origin, by which pools are found, for each request.
          allowH2: false,
          connections: perOrigin.connections(name),
          connect: { ...connect, timeout: perOrigin.connectTimeoutMs(name) },
        }),
      );
      perOrigin.made?.(name, pool);
      return pool;
    },
  });
}

/** The pools of one agent; those whose sockets have all ended are closed, and another takes their place. */
class OpenPools {
  readonly #pools = new Map<string, Pool>();
  readonly #max: number;

  /** @param max how many the agent has open at most. */
  constructor(max: number) {
    this.#max = max;
  }

  get(origin: string): Pool | undefined {
    const pool = this.#pools.get(origin);
    return pool === undefined || pool.closed || pool.destroyed ? undefined : pool;
  }

  readonly add = (origin: string, pool: Pool): void => {
    if (this.#pools.size >= this.#max) {
      for (const [one, { closed }] of this.#pools) if (closed) this.#pools.delete(one);
    }
    this.#pools.set(origin, pool);
  };
}

/** Two agents. Whoever creates them closes them, after the upstreams. */
export function createSharedAgents(options: Partial<SharedAgentsOptions> = {}): SharedAgents {
  const all: SharedAgentsOptions = { ...DEFAULT_AGENT_OPTIONS, ...options };
  let requests: Agent | undefined;
  let streams: Agent | undefined;
  let renewal: NodeJS.Timeout | undefined;
  /** Too old for new requests, and still at work. */
  const leaving = new Set<Agent>();
  let closed = false;
  /** What is asked for after the end must fail, and not open a socket. */
  const made = (agent: Agent): Agent => {
    if (closed) void agent.destroy();
    return agent;
  };
  const allowed = new Map<string, number>();
  const connectTimeoutMs = (origin: string): number => allowed.get(origin) ?? all.connectTimeoutMs;
  /** All at once, and not each socket by itself as undici can: that has every call look at the age of each. */
  const renew = (): void => {
    const old = requests;
    requests = undefined;
    if (old === undefined) return;
    leaving.add(old);
    const left = (): void => void leaving.delete(old);
    // It rejects when it was closed or destroyed meanwhile, which is as well.
    old.close().then(left, left);
  };
  let pools = new OpenPools(all.maxOrigins);
  const makeRequests = (): Agent => {
    pools = new OpenPools(all.maxOrigins);
    const perOrigin = { connections: all.connectionsFor, connectTimeoutMs, made: pools.add };
    clearTimeout(renewal);
    if (!closed) renewal = setTimeout(renew, all.socketLifetimeMs).unref();
    return made(createAgent(all, all.silenceTimeoutMs, perOrigin));
  };
  const shared: SharedAgents = {
    get requests() {
      return (requests ??= makeRequests());
    },
    requestsTo(origin) {
      return pools.get(origin) ?? shared.requests;
    },
    get streams() {
      const perOrigin = { connections: () => all.streamsPerOrigin, connectTimeoutMs };
      // No timeouts here: some servers send not even headers before the first event.
      return (streams ??= made(createAgent(all, 0, perOrigin)));
    },
    allowConnect(origin, timeoutMs) {
      if (timeoutMs <= connectTimeoutMs(origin) || allowed.size >= all.maxOrigins) return;
      allowed.set(origin, timeoutMs);
    },
    prepare(): Promise<void> | undefined {
      return loaded ? undefined : (loading ??= loadInTurns());
    },
    sockets(kind) {
      const agent = kind === 'requests' ? requests : streams;
      return agent && countSockets(agent);
    },
    async close() {
      closed = true;
      clearTimeout(renewal);
      const old = [...leaving].map(async (agent) => await agent.destroy());
      await Promise.all([requests?.destroy(), streams?.destroy(), ...old]);
    },
  };
  return shared;
}
