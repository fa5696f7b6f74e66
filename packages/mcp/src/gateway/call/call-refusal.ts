import type { Principal } from '../../auth/principal.ts';
import type { Route } from '../../catalog/catalog.ts';
import { docsOf, withRemedy } from '../../protocol/error-remedies.ts';
import type { IncomingMessage } from '../../protocol/json-rpc.ts';
import { ProtocolError, RPC, type JsonRpcId } from '../../protocol/message.ts';
import { isForwarded } from './call-target.ts';
import type { ClientRequest } from '../client-request.ts';
import type { LegacySession } from '../session/legacy-session.ts';
import type { CallObserver, CallOutcome } from '../ports.ts';

type RefusedFields = ConstructorParameters<typeof ProtocolError>[2] & {
  readonly outcome: CallOutcome;
  readonly connectorId: string | undefined;
  readonly startedAtMs: number | undefined;
};

/** A call that was refused before any server heard of it, with what its record needs. */
export class RefusedCall extends ProtocolError {
  readonly outcome: CallOutcome;
  readonly connectorId: string | undefined;
  readonly startedAtMs: number | undefined;

  constructor(rpcCode: number, message: string, fields: RefusedFields) {
    super(rpcCode, message, fields);
    this.name = 'RefusedCall';
    this.outcome = fields.outcome;
    this.connectorId = fields.connectorId;
    this.startedAtMs = fields.startedAtMs;
  }
}

/** Refuses what must not be called: `TOOL_QUARANTINED` names the way out. @throws RefusedCall */
export function assertApproved(
  { connectorId, upstreamName, quarantine }: Route<unknown>,
  id: JsonRpcId,
  startedAtMs: number,
): void {
  if (quarantine === undefined) return;
  const remedy = `cortex-mcp pins diff ${connectorId}, then cortex-mcp pins approve ${connectorId}`;
  const message = `${connectorId}: the definition of ${JSON.stringify(upstreamName)} has changed since it was approved; the operator of the gateway may run ${remedy}`;
  const code = 'TOOL_QUARANTINED';
  const data = { code, connector: connectorId, remedy, docs: docsOf(code) };
  const about = { outcome: 'refused', connectorId, startedAtMs } as const;
  throw new RefusedCall(RPC.connectorUnavailable, message, { ...about, id, data });
}

/** Refuses every call while none can be recorded (`audit.required`). @throws RefusedCall */
export function assertRecorded(observer: CallObserver | undefined, id: JsonRpcId): void {
  const why = observer?.refusal();
  if (why === undefined) return;
  const data = withRemedy({ code: 'AUDIT_UNAVAILABLE' });
  const about = { outcome: 'refused', connectorId: undefined, startedAtMs: undefined } as const;
  throw new RefusedCall(RPC.connectorUnavailable, why, { ...about, id, data });
}

/** How a call that was forwarded went. */
export interface CallEnd {
  readonly outcome: CallOutcome;
  readonly code: string | number | undefined;
  readonly startedAtMs: number;
}

/** Tells the observer of a call that is over, if there is one. */
export function noteEnd(
  observer: CallObserver | undefined,
  request: ClientRequest,
  route: Route<unknown> | undefined,
  { outcome, code, startedAtMs }: CallEnd,
): void {
  observer?.ended({
    method: request.method,
    params: request.params,
    principal: request.principal,
    session: request.session,
    connectorId: route?.connectorId ?? request.connectorId,
    definition: route?.definition,
    outcome,
    code,
    startedAtMs,
  });
}

/** Who sent a message, and where to. */
export interface RefusedSender {
  readonly principal: Principal;
  readonly connectorId: string | undefined;
  readonly session?: LegacySession | undefined;
}

/** The stable code of an error of ours, or its JSON-RPC code. */
function codeOfRefusal(error: unknown): string | number {
  if (!(error instanceof ProtocolError)) return 'INTERNAL';
  const code = error.data?.['code'];
  return typeof code === 'string' ? code : error.rpcCode;
}

/** As which a request of a session that is not there is recorded. */
export const NO_SESSION: ProtocolError = new ProtocolError(RPC.invalidRequest, 'Session not found');

/** Not calls, though they may name what is not offered. */
const SUBSCRIBING: ReadonlySet<string> = new Set([
  'resources/subscribe',
  'resources/unsubscribe',
  'subscriptions/listen',
]);

/** Tells the observer of a request that was refused, if it is one that a server would have answered. */
export function noteRefusal(
  observer: CallObserver | undefined,
  message: IncomingMessage | undefined,
  sender: RefusedSender,
  error: unknown,
): void {
  if (observer === undefined || message?.kind !== 'request') return;
  const { method, params } = message;
  const known = error instanceof RefusedCall ? error : undefined;
  if (!isCall(method, known !== undefined)) return;
  const refused = { outcome: error instanceof ProtocolError ? 'refused' : 'failed' } as const;
  const { outcome, startedAtMs } = known ?? { ...refused, startedAtMs: undefined };
  observer.ended({
    method,
    params,
    principal: sender.principal,
    session: sender.session,
    connectorId: known?.connectorId ?? sender.connectorId,
    definition: undefined,
    outcome,
    code: codeOfRefusal(error),
    startedAtMs,
  });
}

/** Whether a server would have answered it; of what is not known by its method only a call names what is missing. */
function isCall(method: string, named: boolean): boolean {
  if (SUBSCRIBING.has(method)) return false;
  return named || isForwarded(method) || method.startsWith('tasks/');
}
