import pLimit from 'p-limit';
import { pino, type Logger } from 'pino';
import { processEnvironment } from '../config/environment.ts';
import { packageVersion } from '../config/package-version.ts';
import type { CreateUpstream } from '../connectors/entry/connector-entry.ts';
import { createPublicLookup } from '../connectors/map/public-lookup.ts';
import { createReaper } from '../upstream/process/reaper.ts';
import { createSharedAgents } from '../upstream/streamable-http/agent.ts';
import { DEFAULT_SETTINGS } from './default-settings.ts';
import { createUpstreamFactory } from './upstream-factory.ts';

export interface ConnectorUpstreamsOptions {
  /** Uniform in [0, 1), as for the manager: `Math.random`. Spreads retries. */
  readonly random: () => number;
  /** For references in definitions, and what child processes inherit from. Default: this process's. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** What servers are told. Default: `cortex-mcp` and its version. */
  readonly clientInfo?: { readonly name: string; readonly version: string } | undefined;
  /** `host` or `host:port`, lower case, of remote connectors that may be at a private address. Default: none. */
  readonly allowHosts?: readonly string[] | undefined;
  /** Processes that may start at the same time. Default: twice the processors. */
  readonly processStartConcurrency?: number | undefined;
  /** Default: silent. */
  readonly logger?: Logger | undefined;
}

/** Connections to servers, over sockets that all connectors share. */
export interface ConnectorUpstreams extends AsyncDisposable {
  /** What a `ConnectorProxyManager` makes its upstreams with. */
  readonly createUpstream: CreateUpstream;
  /** Destroys the sockets, and kills what processes left behind: after the manager's `disconnect`. Idempotent. */
  close(): Promise<void>;
}

/**
 * What a `ConnectorProxyManager` needs to reach its servers: HTTP of both eras, HTTP+SSE and processes, with breakers and
 * bulkheads, as in the service. Nothing connects before the manager does. Connectors that log in by OAuth need the
 * whole service (`createGateway`).
 */
export function createConnectorUpstreams(options: ConnectorUpstreamsOptions): ConnectorUpstreams {
  const { allowHosts = [], logger = pino({ level: 'silent' }) } = options;
  const { processStartConcurrency = DEFAULT_SETTINGS.processStartConcurrency } = options;
  const remoteLookup = createPublicLookup(allowHosts);
  const agents = createSharedAgents();
  const remoteAgents = createSharedAgents({ lookup: remoteLookup });
  const reaper = createReaper();
  const createUpstream = createUpstreamFactory({
    agents,
    remoteAgents,
    remoteLookup,
    reaper,
    baseEnv: options.env ?? processEnvironment(),
    clientInfo: options.clientInfo ?? { name: 'cortex-mcp', version: packageVersion() },
    limitStart: pLimit(Math.max(1, processStartConcurrency)),
    random: options.random,
    logger,
  });
  const close = async (): Promise<void> => {
    await Promise.all([agents.close(), remoteAgents.close(), reaper.close()]);
  };
  return { createUpstream, close, [Symbol.asyncDispose]: close };
}
