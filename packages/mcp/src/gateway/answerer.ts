import { EMPTY_VIEW, type CatalogCell, type CatalogView, type Route } from '../catalog/catalog.ts';
import type { Instruments } from '../observability/instruments.ts';
import type { RequestParams } from '../protocol/json-rpc.ts';
import { LIST_BY_METHOD, type ListKind } from '../protocol/list-kind.ts';
import {
  ProtocolError,
  RPC,
  errorObject,
  errorText,
  type JsonObject,
  type JsonRpcId,
  type RawMember,
} from '../protocol/message.ts';
import type { Era } from '../protocol/revision.ts';
import type { Caller, UpstreamAccess } from '../upstream/upstream.ts';
import { CallDeadlines } from './call-deadlines.ts';
import type { Cancellation } from './cancellation.ts';
import { ForwardedCall } from './forward.ts';
import { profileOf, type EndpointProfile, type ServerIdentity } from './identity.ts';
import { listAnswer } from './lists.ts';
import type { ConnectorDirectory, ListDemand, UpstreamSignal } from './ports.ts';
import type { Reply } from './reply.ts';

/** A request as either era hands it over, its own envelope already checked. */
export interface ClientRequest {
  readonly id: JsonRpcId;
  readonly method: string;
  readonly params: RequestParams;
  readonly era: Era;
  /** One connector under its own names, or undefined for all under prefixed ones. */
  readonly connectorId: string | undefined;
  readonly caller: Caller;
  readonly paramHeaders: Readonly<Record<string, string>>;
  readonly cancellation: Cancellation;
}

export interface AnswererOptions {
  readonly catalog: CatalogCell<UpstreamAccess>;
  readonly demand: ListDemand;
  readonly directory: ConnectorDirectory;
  readonly signal: UpstreamSignal;
  readonly identity: ServerIdentity;
  /** Between connector id and name on the shared endpoint, e.g. `__`. */
  readonly separator: string;
  readonly instruments: Pick<Instruments, 'find' | 'listRequests'>;
}

type RoutedKind = 'tools' | 'prompts' | 'resources';
type Found = Route<UpstreamAccess>;

/** Methods that go to the upstream which offers the name or URI. */
const FORWARDED: ReadonlyMap<string, RoutedKind> = new Map<string, RoutedKind>([
  ['tools/call', 'tools'],
  ['prompts/get', 'prompts'],
  ['resources/read', 'resources'],
]);

/** What both eras have in common: lists from memory, calls to the upstream that offers the name. */
export class Answerer {
  readonly #options: AnswererOptions;
  readonly #deadlines = new CallDeadlines();
  readonly #calls = new Set<ForwardedCall>();
  readonly #countList = new Map<string, () => void>();

