import type { Principal } from '../../auth/principal.ts';
import { changedKinds, type CatalogChange } from '../../catalog/catalog-change.ts';
import type { RequestParams } from '../../protocol/json-rpc.ts';
import { LIST_KINDS, LIST_SHAPES, type ListKind } from '../../protocol/list-kind.ts';
import {
  RPC,
  errorObject,
  errorText,
  resultText,
  type JsonObject,
  type JsonRpcId,
} from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';
import type { Caller } from '../../upstream/upstream.ts';
import type { EndpointProfile } from '../identity.ts';
import type { Interests, Subscriber, SubscriptionTarget } from './interests.ts';
import { LIST_FLAGS, isObject, offeredFlags, readFilter } from './listen-filter.ts';
import type { Reply } from '../reply/reply.ts';

/** One `subscriptions/listen` request (spec 2026-07-28, basic/patterns/subscriptions). */
export interface ListenRequest {
  readonly id: JsonRpcId;
  readonly params: RequestParams;
  readonly connectorId: string | undefined;
  readonly principal: Principal;
  readonly caller: Caller;
}

export interface ListenOptions {
  readonly interests: Interests;
  /** What the endpoint says of itself to that client. */
  readonly profile: (
    client: Pick<ListenRequest, 'connectorId' | 'principal'>,
  ) => Pick<EndpointProfile, 'capabilities' | 'serverInfo'>;
  /** The route of a resource, waiting for it as a call does; undefined when nobody offers it. */
  readonly findResource: (
    request: ListenRequest,
    uri: string,
  ) => Promise<SubscriptionTarget | undefined>;
  /** As `findResource`; undefined as well for the task of another client. */
  readonly findTask: (
    request: ListenRequest,
    taskId: string,
  ) => Promise<SubscriptionTarget | undefined>;
  readonly limits?: Partial<ListenLimits>;
}

export interface ListenLimits {
  /** Open at the same time; more are refused. Default 1024. */
  readonly maxListens: number;
  /** Resources, and tasks, of one request. Default 1000. */
  readonly maxResources: number;
  /** A comment is sent this often, so that no proxy takes the stream for dead. Default 15 s. */
  readonly keepAliveMs: number;
  /** How long servers have to agree before the client is told that they did not object. Default 5 s. */
  readonly agreeWithinMs: number;
}
const DEFAULT_LIMITS: ListenLimits = {
  maxListens: 1_024,
  maxResources: 1_000,
  keepAliveMs: 15_000,
  agreeWithinMs: 5_000,
};

const LISTEN = 'subscriptions/listen';
/** Notifications that may wait for the acknowledgement of one stream. */
const MAX_EARLY = 1_000;

/** One client that listens. */
class Listen implements Subscriber {
  readonly caller: Caller;
  readonly connectorId: string | undefined;
  readonly principal: Principal;
  readonly #id: JsonRpcId;
  readonly #reply: Reply;
  readonly #kinds: ReadonlySet<ListKind>;
  #early: string[] | undefined = [];

  constructor(request: ListenRequest, reply: Reply, flags: readonly string[]) {
    const { id, caller, connectorId, principal } = request;
    this.caller = caller;
    this.connectorId = connectorId;
    this.principal = principal;
    this.#id = id;
    this.#reply = reply;
    this.#kinds = new Set(flags.flatMap((flag) => LIST_FLAGS.get(flag) ?? []));
  }

  updated(text: string): void {
    const { method, params = {} }: { method: string; params?: JsonObject } = JSON.parse(text);
    this.send(method, params);
  }

