import type { Route } from '../../catalog/catalog.ts';
import { ProtocolError, RPC, type RawMember } from '../../protocol/message.ts';
import { headersFor, mismatchedHeader } from '../../protocol/param-header.ts';
import { renamedMembers, type CallTarget } from './call-target.ts';
import type { ClientRequest } from '../client-request.ts';

/** The members of a call in the upstream's names. */
export function membersFor(
  { upstreamName }: Route<unknown>,
  target: CallTarget,
  request: ClientRequest,
): readonly RawMember[] {
  const { members } = request.params;
  return upstreamName === target.name ? members : renamedMembers(target, request, upstreamName);
}

/**
 * The `Mcp-Param-*` headers of a call: a modern client's own, which must say what the body says; ours for a legacy one.
 * @throws ProtocolError `-32020`
 */
export function headersOf(
  { headerParams }: Route<unknown>,
  { id, era, params, paramHeaders }: ClientRequest,
): Readonly<Record<string, string>> {
  if (headerParams === undefined) return paramHeaders;
  const { arguments: args } = params.value;
  if (era === 'legacy') return headersFor(headerParams, args);
  const wrong = mismatchedHeader(headerParams, args, paramHeaders);
  if (wrong === undefined) return paramHeaders;
  const data = { mismatch: { header: wrong } };
  const why = `Header mismatch: ${wrong} is missing or differs from the argument it repeats`;
  throw new ProtocolError(RPC.headerMismatch, why, { id, data });
}
