import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../auth/principal.ts';
import type { IncomingMessage } from '../protocol/json-rpc.ts';
import { ProtocolError, RPC, resultText, type RawMember } from '../protocol/message.ts';
import {
  HEADER,
  LATEST_MODERN,
  META,
  MODERN_VERSIONS,
  NAME_PARAM,
  decodeHeaderValue,
  eraOf,
} from '../protocol/revision.ts';
import type { Answerer } from './answerer.ts';
import { errorStatus } from './call/era.ts';
import { Cancellation } from './call/cancellation.ts';
import { ModernCaller } from './call/client-capabilities.ts';
import { NO_HEADERS } from './client-request.ts';
import { remainingHint } from './lists.ts';
import type { ListDemand } from './ports.ts';
import type { Reply } from './reply/reply.ts';

type ModernRequest = Extract<IncomingMessage, { kind: 'request' }>;

/** A single-valued header; Node joins repeated ones with a comma, which then matches nothing. */
function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

const LATEST_TEXT = JSON.stringify(LATEST_MODERN);

function metaString(meta: readonly RawMember[], key: string): string | undefined {
  const member = meta.find((candidate) => candidate.key === key);
  if (member?.text === LATEST_TEXT) return LATEST_MODERN;
  const value: unknown = member && JSON.parse(member.text);
  return typeof value === 'string' ? value : undefined;
}

/**
 * True when a message claims the modern revision, by its envelope or by its header: then the modern rules judge it.
 * `initialize` is a legacy one whatever its header says: clients that try both put theirs there.
 */
export function isModern(message: IncomingMessage, headers: IncomingHttpHeaders): boolean {
  if (message.kind === 'response') return false;
  if (has(message.params.meta, META.protocolVersion)) return true;
  if (message.method === 'initialize') return false;
  const version = header(headers, HEADER.protocolVersion);
  if (version === undefined || eraOf(version) === 'legacy') return false;
  return header(headers, HEADER.sessionId) === undefined;
}

function mismatch(id: ModernRequest['id'], name: string, detail: string): ProtocolError {
  const data = { mismatch: { header: name } };
  return new ProtocolError(RPC.headerMismatch, `Header mismatch: ${name} ${detail}`, { id, data });
}

function has(meta: readonly RawMember[], wanted: string): boolean {
  for (const { key } of meta) if (key === wanted) return true;
  return false;
}

function assertVersion(message: ModernRequest, headers: IncomingHttpHeaders): void {
  const { id, params } = message;
  const version = metaString(params.meta, META.protocolVersion);
  if (!has(params.meta, META.protocolVersion) || !has(params.meta, META.clientCapabilities)) {
    const missing = [META.protocolVersion, META.clientCapabilities].filter(
      (key) => !has(params.meta, key),
    );
    const data = { envelope: { missing } };
    const why = `Invalid params: _meta lacks ${missing.join(' and ')}`;
    throw new ProtocolError(RPC.invalidParams, why, { id, data });
  }
  const claimed = header(headers, HEADER.protocolVersion);
  if (claimed === undefined) throw mismatch(id, 'MCP-Protocol-Version', 'is missing');
  if (claimed !== version) {
    throw mismatch(id, 'MCP-Protocol-Version', 'differs from _meta of the body');
  }
  if (!MODERN_VERSIONS.includes(version)) {
    const data = { supported: MODERN_VERSIONS, requested: version };
    throw new ProtocolError(RPC.unsupportedVersion, 'Unsupported protocol version', { id, data });
  }
}

function assertHeaders(message: ModernRequest, headers: IncomingHttpHeaders): void {
  const { id, method, params } = message;
  const claimedMethod = header(headers, HEADER.method);
  if (claimedMethod === undefined) throw mismatch(id, 'Mcp-Method', 'is missing');
  if (claimedMethod !== method) {
    throw mismatch(id, 'Mcp-Method', 'differs from the method of the body');
  }
  const key = NAME_PARAM.get(method);
  if (key === undefined) return;
  const claimedName = header(headers, HEADER.name);
  if (claimedName === undefined) throw mismatch(id, 'Mcp-Name', 'is missing');
  if (decodeHeaderValue(claimedName) !== params.value[key]) {
    throw mismatch(id, 'Mcp-Name', `differs from ${key} of the body`);
  }
}

/** The `Mcp-Param-*` headers, which intermediaries must pass on. */
function paramHeadersOf(headers: IncomingHttpHeaders): Readonly<Record<string, string>> {
  let found: Record<string, string> | undefined;
  for (const name in headers) {
    if (!name.startsWith(HEADER.paramPrefix)) continue;
    found ??= {};
    found[name] = header(headers, name) ?? '';
  }
  return found ?? NO_HEADERS;
}

/** The status of a rejected modern request (spec 2026-07-28, basic/transports). */
export function modernStatus(error: ProtocolError): number {
  const malformed =
    error.rpcCode === RPC.parseError ||
    error.rpcCode === RPC.invalidRequest ||
    error.data?.['envelope'] !== undefined;
  return malformed ? 400 : errorStatus(error.rpcCode, 'modern');
}

/** What a stateless request is answered with. */
interface ModernContext {
  readonly headers: IncomingHttpHeaders;
  readonly connectorId: string | undefined;
  /** Who sends it, as the listener knows him. */
  readonly principal: Principal;
  readonly answerer: Answerer;
  readonly reply: Reply;
  readonly demand: Pick<ListDemand, 'complete'>;
}

/**
 * Answers one stateless request; the promise is there only where something must be waited for.
 * @throws ProtocolError with the exact code of the revision, or rejects with one.
 */
export function answerModern(
  message: ModernRequest,
  context: ModernContext,
): Promise<unknown> | undefined {
  const { headers, connectorId, principal, answerer, reply } = context;
  assertVersion(message, headers);
  assertHeaders(message, headers);
  const { id, method, params } = message;
  if (method === 'server/discover') return discover(message, context);
  const caller = new ModernCaller(params.meta);
  if (method === 'subscriptions/listen') {
    return answerer.listens.serve({ id, params, connectorId, principal, caller }, reply);
  }
  if (!answerer.handlesModern(method, context)) {
    throw new ProtocolError(RPC.methodNotFound, `Method not found: ${method}`, { id });
  }
  const paramHeaders = paramHeadersOf(headers);
  const cancellation = new Cancellation();
  // Closing the response is how a modern client cancels.
  reply.onGone(() => cancellation.cancel('the client closed the request'));
  const answered = answerer.answer(
    {
      id,
      method,
      params,
      era: 'modern',
      connectorId,
      principal,
      caller,
      paramHeaders,
      cancellation,
    },
    reply,
  );
  return answered instanceof Promise ? answered : undefined;
}

async function discover(message: ModernRequest, context: ModernContext): Promise<void> {
  const { connectorId, answerer, reply } = context;
  await answerer.known(connectorId);
  reply.answer(200, discoverText(message, context, context.demand.complete(connectorId)));
}

function discoverText(
  { id }: ModernRequest,
  { connectorId, principal: { policy }, answerer }: ModernContext,
  complete: boolean,
): string {
  const profile = answerer.profile(connectorId, 'modern', policy);
  const hint = remainingHint(answerer.view(connectorId, policy), complete);
  const result = {
    supportedVersions: MODERN_VERSIONS,
    capabilities: profile.capabilities,
    ...(profile.instructions !== undefined && { instructions: profile.instructions }),
    resultType: 'complete',
    ...hint,
    _meta: { [META.serverInfo]: profile.serverInfo },
  };
  return resultText(JSON.stringify(id), JSON.stringify(result));
}
