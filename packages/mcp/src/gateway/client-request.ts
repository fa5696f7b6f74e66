import type { Principal } from '../auth/principal.ts';
import type { RequestParams } from '../protocol/json-rpc.ts';
import type { JsonRpcId } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import type { Caller } from '../upstream/upstream.ts';
import type { Cancellation } from './call/cancellation.ts';
import type { LegacySession } from './session/legacy-session.ts';

/** Of requests without `Mcp-Param-*` headers. */
export const NO_HEADERS: Readonly<Record<string, string>> = {};

/** A request as either era hands it over, its own envelope already checked. */
export interface ClientRequest {
  readonly id: JsonRpcId;
  readonly method: string;
  readonly params: RequestParams;
  readonly era: Era;
  /** One connector under its own names, or undefined for all under prefixed ones. */
  readonly connectorId: string | undefined;
  readonly caller: Caller;
  /** The legacy session it came in. */
  readonly session?: LegacySession;
  /** Who sends it, as the listener knows him. */
  readonly principal: Principal;
  readonly paramHeaders: Readonly<Record<string, string>>;
  readonly cancellation: Cancellation;
}
