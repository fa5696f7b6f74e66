import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../auth/principal.ts';
import type { ViewFilter } from '../catalog/view-filter.ts';
import type { IncomingMessage } from '../protocol/json-rpc.ts';
import { LIST_SHAPES, type ListKind } from '../protocol/list-kind.ts';
import { ProtocolError, RPC, resultText, type JsonRpcId } from '../protocol/message.ts';
import { HEADER, LEGACY_VERSIONS, negotiateLegacy } from '../protocol/revision.ts';
import type { Answered, Answerer } from './answerer.ts';
import { Cancellation } from './call/cancellation.ts';
import { NO_HEADERS } from './client-request.ts';
import type { LegacyClient } from './session/legacy-session.ts';
import type { Reply } from './reply/reply.ts';
import type { LegacySession, SessionStore } from './session/session-store.ts';

type Incoming<K extends IncomingMessage['kind']> = Extract<IncomingMessage, { kind: K }>;

/**
 * Opens a session for an `initialize` request and gives its answer.
 * @throws ProtocolError when the request lacks a protocol version.
 */
export function initialize(
  message: Incoming<'request'>,
  context: {
    readonly connectorId: string | undefined;
    readonly sessions: SessionStore;
    readonly answerer: Answerer;
    /** Who opens it, as the listener knows him. */
    readonly principal: Principal;
  },
): { readonly session: LegacySession; readonly body: string } {
  const { id, params } = message;
  const { protocolVersion: requested } = params.value;
  if (typeof requested !== 'string') {
    const why = 'Invalid params: protocolVersion must be a string';
    throw new ProtocolError(RPC.invalidParams, why, { id });
  }
  const protocolVersion = negotiateLegacy(requested);
  const session = context.sessions.create({
    connectorId: context.connectorId,
    principal: context.principal,
    client: clientOf(message, protocolVersion),
  });
  const profile = context.answerer.profile(context.connectorId, 'legacy', context.principal.policy);
  const result = {
    protocolVersion,
    capabilities: profile.capabilities,
    serverInfo: profile.serverInfo,
    ...(profile.instructions !== undefined && { instructions: profile.instructions }),
  };
  return { session, body: resultText(JSON.stringify(id), JSON.stringify(result)) };
}

/** What a client may say of itself: it is kept as long as its session. */
const MAX_CLIENT_CHARS = 65_536;

/**
 * What a client says of itself in `initialize`.
 * @throws ProtocolError when that is too much to be kept.
 */
function clientOf({ id, params }: Incoming<'request'>, protocolVersion: string): LegacyClient {
  const { capabilities } = params.value;
  const texts = params.members.filter(({ key }) => key === 'clientInfo' || key === 'capabilities');
  if (texts.reduce((sum, { text }) => sum + text.length, 0) > MAX_CLIENT_CHARS) {
    const why = `Invalid params: clientInfo and capabilities have more than ${MAX_CLIENT_CHARS} characters`;
    throw new ProtocolError(RPC.invalidParams, why, { id });
  }
  const known = typeof capabilities === 'object' && capabilities !== null;
  return {
    protocolVersion,
    capabilities: known && !Array.isArray(capabilities) ? { ...capabilities } : {},
    infoText: params.members.find(({ key }) => key === 'clientInfo')?.text,
  };
}

/**
 * Answers one request of a session; the promise is there only where something must be waited for.
 * @throws ProtocolError, or rejects with one.
 */
export function answerLegacy(
  message: Incoming<'request'>,
  session: LegacySession,
  answerer: Answerer,
  reply: Reply,
): Promise<void> | undefined {
  const { id, method, params } = message;
  if (method === 'ping') {
    reply.answer(200, resultText(JSON.stringify(id), '{}'));
    return undefined;
  }
  if (answerer.sessionRequests.handles(method)) {
    return answerer.sessionRequests.answer(message, session, reply);
  }
  const isTask = answerer.sessionTasks.handles(method, session);
  if (isTask && method === 'tasks/list') {
    return answerer.sessionTasks.list(message, session, reply);
  }
  if (!isTask && !answerer.handles(method)) {
    throw new ProtocolError(RPC.methodNotFound, `Method not found: ${method}`, { id });
  }
  if (session.calls.get(id) !== undefined) {
    const why = `Invalid request: id ${JSON.stringify(id)} is in use by another request`;
    throw new ProtocolError(RPC.invalidRequest, why, { id });
  }
  const cancellation = new Cancellation();
  session.calls.set(id, cancellation);
  const { connectorId, caller, principal } = session;
  const request = {
    id,
    method,
    params,
    era: 'legacy',
    connectorId,
    caller,
    session,
    principal,
    paramHeaders: NO_HEADERS,
    cancellation,
  } as const;
  let answered: Answered;
  try {
    answered = answerer.answer(request, reply);
  } catch (error) {
    session.calls.delete(id);
    throw error;
  }
  if (answered instanceof Promise) return forgetUncalled(session, id, answered);
  if (answered === undefined) session.calls.delete(id);
  return undefined;
}

/** A call forgets itself when it is over; what never became one does not. */
async function forgetUncalled(
  session: LegacySession,
  id: JsonRpcId,
  answered: Promise<object | undefined>,
): Promise<void> {
  let call: object | undefined;
  try {
    call = await answered;
  } finally {
    if (call === undefined) session.calls.delete(id);
  }
}

/** Takes a notification of a session; what we do not know is none of our business. */
export function noteLegacy(message: Incoming<'notification'>, session: LegacySession): void {
  if (message.method === 'notifications/roots/list_changed') {
    session.tell(JSON.stringify({ jsonrpc: '2.0', method: message.method }));
  }
  if (message.method === 'notifications/progress') session.questions.progress(message.params);
  if (message.method !== 'notifications/cancelled') return;
  const { requestId, reason } = message.params.value;
  if (typeof requestId !== 'string' && typeof requestId !== 'number') return;
  session.calls
    .get(requestId)
    ?.cancel(typeof reason === 'string' ? reason : 'the client cancelled the request');
}

/** Tells every session with an open stream which of its endpoint's lists have changed. */
export function announceChange(
  sessions: SessionStore,
  kindsFor: (
    connectorId: string | undefined,
    policy: ViewFilter | undefined,
  ) => ReadonlySet<ListKind> | undefined,
): void {
  for (const session of sessions.all()) {
    if (session.channel === undefined) continue;
    const kinds = kindsFor(session.connectorId, session.principal.policy) ?? new Set<ListKind>();
    const methods = new Set([...kinds].map((kind) => LIST_SHAPES[kind].changed));
    for (const method of methods) {
      session.channel.send(JSON.stringify({ jsonrpc: '2.0', method }));
    }
  }
}

/** The header is required since 2025-06-18; a revision we do not speak must be refused. */
export function assertLegacyVersion(headers: IncomingHttpHeaders): void {
  const version = headers[HEADER.protocolVersion];
  if (version === undefined || LEGACY_VERSIONS.includes(String(version))) return;
  const why = `Bad Request: MCP-Protocol-Version ${String(version)} is not supported in a session`;
  throw new ProtocolError(RPC.invalidRequest, why, { data: { supported: LEGACY_VERSIONS } });
}
