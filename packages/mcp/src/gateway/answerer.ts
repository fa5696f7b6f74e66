import { EMPTY_VIEW, type CatalogCell, type CatalogView, type Route } from '../catalog/catalog.ts';
import type { ViewFilter } from '../catalog/view-filter.ts';
import { FilteredViews } from '../catalog/view.ts';
import type { Instruments } from '../observability/instruments.ts';
import { LIST_BY_METHOD, type ListKind } from '../protocol/list-kind.ts';
import { RPC, errorObject, errorText } from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';
import { CallDesk, type Asked } from './call/call-desk.ts';
import type { CallLimits } from './call/call-limits.ts';
import { assertRecorded, noteEnd } from './call/call-refusal.ts';
import type { ClientRequest } from './client-request.ts';
import type { ForwardedCall } from './forward.ts';
import { profileOf, serverInfoOf, type EndpointProfile, type ServerIdentity } from './identity.ts';
import {
  findRoute,
  isForwarded,
  isForwardedModern,
  targetOf,
  type CallTarget,
} from './call/call-target.ts';
import { Interests } from './listen/interests.ts';
import { ListenRouter } from './listen/listen.ts';
import { listAnswer } from './lists.ts';
import { requestedPage } from './paging.ts';
import type { CallObserver, ConnectorDirectory, ListDemand, UpstreamSignal } from './ports.ts';
import { refuseUnknown, type NamingRequest } from './call/refuse-unknown.ts';
import type { Reply } from './reply/reply.ts';
import { SessionRequests } from './session/session-requests.ts';
import { SessionTasks } from './session/session-tasks.ts';
import { troubleOf } from './call/trouble.ts';

export interface AnswererOptions {
  readonly catalog: CatalogCell<UpstreamAccess>;
  readonly demand: ListDemand;
  readonly directory: ConnectorDirectory;
  readonly signal: UpstreamSignal;
  readonly identity: ServerIdentity;
  /** Between connector id and name on the shared endpoint, e.g. `__`. */
  readonly separator: string;
  /** Items on one page of a list. Default 0: all on one page. */
  readonly listPageSize?: number | undefined;
  readonly instruments: Pick<Instruments, 'find' | 'listRequested' | 'listAnswered' | 'questions'>;
  /** Default: 10,000 calls, 1,000 of one principal. */
  readonly callLimits?: CallLimits | undefined;
  /** Hears of every call. Default: nobody does. */
  readonly observer?: CallObserver | undefined;
}

type Found = Route<UpstreamAccess>;

/** A call that went to an upstream, nothing when there was none, or a promise of either. */
export type Answered = Promise<ForwardedCall | undefined> | ForwardedCall | undefined;

/** What both eras have in common: lists from memory, calls to the upstream that offers the name. */
export class Answerer {
  readonly #options: AnswererOptions;
  readonly #desk: CallDesk;
  readonly #filtered = new FilteredViews<UpstreamAccess>();
  /** What clients want of servers beside answers. */
  readonly interests: Interests;
  /** Modern clients that listen. */
  readonly listens: ListenRouter;
  /** What only sessions ask. */
  readonly sessionRequests: SessionRequests;
  readonly sessionTasks: SessionTasks;
  readonly #unsubscribe: () => void;

