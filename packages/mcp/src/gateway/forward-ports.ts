import type { Route } from '../catalog/catalog.ts';
import type { CallResult } from '../observability/connector-instruments.ts';
import type { RawMember } from '../protocol/message.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';
import type { CallDeadlines } from './call/call-deadlines.ts';
import type { QuestionOutcome } from './call/call-questions.ts';
import type { ClientRequest } from './client-request.ts';
import type { HeaderRenewal } from './call/header-renewal.ts';
import type { CallParking, ParkableCall } from './call/parked-calls.ts';
import type { UpstreamSignal } from './ports.ts';
import type { RequestStates } from './call/request-state.ts';

/** One request of a client that an upstream answers. */
export interface Call {
  /** As the client sent it, but for a `requestState` of ours. */
  readonly request: ClientRequest;
  /** As the client sent it. */
  readonly asked: ClientRequest;
  /** When it came, on the clock of `performance.now()`. */
  readonly receivedAtMs: number;
  /** Already in the upstream's names. */
  readonly members: readonly RawMember[];
  readonly name: string | undefined;
  readonly paramHeaders: Readonly<Record<string, string>>;
}

/** A call that is over. */
export interface FinishedCall {
  readonly call: Call;
  readonly route: Route<UpstreamAccess>;
  /** The server's JSON-RPC code, or stable code of ours, of a call that has failed. */
  readonly failureCode: string | number | undefined;
}

/** What all calls share. */
export interface ForwardPorts {
  readonly deadlines: Pick<CallDeadlines, 'add' | 'delete'>;
  readonly signal: UpstreamSignal;
  readonly renewHeaders: HeaderRenewal;
  readonly parking: { forCall(call: ParkableCall): CallParking };
  readonly states: RequestStates;
  /** Told of each call once. */
  readonly ended: (call: FinishedCall, result: CallResult) => void;
  readonly countQuestion: (outcome: QuestionOutcome) => void;
}
