import type { Dispatcher } from 'undici';
import type { ConnectorDefinition, ConnectorTimeouts } from '../../connectors/connector.ts';
import { HEADER } from '../../protocol/revision.ts';
import type { SharedAgents } from './agent.ts';
import type { RoundTrips } from './round-trips.ts';
import { UpstreamError } from '../upstream-error.ts';

/** How we name ourselves to servers. */
export interface ClientIdentity {
  readonly name: string;
  readonly version: string;
}

/** Where one connector's requests go, with everything that is the same for each of them. */
export interface HttpWire {
  readonly connectorId: string;
  readonly dispatcher: Dispatcher;
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** Names and values in turn: ours, then the configured ones. */
  readonly headers: readonly string[];
  readonly timeouts: ConnectorTimeouts;
  /** Of our own requests; undefined when nobody counts them. */
  readonly roundTrips?: RoundTrips | undefined;
}

export interface HttpWireOptions extends Pick<HttpWire, 'roundTrips'> {
  readonly agents: Pick<SharedAgents, 'requests' | 'requestsTo' | 'allowConnect'>;
  readonly clientInfo: ClientIdentity;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const PRINTABLE = /^[\x20-\x7e]*$/;

/** We pass bytes on and bound them: compressed ones could be bounded only by inflating them (S13). */
const PROTOCOL_HEADERS: readonly string[] = [
  'content-type: application/json',
  'accept: application/json, text/event-stream',
  'accept-encoding: identity',
].flatMap((line) => line.split(': '));

/** Headers that frame the message or that the protocol fills in: never taken from configuration (S15). */
const RESERVED: ReadonlySet<string> = new Set([
  'host',
  'content-length',
  'content-type',
  'content-encoding',
  'accept',
  'accept-encoding',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'upgrade',
  'expect',
  'te',
  'trailer',
]);

/** Why a configured header cannot be sent; undefined when it can. Values are never part of the text. */
export function headerProblem(name: string, value: string): string | undefined {
  const lower = name.toLowerCase();
  const shown = JSON.stringify(name);
  if (!TOKEN.test(name)) return `header name ${shown} is not a token`;
  if (RESERVED.has(lower) || lower.startsWith('mcp-')) {
    return `header ${shown} is set by the protocol and cannot be configured`;
  }
  return PRINTABLE.test(value)
    ? undefined
    : `the value of header ${shown} has characters outside printable ASCII`;
}

function configuredHeaders(configured: Readonly<Record<string, string>>, url: URL): string[] {
  const headers: string[] = [];
  for (const [name, value] of Object.entries(configured)) {
    const problem = headerProblem(name, value);
    if (problem !== undefined) throw new TypeError(problem);
    headers.push(name.toLowerCase(), value);
  }
  if ((url.username !== '' || url.password !== '') && !headers.includes('authorization')) {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.push('authorization', `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`);
  }
  return headers;
}

/**
 * Prepares a connector's wire.
 * @throws UpstreamError `CONFIG_INVALID` naming what is wrong, without values.
 */
export function createHttpWire(
  definition: ConnectorDefinition,
  { agents, clientInfo, roundTrips }: HttpWireOptions,
): HttpWire {
  try {
    if (definition.transport?.kind !== 'http') {
      throw new TypeError(definition.problem ?? 'the connector has no HTTP transport');
    }
    const url = new URL(definition.transport.url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      throw new TypeError(`a URL of scheme ${JSON.stringify(url.protocol)} cannot be connected`);
    }
    const { origin } = url;
    agents.allowConnect?.(origin, definition.timeouts.connectTimeoutMs);
    const configured = configuredHeaders(definition.transport.headers, url);
    const headers = [...PROTOCOL_HEADERS, ...configured];
    if (!configured.includes('user-agent')) {
      // Some hosts refuse requests that do not name their sender.
      const agent = `${clientInfo.name}/${clientInfo.version}`;
      headers.push('user-agent', PRINTABLE.test(agent) ? agent : 'mcp-client');
    }
    return {
      connectorId: definition.id,
      get dispatcher() {
        return agents.requestsTo?.(origin) ?? agents.requests;
      },
      origin,
      path: url.pathname + url.search,
      headers,
      timeouts: definition.timeouts,
      roundTrips,
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const details = { connectorId: definition.id, phase: 'config', cause } as const;
    throw new UpstreamError('CONFIG_INVALID', reason, details);
  }
}

/** The server as it is remembered: without the query, which may hold a secret. */
export function memoryKeyOf(wire: HttpWire): string {
  return `${wire.connectorId} ${wire.origin}${wire.path.split('?', 1)[0] ?? ''}`;
}

/** Adds the client's `Mcp-Param-*` headers that can be passed on, names and values in turn. */
export function addParamHeaders(list: string[], headers: Readonly<Record<string, string>>): void {
  for (const name in headers) {
    const value = headers[name] ?? '';
    const lower = name.toLowerCase();
    if (lower.startsWith(HEADER.paramPrefix) && TOKEN.test(lower) && PRINTABLE.test(value)) {
      list.push(lower, value);
    }
  }
}
