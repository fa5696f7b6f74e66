import type { CatalogView, Route } from '../../catalog/catalog.ts';
import type { ViewFilter } from '../../catalog/view-filter.ts';
import type { CallResult } from '../../observability/connector-instruments.ts';
import type { Instruments } from '../../observability/instruments.ts';
import { NAME_PARAM } from '../../protocol/revision.ts';
import type { UpstreamAccess } from '../../upstream/upstream.ts';
import { CallDeadlines } from './call-deadlines.ts';
import { CallCounts, type CallLimits } from './call-limits.ts';
import { assertApproved, noteEnd } from './call-refusal.ts';
import { targetOf, findRoute, type CallTarget } from './call-target.ts';
import { CallTasks } from './call-tasks.ts';
import type { ClientRequest } from '../client-request.ts';
import { ForwardedCall } from '../forward.ts';
import type { FinishedCall, ForwardPorts } from '../forward-ports.ts';
import { createHeaderRenewal } from './header-renewal.ts';
import { isRetry, retryFor } from './input-required.ts';
import type { Interests } from '../listen/interests.ts';
import { requestedLevel } from '../listen/log-filter.ts';
import { headersOf, membersFor } from './outgoing-call.ts';
import { ParkedCalls } from './parked-calls.ts';
import type { CallObserver, UpstreamSignal } from '../ports.ts';
import type { Reply } from '../reply/reply.ts';
import { createRequestStates } from './request-state.ts';

type View = (connectorId: string | undefined, policy?: ViewFilter) => CatalogView<UpstreamAccess>;

interface CallDeskOptions {
  readonly signal: UpstreamSignal;
  readonly instruments: Pick<Instruments, 'find' | 'questions'>;
  readonly callLimits?: CallLimits | undefined;
  readonly observer?: CallObserver | undefined;
  readonly view: View;
  readonly interests: Pick<Interests, 'raiseLogLevel'>;
}

/** A request that is to be forwarded. */
export interface Asked {
  readonly request: ClientRequest;
  readonly reply: Reply;
  readonly target: CallTarget;
  /** When it came, on the clock of `performance.now()`. */
  readonly startedAtMs: number;
}

/** Sends calls once it is known where to, and knows those that are on their way. */
export class CallDesk {
  readonly #options: CallDeskOptions;
  readonly #states = createRequestStates();
  readonly #parking = new ParkedCalls<ForwardedCall>(this.#states);
  readonly #deadlines = new CallDeadlines<ForwardedCall>();
  readonly #ports: ForwardPorts;
  readonly #counts: CallCounts;
  readonly tasks: CallTasks = new CallTasks();

  constructor(options: CallDeskOptions) {
    this.#options = options;
    this.#counts = new CallCounts(options.callLimits);
    const { view, signal } = options;
    const { questions } = options.instruments;
    questions.inc({ outcome: 'asked' }, 0);
    questions.inc({ outcome: 'refused' }, 0);
    this.#ports = {
      deadlines: this.#deadlines,
      signal,
      renewHeaders: createHeaderRenewal(signal, (request) =>
        findRoute(view(request.connectorId, request.principal.policy), targetOf(request)),
      ),
      parking: this.#parking,
      states: this.#states,
      ended: (call, result) => this.#ended(call, result),
      countQuestion: (outcome) => questions.inc({ outcome }),
    };
  }

  /** Calls on their way. */
  get inFlight(): number {
    return this.#deadlines.size;
  }

  calls(): readonly ForwardedCall[] {
    return this.#deadlines.all();
  }

  /** The parked call that a request goes on with; undefined when it begins one. @throws ProtocolError */
  resume(request: ClientRequest, reply: Reply): ForwardedCall | undefined {
    const resumed = isRetry(request) ? this.#parking.resume(request, reply) : undefined;
    if (resumed !== undefined) request.cancellation.follow(resumed);
    return resumed;
  }

  /** @throws ProtocolError when it must not be made. */
  send(
    { request, reply, target, startedAtMs }: Asked,
    route: Route<UpstreamAccess>,
  ): ForwardedCall {
    assertApproved(route, request.id, startedAtMs);
    this.tasks.assertOwn(target, request, route);
    this.#wantLogs(request, route);
    const sent = isRetry(request)
      ? retryFor(request, route.target.acquire(request.caller).info?.era, this.#states)
      : request;
    const call = new ForwardedCall(
      {
        request: sent,
        asked: request,
        receivedAtMs: startedAtMs,
        members: membersFor(route, target, sent),
        name: NAME_PARAM.has(sent.method) ? route.upstreamName : undefined,
        paramHeaders: headersOf(route, sent),
      },
      route,
      this.tasks.replyFor(reply, sent, route),
      this.#ports,
    );
    this.#counts.add(request.principal, this.#deadlines.size, request.id);
    call.start();
    request.cancellation.follow(call);
    return call;
  }

  /** Ends what is still under way, with an error the clients can read. */
  close(): void {
    for (const call of this.calls()) call.shutDown();
    this.#parking.close();
  }

  /** A legacy server knows no level of a request: it is told of the most verbose one any call asked for. */
  #wantLogs({ era, params, caller }: ClientRequest, route: Route<UpstreamAccess>): void {
    const level = era === 'modern' ? requestedLevel(params.meta) : undefined;
    if (level === undefined) return;
    const { info } = this.#options.view(route.connectorId);
    if (info?.era !== 'legacy' || !Object.hasOwn(info.capabilities, 'logging')) return;
    this.#options.interests.raiseLogLevel(route, caller, level);
  }

  #ended({ call, route, failureCode: code }: FinishedCall, outcome: CallResult): void {
    const { instruments, observer } = this.#options;
    const { asked, receivedAtMs: startedAtMs } = call;
    this.#counts.delete(asked.principal);
    if (asked.method === 'tools/call') {
      instruments.find(route.connectorId)?.toolCallEnded(outcome, performance.now() - startedAtMs);
    }
    if (observer !== undefined) noteEnd(observer, asked, route, { outcome, code, startedAtMs });
  }
}
