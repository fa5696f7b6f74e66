import {
  RPC,
  errorObject,
  errorText,
  requestText,
  resultText,
  type JsonRpcId,
} from '../protocol/message.ts';
import { HEADER, LATEST_LEGACY, eraOf } from '../protocol/revision.ts';
import { isJsonObject } from './http-message.ts';
import { headerOf, refusalError, type ResponseHeaders } from './http-refusal.ts';
import { post } from './http-request.ts';
import type { ClientIdentity, HttpWire } from './http-wire.ts';
import type { UpstreamInfo } from './upstream.ts';
import { UpstreamError } from './upstream-error.ts';

/** How long a message nobody waits for may take. */
const NOTICE_TIMEOUT_MS = 5_000;
/** How long leaving may take: the server may be gone. */
const LEAVE_TIMEOUT_MS = 1_000;
/** Messages of ours under way that nobody waits for; a server that provokes more is not answered. */
const MAX_NOTICES = 64;
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/** A legacy session after its handshake. */
export interface LegacySession {
  readonly info: UpstreamInfo;
  /** False for servers that keep no sessions. */
  readonly hasId: boolean;
  /** Everything but the body of the next message. */
  headers(): string[];
  /** Tells the server that we no longer wait for a request. */
  cancel(id: number, reason: string): void;
  /** Answers a request of the server: `ping` is granted, anything else is unknown to us. */
  reply(id: JsonRpcId, method: string): void;
  /** Ends the session at the server. Bounded; never throws. */
  end(): Promise<void>;
}

export interface HandshakeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The server took the connection and a request is on its way. */
  readonly onSent: () => void;
}

function handshakeError(wire: HttpWire, message: string): UpstreamError {
  const { connectorId } = wire;
  return new UpstreamError('BAD_RESPONSE', message, { connectorId, phase: 'handshake' });
}

function readInitializeResult(wire: HttpWire, text: string): UpstreamInfo {
  const result: unknown = JSON.parse(text);
  if (!isJsonObject(result)) throw handshakeError(wire, 'the initialize result is not an object');
  const { protocolVersion, capabilities, serverInfo, instructions } = result;
  if (typeof protocolVersion !== 'string' || eraOf(protocolVersion) !== 'legacy') {
    const shown = JSON.stringify(protocolVersion)?.slice(0, 40) ?? 'none';
    throw handshakeError(wire, `the server chose protocol version ${shown}, which we do not speak`);
  }
  return {
    era: 'legacy',
    protocolVersion,
    capabilities: isJsonObject(capabilities) ? capabilities : {},
    serverInfo: isJsonObject(serverInfo) ? serverInfo : undefined,
    instructions: typeof instructions === 'string' ? instructions : undefined,
  };
}

function readSessionId(wire: HttpWire, headers: ResponseHeaders): string | undefined {
  const id = headerOf(headers, HEADER.sessionId);
  if (id === undefined || SESSION_ID.test(id)) return id;
  throw handshakeError(wire, 'the session id has characters that no header may carry');
}

async function initialize(
  wire: HttpWire,
  clientInfo: ClientIdentity,
  options: HandshakeOptions,
): Promise<{ readonly info: UpstreamInfo; readonly sessionId: string | undefined }> {
  const { name, version } = clientInfo;
  const body = requestText(
    '0',
    'initialize',
    [
      { key: 'protocolVersion', text: JSON.stringify(LATEST_LEGACY) },
      // None: what a server may ask back depends on the client of each call, and a session is shared.
      { key: 'capabilities', text: '{}' },
      { key: 'clientInfo', text: JSON.stringify({ name, version }) },
    ],
    [],
  );
  const outcome = await post(wire, {
    headers: [...wire.headers],
    body,
    id: 0,
    phase: 'handshake',
    timeoutMs: options.timeoutMs,
    signal: options.signal,
    onSent: options.onSent,
  });
  const { connectorId } = wire;
  if (outcome.kind === 'refused') {
    throw refusalError(outcome.refusal, { connectorId, phase: 'handshake' });
  }
  if (outcome.kind === 'accepted') throw handshakeError(wire, 'initialize was not answered');
  const { answer, headers } = outcome;
  if (answer.kind === 'error') {
    throw new UpstreamError('RPC_ERROR', `the server rejected initialize (${answer.code})`, {
      connectorId,
      phase: 'handshake',
      rpcErrorText: answer.text,
      rpcCode: answer.code,
    });
  }
  return { info: readInitializeResult(wire, answer.text), sessionId: readSessionId(wire, headers) };
}

function createSession(
  wire: HttpWire,
  info: UpstreamInfo,
  sessionId: string | undefined,
): LegacySession {
  const base = [...wire.headers, HEADER.protocolVersion, info.protocolVersion];
  if (sessionId !== undefined) base.push(HEADER.sessionId, sessionId);
  let notices = 0;
  const notify = async (body: string): Promise<void> => {
    if (notices >= MAX_NOTICES) return;
    notices += 1;
    try {
      const timeoutMs = NOTICE_TIMEOUT_MS;
      await post(wire, { headers: [...base], body, phase: 'ready', timeoutMs });
    } catch {
      // A notice that does not arrive changes nothing for us: the call it belongs to reports the failure.
    } finally {
      notices -= 1;
    }
  };
  return {
    info,
    hasId: sessionId !== undefined,
    headers: () => [...base],
    cancel(id, reason) {
      const params = { requestId: id, reason };
      void notify(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }));
    },
    reply(id, method) {
      const idText = JSON.stringify(id);
      const unknown = errorObject(RPC.methodNotFound, `Method not found: ${method}`);
      void notify(method === 'ping' ? resultText(idText, '{}') : errorText(idText, unknown));
    },
    async end() {
      if (sessionId === undefined) return;
      try {
        await post(wire, {
          method: 'DELETE',
          headers: [...base],
          phase: 'ready',
          timeoutMs: LEAVE_TIMEOUT_MS,
        });
      } catch {
        // The server is gone, and the session with it.
      }
    },
  };
}

/**
 * Opens a legacy session: `initialize`, then `notifications/initialized`, which is awaited because another
 * socket could overtake it.
 * @throws UpstreamError phase `handshake` or `connect`
 */
export async function openLegacySession(
  wire: HttpWire,
  clientInfo: ClientIdentity,
  options: HandshakeOptions,
): Promise<LegacySession> {
  const { info, sessionId } = await initialize(wire, clientInfo, options);
  const session = createSession(wire, info, sessionId);
  const outcome = await post(wire, {
    headers: session.headers(),
    body: '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    phase: 'handshake',
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  });
  if (outcome.kind === 'refused') {
    const where = { connectorId: wire.connectorId, phase: 'handshake' } as const;
    throw refusalError(outcome.refusal, where);
  }
  return session;
}