  constructor(options: AnswererOptions) {
    this.#options = options;
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

  profile(connectorId: string | undefined, listChanged: boolean): EndpointProfile {
    return profileOf(this.view(connectorId), connectorId, this.#options.identity, listChanged);
  }

  /** True when the method is one of those both eras share; the answer then goes to `reply`. */
  handles(method: string): boolean {
    return LIST_BY_METHOD.has(method) || FORWARDED.has(method);
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
    for (const call of this.#calls) call.shutDown();
  }

  #answerList(kind: ListKind, request: ClientRequest, reply: Reply): void {
    const { id, era, connectorId, params } = request;
    const { cursor } = params.value;
    if (cursor !== undefined && cursor !== null) {
      throw new ProtocolError(RPC.invalidParams, 'Invalid params: unknown cursor', { id });
    }
    const { demand, directory } = this.#options;
    const known = connectorId === undefined || this.view(connectorId).info !== undefined;
    const trouble = known ? undefined : directory.find(connectorId)?.trouble;
    if (trouble !== undefined) {
      reply.answer(200, errorText(JSON.stringify(id), troubleError(connectorId ?? '', trouble)));
      return;
    }
    const options = {
      id,
      era,
      complete: () => demand.complete(connectorId),
      serverInfo: () => this.profile(connectorId, false).serverInfo,
    };
    reply.answerParts(listAnswer(this.view(connectorId), kind, options));
  }

  async #forward(request: ClientRequest, reply: Reply): Promise<ForwardedCall | undefined> {
    const startedAtMs = performance.now();
    const kind = FORWARDED.get(request.method) ?? 'tools';
    const name = nameOf(request, kind);
    let route = this.#find(kind, name, request.connectorId);
    if (route === undefined) {
      // Only while nothing is known of a connector yet: the name may be its.
      await this.#options.demand.listWanted(request.connectorId);
      if (request.cancellation.reason !== undefined) {
        reply.drop();
        return undefined;
      }
      route = this.#find(kind, name, request.connectorId);
      route ??= this.#refuse(kind, name, request, startedAtMs);
    }
    const { id, method, era, caller, paramHeaders, params } = request;
    const call = new ForwardedCall(
      {
        id,
        method,
        members: renamed(params.members, name, route.upstreamName),
        meta: params.meta,
        name: method === 'resources/read' ? name : route.upstreamName,
        paramHeaders,
        era,
        caller,
      },
      route,
      reply,
      { deadlines: this.#deadlines, signal: this.#options.signal },
    );
    const { instruments } = this.#options;
    const meter = kind === 'tools' ? instruments.find(route.connectorId) : undefined;
    call.whenDone((result) => {
      this.#calls.delete(call);
      meter?.toolCallEnded(result, performance.now() - startedAtMs);
    });
    this.#calls.add(call);
    call.start(route);
    request.cancellation.onCancel((reason) => call.cancel(reason));
    return call;
  }

  #find(kind: RoutedKind, name: string, connectorId: string | undefined): Found | undefined {
    const view = this.view(connectorId);
    return view[kind].get(name) ?? (kind === 'resources' ? templateRoute(view, name) : undefined);
  }

  /** Tells "not offered" from "the connector it belongs to cannot be used". */
  #refuse(kind: RoutedKind, name: string, request: ClientRequest, startedAtMs: number): never {
    const { id, era } = request;
    const owner = request.connectorId ?? name.split(this.#options.separator, 1)[0] ?? '';
    const known = this.view(owner).info !== undefined;
    const trouble = known ? undefined : this.#options.directory.find(owner)?.trouble;
    if (trouble !== undefined) {
      const { phase, code, message } = trouble;
      const data = { code, connector: owner, phase };
      const meter = kind === 'tools' ? this.#options.instruments.find(owner) : undefined;
      meter?.toolCallEnded('unavailable', performance.now() - startedAtMs);
      throw new ProtocolError(RPC.connectorUnavailable, `${owner}: ${message}`, { id, data });
    }
    const legacyResource = kind === 'resources' && era === 'legacy';
    const code = legacyResource ? RPC.resourceNotFound : RPC.invalidParams;
    throw new ProtocolError(code, `Unknown ${kind.slice(0, -1)}: ${name}`, { id });
  }
}

function nameOf({ id, params }: ClientRequest, kind: RoutedKind): string {
  const key = kind === 'resources' ? 'uri' : 'name';
  const name = params.value[key];
  if (typeof name === 'string' && name !== '') return name;
  throw new ProtocolError(RPC.invalidParams, `Invalid params: ${key} must be a string`, { id });
}

function troubleError(
  connectorId: string,
  { phase, code, message }: { phase: string; code: string; message: string },
): string {
  const data: JsonObject = { code, connector: connectorId, phase };
  return errorObject(RPC.connectorUnavailable, `${connectorId}: ${message}`, data);
}

/** The members of a call in the upstream's names: only `name` ever differs. */
function renamed(
  members: readonly RawMember[],
  name: string,
  upstreamName: string,
): readonly RawMember[] {
  if (name === upstreamName) return members;
  return members.map((member) =>
    member.key === 'name' ? { key: 'name', text: JSON.stringify(upstreamName) } : member,
  );
}

/** A URI nobody lists may still be one a template describes: the longest literal beginning wins. */
function templateRoute(
  view: CatalogView<UpstreamAccess>,
  uri: string,
): Route<UpstreamAccess> | undefined {
  const match = view.templates.find(({ prefix }) => prefix !== '' && uri.startsWith(prefix));
  return match && { ...match.route, upstreamName: uri };
}
