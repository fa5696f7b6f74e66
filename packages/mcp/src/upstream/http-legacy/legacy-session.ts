import { RPC, requestText, type JsonObject } from '../../protocol/message.ts';
import { HEADER, LATEST_LEGACY, eraOf } from '../../protocol/revision.ts';
import { beginToConfirm, confirm, type Confirmation } from './legacy-confirmation.ts';
import { isJsonObject } from '../streamable-http/http-message.ts';
import {
  headerOf,
  refusalError,
  type Refusal,
  type ResponseHeaders,
} from '../streamable-http/http-refusal.ts';
import { post } from '../streamable-http/http-request.ts';
import type { HttpWire } from '../streamable-http/http-wire.ts';
import type { UpstreamInfo } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

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
  /**
   * Sends a message that needs no answer; too many at a time are dropped.
   * @returns when the server has it, or never will. Never rejects.
   */
  notify(text: string): Promise<void>;
  /**
   * Sends a client's answer to a request of the server.
   * @returns why it did not arrive; undefined when it did, or may have. Never rejects.
   */
  answer(text: string): Promise<UpstreamError | undefined>;
  /** Ends the session at the server. Bounded; never throws. */
  end(): Promise<void>;
  /** That of a handshake whose end was not waited for. */
  readonly confirmation?: Confirmation;
}

/** As whom a server is greeted. */
export interface LegacyGreeting {
  readonly clientInfo: JsonObject;
  /** What it may ask back. */
  readonly capabilities: JsonObject;
}

export interface HandshakeOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The server took the connection and a request is on its way. */
  readonly onSent: () => void;
  /** When the handshake must be over, on the clock of `performance.now()`. */
  readonly dueAtMs: number;
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
  greeting: LegacyGreeting,
  options: HandshakeOptions,
): Promise<{ readonly info: UpstreamInfo; readonly sessionId: string | undefined }> {
  const body = requestText(
    '0',
    'initialize',
    [
      { key: 'protocolVersion', text: JSON.stringify(LATEST_LEGACY) },
      { key: 'capabilities', text: JSON.stringify(greeting.capabilities) },
      { key: 'clientInfo', text: JSON.stringify(greeting.clientInfo) },
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

/** The wires of a session: of requests, and of what must not queue behind them. */
export interface LegacyWires {
  readonly wire: HttpWire;
  readonly streamWire: HttpWire;
}

function createSession(
  { wire, streamWire }: LegacyWires,
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
    notify,
    async answer(text) {
      // Calls that wait for their clients may hold every socket for requests.
      const send = async (): Promise<UpstreamError | undefined> =>
        await deliver(streamWire, [...base], text);
      const failure = await send();
      return failure?.unsent === true ? await send() : failure;
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

/** Why a message certainly did not arrive. Never rejects. */
async function deliver(
  wire: HttpWire,
  headers: string[],
  body: string,
): Promise<UpstreamError | undefined> {
  const where = { connectorId: wire.connectorId, phase: 'ready' } as const;
  try {
    const timeoutMs = NOTICE_TIMEOUT_MS;
    const outcome = await post(wire, { headers, body, phase: 'ready', timeoutMs });
    return outcome.kind === 'refused' ? refusalError(outcome.refusal, where) : undefined;
  } catch (error) {
    // One that left and was not acknowledged may have arrived: sent again, it would be a second answer.
    return error instanceof UpstreamError && error.unsent ? error : undefined;
  }
}

/**
 * Whether a refusal says that the server does not know our session: 404 by the specification (2025-11-25,
 * basic/transports), 400 with words to that effect by server-everything and others.
 */
export function isSessionLost(
  status: number,
  rpc: Refusal['rpc'],
  body: string,
  hasId: boolean,
): boolean {
  if (status === 404) return hasId && rpc?.code !== RPC.methodNotFound;
  if (rpc?.code === RPC.unsupportedVersion) return true;
  return status === 400 && /session|not initialized/i.test(rpc?.message ?? body);
}

/**
 * Opens a legacy session: `initialize`, then `notifications/initialized`, which is awaited because another
 * socket could overtake it. With `confirmLater` only until it is on its way (decision 0032).
 * @throws UpstreamError phase `handshake` or `connect`
 */
export async function openLegacySession(
  wires: LegacyWires,
  greeting: LegacyGreeting,
  options: HandshakeOptions & { readonly confirmLater: boolean },
): Promise<LegacySession> {
  const { wire } = wires;
  const { info, sessionId } = await initialize(wire, greeting, options);
  const session = createSession(wires, info, sessionId);
  const { signal, timeoutMs, dueAtMs, confirmLater } = options;
  if (!confirmLater) {
    await confirm(wire, session.headers(), { signal, timeoutMs });
    return session;
  }
  // Nothing else ends it any more once the handshake counts as over.
  const leftMs = Math.max(1, dueAtMs - performance.now());
  const limits = { signal, timeoutMs: leftMs };
  return { ...session, confirmation: await beginToConfirm(wire, session.headers(), limits) };
}
