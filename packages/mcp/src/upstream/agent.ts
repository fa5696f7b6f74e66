import type { LookupFunction } from 'node:net';
import { Agent, Pool, type Dispatcher } from 'undici';

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

/** The sockets all HTTP connectors share, pooled by origin. */
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

function createAgent(
  options: SharedAgentsOptions,
  silenceTimeoutMs: number,
  connectionsFor: (origin: string) => number,
): Agent {
  return new Agent({
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
      new Pool(
        origin,
        Object.assign({}, poolOptions, { connections: connectionsFor(String(origin)) }),
      ),
  });
}

/** Creates the two agents. Whoever creates them closes them, after the upstreams. */
export function createSharedAgents(options: Partial<SharedAgentsOptions> = {}): SharedAgents {
  const all: SharedAgentsOptions = { ...DEFAULT_AGENT_OPTIONS, ...options };
  const requests = createAgent(all, all.silenceTimeoutMs, all.connectionsFor);
  // No timeouts here: some servers send not even headers before the first event.
  const streams = createAgent(all, 0, () => all.streamsPerOrigin);
  return {
    requests,
    streams,
    async close() {
      await Promise.all([requests.destroy(), streams.destroy()]);
    },
  };
}
