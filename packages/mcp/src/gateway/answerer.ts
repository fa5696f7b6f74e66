import {
  EMPTY_VIEW,
  type CatalogCell,
  type CatalogView,
  type PageKey,
  type Route,
} from '../catalog/catalog.ts';
import type { Instruments } from '../observability/instruments.ts';
import { LIST_BY_METHOD, type ListKind } from '../protocol/list-kind.ts';
import { isLogLevel } from '../protocol/log-level.ts';
import { ProtocolError, RPC, errorObject, errorText } from '../protocol/message.ts';
import { META, NAME_PARAM, type Era } from '../protocol/revision.ts';
import type { UpstreamAccess } from '../upstream/upstream.ts';
import { CallDeadlines } from './call-deadlines.ts';
import type { ClientRequest } from './client-request.ts';
import { ForwardedCall, type ForwardPorts } from './forward.ts';
import { profileOf, type EndpointProfile, type ServerIdentity } from './identity.ts';
import {
  findRoute,
  isForwarded,
  isForwardedModern,
  targetOf,
  type CallTarget,
} from './call-target.ts';
import { Interests } from './interests.ts';
import { ListenRouter } from './listen.ts';
import { listAnswer } from './lists.ts';
import { headersOf, membersFor } from './outgoing-call.ts';
import { readCursor } from './paging.ts';
import type { ConnectorDirectory, ListDemand, UpstreamSignal } from './ports.ts';
import { isRetry, retryFor } from './input-required.ts';
import { ParkedCalls } from './parked-calls.ts';
import type { Reply } from './reply.ts';
import { createRequestStates } from './request-state.ts';
import { SessionRequests } from './session-requests.ts';
import { allowsTasks, taskReply } from './tasks.ts';
import { troubleOf } from './trouble.ts';

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
  readonly instruments: Pick<Instruments, 'find' | 'listRequests' | 'questions'>;
}

type Found = Route<UpstreamAccess>;

/** What both eras have in common: lists from memory, calls to the upstream that offers the name. */
export class Answerer {
  readonly #options: AnswererOptions;
  readonly #states = createRequestStates();
  readonly #parking = new ParkedCalls<ForwardedCall>(this.#states);
  readonly #ports: ForwardPorts;
  readonly #calls = new Set<ForwardedCall>();
  readonly #countList = new Map<string, () => void>();
  /** What clients want of servers beside answers. */
  readonly interests: Interests;
  /** Modern clients that listen. */
  readonly listens: ListenRouter;
  /** What only sessions ask. */
  readonly sessionRequests: SessionRequests;
  readonly #unsubscribe: () => void;

  constructor(options: AnswererOptions) {
    this.#options = options;
    const { questions } = options.instruments;
    questions.inc({ outcome: 'asked' }, 0);
    questions.inc({ outcome: 'refused' }, 0);
    this.#ports = {
      deadlines: new CallDeadlines(),
      signal: options.signal,
      parking: this.#parking,
      states: this.#states,
      countQuestion: (outcome) => questions.inc({ outcome }),
    };
    this.interests = new Interests(options.catalog);
    this.listens = new ListenRouter({
      interests: this.interests,
      capabilities: (id) => this.profile(id, 'modern').capabilities,
      serverInfo: (id) => this.profile(id, 'modern').serverInfo,
      findResource: async ({ connectorId }, uri) =>
        await this.#findSoon(resource(uri), connectorId),
    });
    this.sessionRequests = new SessionRequests({
      interests: this.interests,
      offersLogging: (id) => Object.hasOwn(this.profile(id, 'legacy').capabilities, 'logging'),
      requireResource: async ({ id, connectorId }, uri) =>
        (await this.#findSoon(resource(uri), connectorId)) ??
        this.#refuse(resource(uri), { id, connectorId, era: 'legacy' }, performance.now()),
    });
    this.#unsubscribe = options.catalog.subscribe((change) => this.listens.announce(change));
    for (const method of LIST_BY_METHOD.keys()) {
      const child = options.instruments.listRequests.labels(method);
      child.inc(0);
      this.#countList.set(method, () => child.inc());
    }
  }

