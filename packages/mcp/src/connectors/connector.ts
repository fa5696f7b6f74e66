import { isDeepStrictEqual } from 'node:util';
import type { PinMode } from '../pins/pin-mode.ts';
import type { ConnectorPhase } from '../upstream/upstream-error.ts';
import type { OAuthSettings } from './connector-auth.ts';

/** Where a connector's definition came from; `remote` ones may run no commands (contract.md, trust by origin). */
export type ConnectorOrigin = 'local' | 'remote';

export interface StdioTransport {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Positions in `args` whose texts hold `${file:/path}`, which is read when the process is started. */
  readonly lateArgs?: readonly number[] | undefined;
  /** Set on top of a small inherited environment. */
  readonly env: Readonly<Record<string, string>>;
  /** As `env`, but values hold references (`${NAME}`, `file:/path`) that are resolved when the process is started. */
  readonly lateEnv?: Readonly<Record<string, string>> | undefined;
  /** Absolute; the folder of the config file when the entry names none. */
  readonly cwd: string | undefined;
}

export interface HttpTransport {
  /** Streamable HTTP, either era. */
  readonly kind: 'http';
  readonly url: string;
  /** The address with `${file:/path}` in it, which is read when it is connected; `url` shows `***` in its place. */
  readonly lateUrl?: string | undefined;
  /** Sent with every request to this connector and to no other. */
  readonly headers: Readonly<Record<string, string>>;
  /** As `headers`, but values hold references (`${NAME}`, `file:/path`) that are resolved when it is connected. */
  readonly lateHeaders?: Readonly<Record<string, string>> | undefined;
  /** Tokens are got for it and sent as `Authorization`. Default: none. */
  readonly oauth?: OAuthSettings | undefined;
}

/** Tools of this process; only the service itself makes such connectors. */
export interface InProcessTransport {
  readonly kind: 'in-process';
  /** Which of them. */
  readonly server: string;
}

/** HTTP+SSE of revision 2024-11-05: `url` is that of the event stream. */
export interface SseTransport extends Omit<HttpTransport, 'kind'> {
  readonly kind: 'sse';
}

export type ConnectorTransport = StdioTransport | HttpTransport | SseTransport | InProcessTransport;

/** Bounds on one connector's time, in milliseconds (contract.md, call deadline). */
export interface ConnectorTimeouts {
  /** TCP and TLS connect. Default 2000. */
  readonly connectTimeoutMs: number;
  /** From start of the process or first byte to a finished handshake. Default 30000. */
  readonly handshakeTimeoutMs: number;
  /** One list, all pages. Default 30000. */
  readonly listTimeoutMs: number;
  /** A call without progress. Default 60000. */
  readonly idleTimeoutMs: number;
  /** A call, whatever its progress. Default 600000. */
  readonly maxCallMs: number;
}

export const DEFAULT_TIMEOUTS: ConnectorTimeouts = {
  connectTimeoutMs: 2_000,
  handshakeTimeoutMs: 30_000,
  listTimeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  maxCallMs: 600_000,
};

/** How many calls a connector may be sent; 0 means none are left. Undefined: no limit. */
export interface ConnectorQuotas {
  readonly perMinute?: number | undefined;
  readonly perHour?: number | undefined;
  readonly perDay?: number | undefined;
  /** At the same time. */
  readonly concurrent?: number | undefined;
}

/** Bounds on the calls of one connector (contract.md, bulkhead). */
export interface BulkheadLimits {
  /** Calls on their way at a time. Default 32. */
  readonly maxInFlight: number;
  /** Calls that wait for one of those to end. Default 64. */
  readonly maxQueued: number;
  /** How long they wait. Default 1000. */
  readonly queueTimeoutMs: number;
}

/** Servers that stand for one connector beside each other (S2-17). */
export interface ConnectorReplicas {
  /** Addresses beside that of the transport, with their shares of the calls. */
  readonly more: readonly { readonly url: string; readonly weight: number }[];
  /** Share of the transport's own address. Default 1. */
  readonly weight: number;
  readonly balance: 'round-robin' | 'weighted' | 'least-in-flight' | 'ewma';
  /** Processes that share the calls of a stdio server, with `MCP_STDIO_POOL`. Default 1. */
  readonly instances: number;
}

