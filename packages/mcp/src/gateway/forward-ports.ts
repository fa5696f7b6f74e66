import type { RawMember } from '../protocol/message.ts';
import type { CallDeadlines } from './call-deadlines.ts';
import type { QuestionOutcome } from './call-questions.ts';
import type { ClientRequest } from './client-request.ts';
import type { HeaderRenewal } from './header-renewal.ts';
import type { CallParking, ParkableCall } from './parked-calls.ts';
import type { UpstreamSignal } from './ports.ts';
import type { RequestStates } from './request-state.ts';

/** One request of a client that an upstream answers. */
export interface Call {
  /** As the client sent it. */
  readonly request: ClientRequest;
  /** Already in the upstream's names. */
  readonly members: readonly RawMember[];
  readonly name: string | undefined;
  readonly paramHeaders: Readonly<Record<string, string>>;
}

/** What all calls share. */
export interface ForwardPorts {
  readonly deadlines: CallDeadlines;
  readonly signal: UpstreamSignal;
  readonly renewHeaders: HeaderRenewal;
  readonly parking: { forCall(call: ParkableCall): CallParking };
  readonly states: RequestStates;
  readonly countQuestion: (outcome: QuestionOutcome) => void;
}