  /** Calls on their way. */
  get inFlight(): number {
    return this.#calls.size;
  }

  view(connectorId: string | undefined): CatalogView<UpstreamAccess> {
    const { current } = this.#options.catalog;
    if (connectorId === undefined) return current.all;
    return current.connectors.get(connectorId) ?? EMPTY_VIEW;
  }

  /** Waits, as a first list does, until something is known of an endpoint's own server; undefined when it is. */
  known(connectorId: string | undefined): Promise<void> | undefined {
    if (connectorId === undefined || this.view(connectorId).info !== undefined) return undefined;
    return this.#options.demand.listWanted(connectorId);
  }

  profile(connectorId: string | undefined, era: Era): EndpointProfile {
    const { identity, demand } = this.#options;
    const complete = demand.complete(connectorId);
    return profileOf(this.view(connectorId), { connectorId, identity, complete, era });
  }

  /** True when the method is one of those both eras share; the answer then goes to `reply`. */
  handles(method: string): boolean {
    return LIST_BY_METHOD.has(method) || isForwarded(method);
  }

  /** As `handles`, for what only modern clients ask. */
  handlesModern(method: string, connectorId: string | undefined): boolean {
    return this.handles(method) || isForwardedModern(method, this.view(connectorId));
  }

  /**
   * Answers a list or forwards a call.
   * @returns the call when one went to an upstream, so that it can be cancelled.
   * @throws ProtocolError when the request names nothing that is offered.
   */
  async answer(request: ClientRequest, reply: Reply): Promise<ForwardedCall | undefined> {
    const kind = LIST_BY_METHOD.get(request.method);
    if (kind === undefined) return await this.#forward(request, reply);
    this.#countList.get(request.method)?.();
    const wait = this.#options.demand.listWanted(request.connectorId);
    if (wait !== undefined) await wait;
    this.#answerList(kind, request, reply);
    return undefined;
  }

  /** Ends what is still under way, with an error the clients can read. */
  close(): void {
    this.#unsubscribe();
    this.listens.close();
    this.interests.close();
    for (const call of this.#calls) call.shutDown();
    this.#parking.close();
  }

  /** The route of what is named; while nothing is known of a connector yet, the name may be its. */
  async #findSoon(target: CallTarget, connectorId: string | undefined): Promise<Found | undefined> {
    const route = findRoute(this.view(connectorId), target);
    if (route !== undefined) return route;
    await this.#options.demand.listWanted(connectorId);
    return findRoute(this.view(connectorId), target);
  }

