import { createRequire } from 'node:module';
import type { LookupFunction } from 'node:net';
import type * as Undici from 'undici';
import type { Agent, Dispatcher } from 'undici';

/** Bounds of the shared sockets. Durations in milliseconds. */
export interface SharedAgentsOptions {
  /** TCP and TLS connect together. Default 2000: a server that is up answers in one round trip. */
  readonly connectTimeoutMs: number;
  /**
   * How long an idle socket is kept. Default 15000. A server's own `Keep-Alive` hint can only shorten it,
   * and 2 s are taken off the hint, so that we let go before the server does.
   */
  readonly idleSocketMs: number;
  /** Silence after which TCP probes the peer. Default 30000: finds dead peers behind NAT in good time. */
  readonly tcpProbeMs: number;
  /** Age after which a socket takes no new request. Default 300000: DNS changes and drained nodes are noticed. */
  readonly socketLifetimeMs: number;
  /**
   * Backstop for response headers, and for silence within a body. Default 610000. The deadline of a call lies
   * above and counts progress, which HTTP cannot see; this only frees a socket nobody watches any more.
   */
  readonly silenceTimeoutMs: number;
  /** Distinct origins with live sockets, per agent. Default 1024; one more fails at once. */
  readonly maxOrigins: number;
  /**
   * Sockets for requests to one origin. Default 40: one connector's bulkhead (32) and room for cancellations
   * and lists. Give the sum of an origin's connectors, so that none can use up another's share.
   */
  readonly connectionsFor: (origin: string) => number;
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
  connectionsFor: () => 40,
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
  /** Destroys every socket; what is under way fails. */
  close(): Promise<void>;
}

/** The time taken off a server's `Keep-Alive` hint: latency and clocks of both ends. */
const HINT_MARGIN_MS = 2_000;

/** Loaded by the first request: a list that an earlier run kept is served without, and sooner. */
function loadUndici(): typeof Undici {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what `require` returns has no type
  return createRequire(import.meta.url)('undici') as typeof Undici;
}

function createAgent(
  options: SharedAgentsOptions,
  silenceTimeoutMs: number,
  connectionsFor: (origin: string) => number,
): Agent {
  const undici = loadUndici();
  return new undici.Agent({
    connect: {
      timeout: options.connectTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: options.tcpProbeMs,
      ...(options.lookup && { lookup: options.lookup }),
    },
    keepAliveTimeout: options.idleSocketMs,
    keepAliveMaxTimeout: options.idleSocketMs,
    keepAliveTimeoutThreshold: HINT_MARGIN_MS,
    clientTtl: options.socketLifetimeMs,
    headersTimeout: silenceTimeoutMs,
    bodyTimeout: silenceTimeoutMs,
    maxOrigins: options.maxOrigins,
    // One request per socket: a slow answer must not hold up another, and MCP's POSTs are never replayed.
    pipelining: 1,
    // For the same reason: sockets then count requests, and a cancelled request is a closed socket.
    allowH2: false,
    factory: (origin, poolOptions) =>
      new undici.Pool(
        origin,
        Object.assign({}, poolOptions, { connections: connectionsFor(String(origin)) }),
      ),
  });
}

/** Two agents. Whoever creates them closes them, after the upstreams. */
export function createSharedAgents(options: Partial<SharedAgentsOptions> = {}): SharedAgents {
  const all: SharedAgentsOptions = { ...DEFAULT_AGENT_OPTIONS, ...options };
  let requests: Agent | undefined;
  let streams: Agent | undefined;
  let closed = false;
  /** What is asked for after the end must fail, and not open a socket. */
  const made = (agent: Agent): Agent => {
    if (closed) void agent.destroy();
    return agent;
  };
  return {
    get requests() {
      return (requests ??= made(createAgent(all, all.silenceTimeoutMs, all.connectionsFor)));
    },
    get streams() {
      // No timeouts here: some servers send not even headers before the first event.
      return (streams ??= made(createAgent(all, 0, () => all.streamsPerOrigin)));
    },
    async close() {
      closed = true;
      await Promise.all([requests?.destroy(), streams?.destroy()]);
    },
  };
}