  constructor(options: AnswererOptions) {
    this.#options = options;
    this.interests = new Interests(options.catalog);
    const view = this.view.bind(this);
    this.#desk = new CallDesk({ ...options, view, interests: this.interests });
    const { tasks } = this.#desk;
    this.listens = new ListenRouter({
      interests: this.interests,
      profile: ({ connectorId, principal }) =>
        this.profile(connectorId, 'modern', principal.policy),
      findResource: async (request, uri) => await this.#findSoon(resource(uri), request),
      findTask: async (request, name) =>
        tasks.listenTo(request, await this.#findSoon({ kind: 'tasks', name }, request)),
    });
    this.sessionRequests = new SessionRequests({
      interests: this.interests,
      offersLogging: ({ connectorId, principal }) =>
        Object.hasOwn(
          this.profile(connectorId, 'legacy', principal.policy).capabilities,
          'logging',
        ),
      requireResource: async (request, uri) =>
        (await this.#findSoon(resource(uri), request)) ??
        this.#refuse(resource(uri), { ...request, era: 'legacy' }, performance.now()),
    });
    this.sessionTasks = new SessionTasks({
      owners: tasks.owners,
      view: ({ connectorId, principal: { policy } }) => this.view(connectorId, policy),
      capability: ({ connectorId, principal: { policy } }) =>
        this.profile(connectorId, 'legacy', policy).capabilities['tasks'],
    });
    this.#unsubscribe = options.catalog.subscribe((change) => this.listens.announce(change));
  }

  /** Calls on their way. */
  get inFlight(): number {
    return this.#desk.inFlight;
  }

  calls(): readonly ForwardedCall[] {
    return this.#desk.calls();
  }

  /** What an endpoint offers, to somebody who may see everything or what `policy` leaves. */
  view(connectorId: string | undefined, policy?: ViewFilter): CatalogView<UpstreamAccess> {
    const { current } = this.#options.catalog;
    if (policy !== undefined) return this.#filtered.of(current, connectorId, policy);
    if (connectorId === undefined) return current.all;
    return current.connectors.get(connectorId) ?? EMPTY_VIEW;
  }

  /** Waits, as a first list does, until something is known of an endpoint's own server; undefined when it is. */
  known(connectorId: string | undefined): Promise<void> | undefined {
    if (connectorId === undefined || this.view(connectorId).info !== undefined) return undefined;
    return this.#options.demand.listWanted(connectorId);
  }

  profile(connectorId: string | undefined, era: Era, policy?: ViewFilter): EndpointProfile {
    const { identity, demand } = this.#options;
    const complete = demand.complete(connectorId);
    return profileOf(this.view(connectorId, policy), { connectorId, identity, complete, era });
  }

  /** True when the method is one of those both eras share; the answer then goes to `reply`. */
  handles(method: string): boolean {
    return LIST_BY_METHOD.has(method) || isForwarded(method);
  }

  /** As `handles`, for what only modern clients ask. */
  handlesModern(
    method: string,
    { connectorId, principal }: Pick<ClientRequest, 'connectorId' | 'principal'>,
  ): boolean {
    if (this.handles(method)) return true;
    return isForwardedModern(method, this.view(connectorId, principal.policy));
  }

  /**
   * Answers a list or forwards a call.
   * @returns the call when one went to an upstream; a promise only where something must be waited for.
   * @throws ProtocolError when the request names nothing that is offered.
   */
  answer(request: ClientRequest, reply: Reply): Answered {
    const kind = LIST_BY_METHOD.get(request.method);
    if (kind === undefined) return this.#forward(request, reply);
    this.#options.instruments.listRequested(request.method);
    const wait = this.#options.demand.listWanted(request.connectorId);
    if (wait !== undefined) return this.#answerListLater(wait, kind, request, reply);
    const judged = this.#judged(kind, request);
    if (judged !== undefined) return this.#answerListJudged(judged, kind, request, reply);
    this.#answerList(kind, request, reply, false);
    return undefined;
  }

  /** Ends what is still under way, with an error the clients can read. */
  close(): void {
    this.#unsubscribe();
    this.listens.close();
    this.interests.close();
    this.#desk.close();
  }

  /** The route of what is named; while nothing is known of a connector yet, the name may be its. */
  async #findSoon(
    target: CallTarget,
    { connectorId, principal: { policy } }: Pick<ClientRequest, 'connectorId' | 'principal'>,
  ): Promise<Found | undefined> {
    const route = findRoute(this.view(connectorId, policy), target);
    if (route !== undefined) return route;
    await this.#options.demand.listWanted(connectorId);
    return findRoute(this.view(connectorId, policy), target);
  }

  #answerList(kind: ListKind, request: ClientRequest, reply: Reply, waited: boolean): void {
    const { id, era, connectorId, principal } = request;
    const { policy } = principal;
    const page = requestedPage(kind, request, this.#options.listPageSize);
    const { demand, directory, identity } = this.#options;
    const known = connectorId === undefined || this.view(connectorId).info !== undefined;
    const trouble = known ? undefined : troubleOf(connectorId, directory);
    if (trouble !== undefined) {
      const { message, data } = trouble;
      const error = errorObject(RPC.connectorUnavailable, message, data);
      reply.answer(200, errorText(JSON.stringify(id), error));
      return;
    }
    const degraded = demand.degraded(connectorId, policy);
    const view = this.view(connectorId, policy);
    this.#options.instruments.listAnswered(waited, degraded !== undefined);
    const options = {
      id,
      era,
      page,
      // A legacy answer says neither.
      complete: era === 'legacy' || demand.complete(connectorId),
      serverInfo: serverInfoOf(view, { connectorId, identity }),
      degraded,
    };
    reply.answerParts(listAnswer(view, kind, options));
  }

  /** Until a long list has been judged item by item; undefined when it has, or all of it may be seen. */
  #judged(kind: ListKind, { connectorId, principal }: ClientRequest): Promise<void> | undefined {
    const { policy } = principal;
    return policy && this.#filtered.prepare(kind, this.view(connectorId), policy);
  }

  async #answerListJudged(
    judged: Promise<void>,
    kind: ListKind,
    request: ClientRequest,
    reply: Reply,
  ): Promise<undefined> {
    await judged;
    this.#answerList(kind, request, reply, false);
  }

  async #answerListLater(
    wait: Promise<void>,
    kind: ListKind,
    request: ClientRequest,
    reply: Reply,
  ): Promise<undefined> {
    await wait;
    await this.#judged(kind, request);
    this.#answerList(kind, request, reply, true);
  }

  #forward(request: ClientRequest, reply: Reply): Answered {
    const resumed = this.#desk.resume(request, reply);
    if (resumed !== undefined) return resumed;
    const startedAtMs = performance.now();
    assertRecorded(this.#options.observer, request.id);
    const target = targetOf(request);
    const route = findRoute(this.view(request.connectorId, request.principal.policy), target);
    if (route === undefined) return this.#forwardLater({ request, reply, target, startedAtMs });
    return this.#desk.send({ request, reply, target, startedAtMs }, route);
  }

  async #forwardLater(asked: Asked): Promise<ForwardedCall | undefined> {
    const { request, reply, target, startedAtMs } = asked;
    const route = await this.#findSoon(target, request);
    if (request.cancellation.reason !== undefined) {
      reply.drop();
      const end = { outcome: 'cancelled', code: undefined, startedAtMs } as const;
      noteEnd(this.#options.observer, request, undefined, end);
      return undefined;
    }
    return this.#desk.send(asked, route ?? this.#refuse(target, request, startedAtMs));
  }

  #refuse(target: CallTarget, request: NamingRequest, startedAtMs: number): never {
    const knows = (id: string): boolean => this.view(id).info !== undefined;
    const isDenied = (): boolean => findRoute(this.view(request.connectorId), target) !== undefined;
    return refuseUnknown(target, request, { ...this.#options, knows, isDenied, startedAtMs });
  }
}

const resource = (uri: string): CallTarget => ({ kind: 'resources', name: uri });
