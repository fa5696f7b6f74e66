import type { ConnectorDefinition } from '../../connectors/connector.ts';
import { HEADER, LATEST_LEGACY, eraOf } from '../../protocol/revision.ts';
import type { SharedAgents } from '../streamable-http/agent.ts';
import type { Where } from '../streamable-http/http-error.ts';
import { isJsonObject } from '../streamable-http/http-message.ts';
import {
  createHttpWire,
  type ClientIdentity,
  type HttpWire,
} from '../streamable-http/http-wire.ts';
import type { LegacyGreeting } from '../http-legacy/legacy-session.ts';
import { SseLink, type SseLinkOptions } from './legacy-sse-link.ts';
import { OwnRequest, toOwnRequest } from '../own-request.ts';
import type { ForwardHandle, ForwardSink, RequestOptions, UpstreamInfo } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

/** A session of the HTTP+SSE transport after its handshake. */
export interface SseSession {
  readonly info: UpstreamInfo;
  readonly link: SseLink;
}

export interface SseSessionOptions extends Omit<SseLinkOptions, 'ready'> {
  readonly greeting: LegacyGreeting;
  readonly timeoutMs: number;
  /** Aborted with an UpstreamError, which is then the failure. */
  readonly signal: AbortSignal;
  /** The stream is up, and the handshake begins. */
  readonly onHandshake: () => void;
}

/** The wires of a connector: for messages, and for the stream. */
export interface SseWires {
  readonly wire: HttpWire;
  readonly streamWire: HttpWire;
}

/**
 * The wires of a connector: for messages, and for the stream.
 * @throws UpstreamError `CONFIG_INVALID`.
 */
export function createSseWires(
  definition: ConnectorDefinition,
  agents: SharedAgents,
  clientInfo: ClientIdentity,
): SseWires {
  const { transport } = definition;
  const asHttp =
    transport?.kind === 'sse'
      ? { ...definition, transport: { ...transport, kind: 'http' as const } }
      : definition;
  const wire = createHttpWire(asHttp, { agents, clientInfo });
  const { connectorId, origin, path, headers, timeouts } = wire;
  const rest = { connectorId, origin, path, headers, timeouts };
  return {
    wire,
    streamWire: {
      ...rest,
      get dispatcher() {
        return agents.streams;
      },
    },
  };
}

function readInitializeResult(connectorId: string, text: string): UpstreamInfo {
  const result: unknown = JSON.parse(text);
  const { protocolVersion, capabilities, serverInfo, instructions } = isJsonObject(result)
    ? result
    : {};
  if (typeof protocolVersion !== 'string' || eraOf(protocolVersion) !== 'legacy') {
    const shown = JSON.stringify(protocolVersion)?.slice(0, 40) ?? 'none';
    const why = `the server chose protocol version ${shown}, which we do not speak`;
    throw new UpstreamError('BAD_RESPONSE', why, { connectorId, phase: 'handshake' });
  }
  return {
    era: 'legacy',
    protocolVersion,
    capabilities: isJsonObject(capabilities) ? capabilities : {},
    serverInfo: isJsonObject(serverInfo) ? serverInfo : undefined,
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

/** One request of our own, however it is sent. @throws UpstreamError */
export async function ask(
  where: Where,
  options: RequestOptions,
  send: (sink: ForwardSink) => ForwardHandle,
): Promise<string> {
  return new Promise((resolve, reject) => {
    new OwnRequest(where, options, { resolve, reject }).start(send);
  });
}

async function initialize(link: SseLink, options: SseSessionOptions): Promise<UpstreamInfo> {
  const { connectorId } = options.wire;
  const { greeting, timeoutMs, signal } = options;
  const request = toOwnRequest('initialize', [
    { key: 'protocolVersion', text: JSON.stringify(LATEST_LEGACY) },
    { key: 'capabilities', text: JSON.stringify(greeting.capabilities) },
    { key: 'clientInfo', text: JSON.stringify(greeting.clientInfo) },
  ]);
  const text = await ask(link.where, { signal, timeoutMs }, (sink) => link.send(request, sink));
  return readInitializeResult(connectorId, text);
}

/**
 * Opens the stream, waits for its endpoint and shakes hands. What fails is closed.
 * @throws UpstreamError phase `connect` or `handshake`.
 */
export async function openSseSession(options: SseSessionOptions): Promise<SseSession> {
  const endpoint = Promise.withResolvers<void>();
  let isOpen = false;
  const link = new SseLink({
    ...options,
    ready: () => endpoint.resolve(),
    down: (error) => {
      endpoint.reject(error);
      if (isOpen) options.down(error);
    },
  });
  const onAbort = (): void => {
    const reason: unknown = options.signal.reason;
    const { connectorId } = options.wire;
    const closed = { connectorId, phase: link.phase };
    const error =
      reason instanceof UpstreamError
        ? reason
        : new UpstreamError('CLOSED', 'connecting was given up', closed);
    link.end(error);
    endpoint.reject(error);
  };
  options.signal.addEventListener('abort', onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  else link.open();
  try {
    await endpoint.promise;
    link.phase = 'handshake';
    options.onHandshake();
    const info = await initialize(link, options);
    link.setHeaders([HEADER.protocolVersion, info.protocolVersion]);
    await link.noticed('{"jsonrpc":"2.0","method":"notifications/initialized"}');
    if (link.failure !== undefined) throw link.failure;
    link.phase = 'ready';
    isOpen = true;
    return { info, link };
  } catch (error) {
    const failure = link.failure ?? (error instanceof UpstreamError ? error : undefined);
    link.end(
      failure ??
        new UpstreamError('BAD_RESPONSE', `the handshake failed: ${String(error)}`, {
          connectorId: options.wire.connectorId,
          phase: 'handshake',
          cause: error,
        }),
    );
    throw link.failure ?? error;
  } finally {
    options.signal.removeEventListener('abort', onAbort);
  }
}
