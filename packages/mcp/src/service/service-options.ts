import type { Logger } from 'pino';
import type { AuthServiceOptions } from './auth-part.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { CredentialsOptions } from './credentials-part.ts';
import type { OversightOptions } from './oversight-part.ts';
import type { RegistryServiceOptions } from './registry/registry-part.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { StateOwnerOptions } from './state-owner.ts';
import type { PublishedMapSettings, ServiceMapSettings } from '../connectors/map/map-settings.ts';

/** Settings the service acts on. Times in milliseconds; defaults are those of contract.md. */
export interface ServiceSettings {
  readonly port: number;
  readonly host: string;
  /** Longest wait of a first list. */
  readonly firstListWaitMs: number;
  readonly syncConcurrency: number;
  /** Processes starting at the same time. */
  readonly processStartConcurrency: number;
  readonly refreshIntervalMs: number;
  readonly separator: string;
  /** `MCP_CONNECTOR_PARALLEL_SYNC`: false syncs one connector after the other. */
  readonly parallelSync: boolean;
  /** False (`MCP_CONNECTOR_REFRESH_SYNC`) refreshes only when a list is asked for. */
  readonly backgroundRefresh: boolean;
  /** `MCP_CONNECTOR_SHARED_AGENT`: false gives each connector sockets of its own, closed after each pass. */
  readonly sharedAgent: boolean;
  /** `MCP_CONNECTOR_MANIFEST_CACHE`: false asks the servers for every list. */
  readonly manifestCache: boolean;
  /** Manifests are kept here over a restart; undefined keeps nothing. */
  readonly manifestFolder: string | undefined;
  /** `MCP_LIST_PREBUILT`: false serialises lists per request. */
  readonly listPrebuilt: boolean;
  /** Items on one page of a list. Default 0: whole lists. */
  readonly listPageSize?: number | undefined;
  /** Calls to one connector at a time. Default 32. */
  readonly maxInFlight?: number | undefined;
  /** Calls that wait for one of those to end, and for how long. Default 64, 1000. */
  readonly maxQueued?: number | undefined;
  readonly queueTimeoutMs?: number | undefined;
  /** Calls of all clients at a time, and of one principal. Default 10000, 1000. */
  readonly maxCalls?: number | undefined;
  readonly maxCallsPerPrincipal?: number | undefined;
  /** A stdio server without a call for this long is stopped until it is needed. Default 0: never. */
  readonly idleStopMs?: number | undefined;
  /** `MCP_STDIO_POOL`: true runs stdio servers as `instances` says. Default: one process each. */
  readonly stdioPool?: boolean | undefined;
  /** Serve `/sse` to clients of the older HTTP+SSE transport. Default: false. */
  readonly sse?: boolean | undefined;
  /** Serve the status page at `/`. Default: true, but on a `socketPath`. */
  readonly page?: boolean | undefined;
  /** Listen on this socket path instead of `port`. */
  readonly socketPath?: string | undefined;
}

export interface ServiceOptions extends OversightOptions {
  readonly connectors: readonly ConnectorDefinition[];
  readonly settings: ServiceSettings;
  readonly logger: Logger;
  /** What becomes of connectors and of the service is logged at `debug`: people are shown it otherwise. Default: false. */
  readonly quietEvents?: boolean | undefined;
  /** The environment children inherit an allow-listed part of. */
  readonly baseEnv: Readonly<Record<string, string | undefined>>;
  /** Our own version, as servers and clients are told. */
  readonly version: string;
  /** A map whose connectors join `connectors`; an id of theirs wins. Default: none. */
  readonly serviceMap?: ServiceMapSettings | undefined;
  /** Where the last good map is kept over a restart. Default: nowhere. */
  readonly mapFolder?: string | undefined;
  /** Which processes share the state: one of them writes it at a time. Default: this one, alone. */
  readonly state?: StateOwnerOptions | undefined;
  /** A map to serve to others. Default: none. */
  readonly publishedMap?: PublishedMapSettings | undefined;
  /** The registry of a state folder, whose connectors join `connectors`. Default: none. */
  readonly registry?: RegistryServiceOptions | undefined;
  /** Where credentials of connectors that log in are kept. Default: nowhere, they end with the service. */
  readonly credentials?: CredentialsOptions | undefined;
  /** Who is let in. Default: everybody, on loopback only. */
  readonly auth?: AuthServiceOptions | undefined;
  /** Records passes, syncs, calls and flushes. Whoever gives it closes it. Default: nothing is recorded. */
  readonly tracing?: Tracing | undefined;
  /** Uniform in [0, 1). Default: the platform's. */
  readonly random?: () => number;
  /** When the wait of a first list began, on the clock of `performance.now()`; 0 is the process's start. Default: now. */
  readonly startedAtMs?: number;
  /** Settings with their origins, for `/status`. */
  readonly describeSettings?: () => Readonly<Record<string, unknown>>;
}