  #answerList(kind: ListKind, request: ClientRequest, reply: Reply): void {
    const { id, era, connectorId } = request;
    const page = this.#pageOf(kind, request);
    const { demand, directory } = this.#options;
    const known = connectorId === undefined || this.view(connectorId).info !== undefined;
    const trouble = known ? undefined : troubleOf(connectorId, directory);
    if (trouble !== undefined) {
      const { message, data } = trouble;
      const error = errorObject(RPC.connectorUnavailable, message, data);
      reply.answer(200, errorText(JSON.stringify(id), error));
      return;
    }
    const options = {
      id,
      era,
      page,
      complete: () => demand.complete(connectorId),
      serverInfo: () => this.profile(connectorId, era).serverInfo,
      degraded: demand.degraded(connectorId),
    };
    reply.answerParts(listAnswer(this.view(connectorId), kind, options));
  }

  #pageOf(
    kind: ListKind,
    { id, params }: ClientRequest,
  ): { readonly after: PageKey | undefined; readonly size: number } | undefined {
    const { cursor } = params.value;
    const size = this.#options.listPageSize || Infinity;
    if (cursor === undefined || cursor === null) {
      return size === Infinity ? undefined : { after: undefined, size };
    }
    const after = typeof cursor === 'string' ? readCursor(kind, cursor) : undefined;
    if (after !== undefined) return { after, size };
    throw new ProtocolError(RPC.invalidParams, 'Invalid params: unknown cursor', { id });
  }

  async #forward(request: ClientRequest, reply: Reply): Promise<ForwardedCall | undefined> {
    const resumed = isRetry(request) ? this.#parking.resume(request, reply) : undefined;
    if (resumed !== undefined) {
      request.cancellation.onCancel((reason) => resumed.cancel(reason));
      return resumed;
    }
    const startedAtMs = performance.now();
    const target = targetOf(request);
    let route = findRoute(this.view(request.connectorId), target);
    if (route === undefined) {
      route = await this.#findSoon(target, request.connectorId);
      if (request.cancellation.reason !== undefined) {
        reply.drop();
        return undefined;
      }
      route ??= this.#refuse(target, request, startedAtMs);
    }
    this.#wantLogs(request, route);
    const sent = isRetry(request) ? this.#retried(request, route) : request;
    const call = new ForwardedCall(
      {
        request: sent,
        members: membersFor(route, target, sent),
        name: NAME_PARAM.has(sent.method) ? route.upstreamName : undefined,
        paramHeaders: headersOf(route, sent),
      },
      route,
      inSharedTerms(reply, sent, route),
      this.#ports,
    );
    const { instruments } = this.#options;
    const meter = target.kind === 'tools' ? instruments.find(route.connectorId) : undefined;
    call.whenDone((result) => {
      this.#calls.delete(call);
      meter?.toolCallEnded(result, performance.now() - startedAtMs);
    });
    this.#calls.add(call);
    call.start();
    request.cancellation.onCancel((reason) => call.cancel(reason));
    return call;
  }

  /** A legacy server knows no level of a request: it is told of the most verbose one any call asked for. */
  #wantLogs({ era, params, caller }: ClientRequest, route: Found): void {
    if (era === 'legacy') return;
    const member = params.meta.find(({ key }) => key === META.logLevel);
    const level: unknown = member && JSON.parse(member.text);
    if (!isLogLevel(level)) return;
    const { info } = this.view(route.connectorId);
    if (info?.era !== 'legacy' || !Object.hasOwn(info.capabilities, 'logging')) return;
    this.interests.raiseLogLevel(route, caller, level);
  }

  #retried(request: ClientRequest, { target }: Found): ClientRequest {
    return retryFor(request, target.acquire(request.caller).info?.era, this.#states);
  }

  /** Tells "not offered" from "the connector it belongs to cannot be used". */
  #refuse(
    { kind, name }: CallTarget,
    request: Pick<ClientRequest, 'id' | 'era' | 'connectorId'>,
    startedAtMs: number,
  ): never {
    const { id, era } = request;
    const owner = request.connectorId ?? name.split(this.#options.separator, 1)[0] ?? '';
    const known = this.view(owner).info !== undefined;
    const trouble = known ? undefined : troubleOf(owner, this.#options.directory);
    if (trouble !== undefined) {
      const { message, data } = trouble;
      const meter = kind === 'tools' ? this.#options.instruments.find(owner) : undefined;
      meter?.toolCallEnded('unavailable', performance.now() - startedAtMs);
      throw new ProtocolError(RPC.connectorUnavailable, message, { id, data });
    }
    const legacyResource = kind === 'resources' && era === 'legacy';
    const code = legacyResource ? RPC.resourceNotFound : RPC.invalidParams;
    const data = kind === 'resources' ? { uri: name } : undefined;
    throw new ProtocolError(code, `Unknown ${kind.slice(0, -1)}: ${name}`, { id, data });
  }
}

/** On the shared endpoint the id of a task says whose it is. */
function inSharedTerms(reply: Reply, request: ClientRequest, route: Found): Reply {
  const shared = request.connectorId === undefined && request.era === 'modern';
  return shared && allowsTasks(request.params.meta) ? taskReply(reply, route.connectorId) : reply;
}

const resource = (uri: string): CallTarget => ({ kind: 'resources', name: uri });