/** How a process is started, as to its memory: what was asked for and can be heeded on this machine. */
export interface ConnectorMemory {
  /** Where the sizes are from. */
  readonly tier?: 'light' | 'standard' | 'heavy' | undefined;
  /** Largest old generation of Node. Default: Node's own. */
  readonly heapMiB?: number | undefined;
  /** Largest semi-space of Node's young generation. Default: Node's own. */
  readonly semiSpaceMiB?: number | undefined;
  /** A library that is preloaded in place of the allocator of the C library, absolute. Default: none. */
  readonly allocatorPath?: string | undefined;
}

/** A connector as configured. */
export interface ConnectorDefinition {
  /** `^[a-z0-9][a-z0-9-]{0,62}$` */
  readonly id: string;
  /** The name as given. */
  readonly title: string;
  readonly origin: ConnectorOrigin;
  readonly enabled: boolean;
  /** Undefined when `problem` says why there is none. */
  readonly transport: ConnectorTransport | undefined;
  /** `auto` asks the server; the others pin it. */
  readonly era: 'auto' | 'modern' | 'legacy';
  readonly timeouts: ConnectorTimeouts;
  /** `session` gives each client a connection of its own (contract.md, isolation). Default: `shared`. */
  readonly isolation?: 'shared' | 'session' | undefined;
  /** Calls beyond these are refused with `QUOTA_EXCEEDED`. Default: no limit. */
  readonly quotas?: ConnectorQuotas | undefined;
  /** Bounds of its own on calls under way. Default: those of the service. */
  readonly bulkhead?: { readonly [K in keyof BulkheadLimits]?: number | undefined } | undefined;
  /** What its tools say of themselves (`readOnlyHint`, `idempotentHint`) is believed. Default: false. */
  readonly trusted?: boolean | undefined;
  /** Cap on the freshness the server gives its lists. Default: the general cap of 24 h. */
  readonly maxTtlMs?: number | undefined;
  /** A process that has had nothing to do for this long is stopped until it is needed. 0 or undefined: never. */
  readonly idleStopMs?: number | undefined;
  /** A process that, with what it started, holds more resident memory is stopped; the next need starts it again. Default: no limit. */
  readonly maxRssBytes?: number | undefined;
  /** How its process is started, as to memory. Default: as any process. Only entries that may name a command have it. */
  readonly memory?: ConnectorMemory | undefined;
  /** A process that must not run twice: while services overlap, calls wait for the older one to end it. Default: false. */
  readonly exclusive?: boolean | undefined;
  /** More than one server behind this connector. Default: one. */
  readonly replicas?: ConnectorReplicas | undefined;
  /** What becomes of tools that are not as they were approved. Default: the setting `pins.mode`. */
  readonly pins?: PinMode | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Names of the tools its producer announced; the server's own list decides. */
  readonly remoteTools?: readonly string[] | undefined;
  /** Why this entry cannot be used (phase `config`), e.g. an unresolved variable; the others run. */
  readonly problem: string | undefined;
}

/** A definition without what is only shown, or heeded when the connector is next asked for its lists. */
function withoutWords(definition: ConnectorDefinition): object {
  const words = { title: '', description: '', tags: [], remoteTools: [], maxTtlMs: 0 };
  return { ...definition, ...words };
}

/** True when two definitions differ in words about the connector, or in its `maxTtlMs`, at most. */
export function reachedAlike(a: ConnectorDefinition, b: ConnectorDefinition): boolean {
  return isDeepStrictEqual(withoutWords(a), withoutWords(b));
}

/** A failure as status shows it. */
export interface ConnectorFailure {
  readonly phase: ConnectorPhase;
  readonly code: string;
  readonly message: string;
  /** What to do about it, in one line; undefined for codes without any. */
  readonly remedy?: string;
  /** Where the documentation says more. */
  readonly docs?: string;
}

/** The trouble with a connector that somebody switched off. */
export const SWITCHED_OFF: ConnectorFailure = {
  phase: 'config',
  code: 'DISABLED',
  message: 'the connector is disabled',
};

/** That of one which leads to no server at all. */
export const NOWHERE: ConnectorFailure = {
  phase: 'config',
  code: 'CONFIG_INVALID',
  message: 'the connector has neither a command nor a url',
};

/** Sorts by the connectors' ids, by code unit. */
export function byConnectorId(
  a: { readonly definition: ConnectorDefinition },
  b: { readonly definition: ConnectorDefinition },
): number {
  return a.definition.id < b.definition.id ? -1 : 1;
}
