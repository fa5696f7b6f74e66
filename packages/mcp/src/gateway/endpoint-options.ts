import type { AnswererOptions } from './answerer.ts';
import type { EventLogLimits } from './session/event-budget.ts';
import type { SessionLink, SessionMemory } from './session/session-memory.ts';
import type { SessionLimits } from './session/session-store.ts';
import type { adoptTraceHeaders } from './reply/trace-headers.ts';

/** What an endpoint is wired to, and its bounds. */
export interface EndpointOptions extends AnswererOptions {
  readonly sessionLimits?: SessionLimits;
  readonly eventLogLimits?: EventLogLimits;
  /** Keeps sessions over a restart. Default: they end with the process. */
  readonly memory?: SessionMemory | undefined;
  readonly link?: SessionLink | undefined;
  /** Takes what headers say of a trace into the message. Default: they say nothing. */
  readonly adopt?: typeof adoptTraceHeaders | undefined;
  /** Told of failures that are ours: a bug, not a bad request. */
  readonly onInternalError: (error: unknown) => void;
}