  changed(kinds: ReadonlySet<ListKind>): void {
    const wanted = LIST_KINDS.filter((kind) => kinds.has(kind) && this.#kinds.has(kind));
    for (const method of new Set(wanted.map((kind) => LIST_SHAPES[kind].changed))) {
      this.send(method, {});
    }
  }

  send(method: string, params: JsonObject): void {
    const text = this.#tagged(method, params);
    if (this.#early === undefined) this.#write(text);
    else if (this.#early.length < MAX_EARLY) this.#early.push(text);
    else this.#reply.abort();
  }

  /**
   * What happened meanwhile follows the acknowledgement, which must come first.
   * @returns false when the client takes no event stream.
   */
  acknowledge(notifications: JsonObject): boolean {
    const early = this.#early ?? [];
    this.#early = undefined;
    const text = this.#tagged('notifications/subscriptions/acknowledged', { notifications });
    if (this.#reply.notify(text) === 'dropped') return false;
    for (const update of early) this.#write(update);
    return true;
  }

  #tagged(method: string, params: JsonObject): string {
    const meta = isObject(params['_meta']) ? params['_meta'] : {};
    const tagged = { ...params, _meta: { ...meta, [META.subscriptionId]: this.#id } };
    return JSON.stringify({ jsonrpc: '2.0', method, params: tagged });
  }

  #write(text: string): void {
    // A client that leaves a megabyte unread is cut off; it may listen again.
    if (this.#reply.notify(text) === 'dropped') this.#reply.abort();
  }

  keepAlive(): void {
    this.#reply.keepAlive();
  }

  /** Ends the stream in order: the client knows that it may listen again. */
  end(serverInfo: JsonObject): void {
    const meta = { [META.subscriptionId]: this.#id, [META.serverInfo]: serverInfo };
    const result = JSON.stringify({ resultType: 'complete', _meta: meta });
    this.#reply.answer(200, resultText(JSON.stringify(this.#id), result));
  }
}

/** Tells modern clients what has changed, as long as they listen. */
export class ListenRouter {
  readonly #options: ListenOptions;
  readonly #limits: ListenLimits;
  readonly #listens = new Set<Listen>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ListenOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /** Clients that listen now. */
  get size(): number {
    return this.#listens.size;
  }

  /**
   * Acknowledges what can be told of what was asked for, and tells it until the client goes.
   * @throws ProtocolError `-32602` for a filter that cannot be understood.
   */
  async serve(request: ListenRequest, reply: Reply): Promise<void> {
    const { id } = request;
    const filter = readFilter(request, this.#limits.maxResources);
    if (this.#listens.size >= this.#limits.maxListens) {
      const why = `Too many subscriptions: at most ${this.#limits.maxListens} at a time`;
      reply.answer(200, errorText(JSON.stringify(id), errorObject(RPC.internalError, why)));
      return;
    }
    const flags = offeredFlags(filter.flags, this.#options.profile(request).capabilities);
    const listen = new Listen(request, reply, flags);
    this.#add(listen);
    // Before anything is awaited: the client may be gone by then.
    reply.onGone(() => this.#remove(listen));
    const { findResource, findTask } = this.#options;
    const [resources, taskIds] = await Promise.all([
      this.#subscribe(listen, filter.resources, async (uri) => await findResource(request, uri)),
      this.#subscribe(listen, filter.tasks, async (task) => await findTask(request, task)),
    ]);
    if (!this.#listens.has(listen)) return;
    const acknowledged = listen.acknowledge({
      ...Object.fromEntries(flags.map((flag) => [flag, true])),
      ...(resources.length > 0 && { resourceSubscriptions: resources }),
      ...(taskIds.length > 0 && { taskIds }),
    });
    if (!acknowledged) {
      this.#remove(listen);
      const error = errorObject(RPC.invalidRequest, `${LISTEN} needs Accept: text/event-stream`);
      reply.answer(406, errorText(JSON.stringify(id), error));
      return;
    }
    if (flags.length + resources.length + taskIds.length === 0) this.#end(listen);
  }

  /** Lists have changed. */
  announce(change: CatalogChange): void {
    for (const listen of this.#listens) {
      const kinds = changedKinds(change, listen.connectorId, listen.principal.policy);
      if (kinds !== undefined) listen.changed(kinds);
    }
  }

  /** Ends every stream in order. */
  close(): void {
    for (const listen of this.#listens) this.#end(listen);
  }

  /** What servers agreed to tell about. One that does not answer in time has not objected. */
  async #subscribe(
    listen: Listen,
    names: readonly string[],
    find: (name: string) => Promise<SubscriptionTarget | undefined>,
  ): Promise<readonly string[]> {
    const agreed = await Promise.all(
      names.map(async (name) => {
        const to = await find(name);
        if (to === undefined || !this.#listens.has(listen)) return [];
        const answer = this.#options.interests.subscribe(to, name, listen).then(
          () => [name],
          // The acknowledgement leaves it out, which is how the client is told.
          () => [],
        );
        return await inTime(answer, [name], this.#limits.agreeWithinMs);
      }),
    );
    return agreed.flat();
  }

  #add(listen: Listen): void {
    this.#listens.add(listen);
    this.#timer ??= setInterval(() => {
      for (const open of this.#listens) open.keepAlive();
    }, this.#limits.keepAliveMs).unref();
  }

  #end(listen: Listen): void {
    this.#remove(listen);
    listen.end(this.#options.profile(listen).serverInfo);
  }

  #remove(listen: Listen): void {
    if (!this.#listens.delete(listen)) return;
    this.#options.interests.release(listen);
    if (this.#listens.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

async function inTime<T>(promise: Promise<T>, late: T, timeoutMs: number): Promise<T> {
  const { promise: timeout, resolve } = Promise.withResolvers<T>();
  const timer = setTimeout(() => resolve(late), timeoutMs);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
