import type { Principal } from '../../auth/principal.ts';
import type { Instruments } from '../../observability/instruments.ts';
import { RPC, type JsonRpcId } from '../../protocol/message.ts';
import type { Era } from '../../protocol/revision.ts';
import { RefusedCall } from './call-refusal.ts';
import type { CallTarget } from './call-target.ts';
import type { ConnectorDirectory } from '../ports.ts';
import { troubleOf } from './trouble.ts';

/** What is known of the request that named it. */
export interface NamingRequest {
  readonly id: JsonRpcId;
  readonly era: Era;
  readonly connectorId: string | undefined;
  readonly principal: Principal;
}

export interface RefusalContext {
  /** Between connector id and name on the shared endpoint. */
  readonly separator: string;
  readonly directory: ConnectorDirectory;
  readonly instruments: Pick<Instruments, 'find'>;
  /** Whether anything has been learned of a connector. */
  readonly knows: (connectorId: string) => boolean;
  /** Whether it is offered to others, who may see more: for the record only. */
  readonly isDenied: () => boolean;
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number;
}

/**
 * Tells "not offered" from "the connector it belongs to cannot be used". What the client may not see is not offered.
 * @throws RefusedCall always.
 */
export function refuseUnknown(
  { kind, name }: CallTarget,
  request: NamingRequest,
  context: RefusalContext,
): never {
  const { id, principal } = request;
  const { startedAtMs } = context;
  const owner = request.connectorId ?? name.split(context.separator, 1)[0] ?? '';
  const isHidden = principal.policy?.connector(owner) === false;
  const isKnown = isHidden || context.knows(owner);
  const trouble = isKnown ? undefined : troubleOf(owner, context.directory);
  if (trouble !== undefined) {
    const { message, data } = trouble;
    const meter = kind === 'tools' ? context.instruments.find(owner) : undefined;
    meter?.toolCallEnded('unavailable', performance.now() - startedAtMs);
    const about = { id, data, outcome: 'unavailable', connectorId: owner, startedAtMs } as const;
    throw new RefusedCall(RPC.connectorUnavailable, message, about);
  }
  return refuseName({ kind, name }, request, context);
}

function refuseName(
  { kind, name }: CallTarget,
  { id, era, connectorId }: NamingRequest,
  { isDenied, startedAtMs }: RefusalContext,
): never {
  const legacyResource = kind === 'resources' && era === 'legacy';
  const code = legacyResource ? RPC.resourceNotFound : RPC.invalidParams;
  const data = kind === 'resources' ? { uri: name } : undefined;
  const outcome = isDenied() ? 'denied' : 'unknown';
  const about = { id, data, outcome, connectorId, startedAtMs } as const;
  throw new RefusedCall(code, `Unknown ${kind.slice(0, -1)}: ${name}`, about);
}
