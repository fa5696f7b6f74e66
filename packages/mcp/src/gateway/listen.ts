import type { CatalogChange } from '../catalog/catalog.ts';
import type { RequestParams } from '../protocol/json-rpc.ts';
import { LIST_KINDS, LIST_SHAPES, type ListKind } from '../protocol/list-kind.ts';
import {
  ProtocolError,
  RPC,
  errorObject,
  errorText,
  resultText,
  type JsonObject,
  type JsonRpcId,
} from '../protocol/message.ts';
import { META } from '../protocol/revision.ts';
import type { Caller } from '../upstream/upstream.ts';
import type { Interests, Subscriber, SubscriptionTarget } from './interests.ts';
import type { Reply } from './reply.ts';

/** One `subscriptions/listen` request (spec 2026-07-28, basic/patterns/subscriptions). */
export interface ListenRequest {
  readonly id: JsonRpcId;
  readonly params: RequestParams;
  readonly connectorId: string | undefined;
  readonly caller: Caller;
}

export interface ListenOptions {
  readonly interests: Interests;
  /** What the endpoint says it can tell. */
  readonly capabilities: (connectorId: string | undefined) => JsonObject;
  readonly serverInfo: (connectorId: string | undefined) => JsonObject;
  /** The route of a resource, waiting for it as a call does; undefined when nobody offers it. */
  readonly findResource: (
    request: ListenRequest,
    uri: string,
  ) => Promise<SubscriptionTarget | undefined>;
  readonly limits?: Partial<ListenLimits>;
}

export interface ListenLimits {
  /** Open at the same time; more are refused. Default 1024. */
  readonly maxListens: number;
  /** Resources of one request. Default 1000. */
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

/** The members of a filter that name lists. */
const LIST_FLAGS: ReadonlyMap<string, readonly ListKind[]> = new Map([
  ['toolsListChanged', ['tools']],
  ['promptsListChanged', ['prompts']],
  ['resourcesListChanged', ['resources', 'resourceTemplates']],
]);

interface Filter {
  readonly flags: readonly string[];
  readonly resources: readonly string[];
}

function invalid(id: JsonRpcId, why: string): ProtocolError {
  return new ProtocolError(RPC.invalidParams, `Invalid params: ${why}`, { id });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readFilter({ id, params }: ListenRequest, maxResources: number): Filter {
  const { notifications } = params.value;
  if (!isObject(notifications)) throw invalid(id, 'notifications must be an object');
  const flags = [...LIST_FLAGS.keys()].filter((flag) => {
    const value = notifications[flag];
    if (value !== undefined && typeof value !== 'boolean') {
      throw invalid(id, `notifications.${flag} must be true or false`);
    }
    return value === true;
  });
  const { resourceSubscriptions: uris = [] } = notifications;
  if (!Array.isArray(uris) || !uris.every((uri) => typeof uri === 'string')) {
    throw invalid(id, 'notifications.resourceSubscriptions must be an array of strings');
  }
  if (uris.length > maxResources) {
    throw invalid(id, `notifications.resourceSubscriptions has more than ${maxResources} entries`);
  }
  return { flags, resources: [...new Set(uris)] };
}

/** What is left of a filter of lists: what the endpoint offers. */
function offeredFlags(flags: readonly string[], capabilities: JsonObject): readonly string[] {
  return flags.filter((flag) =>
    LIST_FLAGS.get(flag)?.some((kind) => {
      const capability = capabilities[LIST_SHAPES[kind].capability];
      return isObject(capability) && capability['listChanged'] === true;
    }),
  );
}

const LISTEN = 'subscriptions/listen';
/** Notifications that may wait for the acknowledgement of one stream. */
const MAX_EARLY = 1_000;

/** One client that listens. */
class Listen implements Subscriber {
  readonly caller: Caller;
  readonly connectorId: string | undefined;
  readonly #id: JsonRpcId;
  readonly #reply: Reply;
  readonly #kinds: ReadonlySet<ListKind>;
  #early: string[] | undefined = [];

  constructor({ id, caller, connectorId }: ListenRequest, reply: Reply, flags: readonly string[]) {
    this.caller = caller;
    this.connectorId = connectorId;
    this.#id = id;
    this.#reply = reply;
    this.#kinds = new Set(flags.flatMap((flag) => LIST_FLAGS.get(flag) ?? []));
  }

  updated(text: string): void {
    const { params }: { params?: JsonObject } = JSON.parse(text);
    this.send('notifications/resources/updated', params ?? {});
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
    const { id, connectorId } = request;
    const filter = readFilter(request, this.#limits.maxResources);
    if (this.#listens.size >= this.#limits.maxListens) {
      const why = `Too many subscriptions: at most ${this.#limits.maxListens} at a time`;
      reply.answer(200, errorText(JSON.stringify(id), errorObject(RPC.internalError, why)));
      return;
    }
    const flags = offeredFlags(filter.flags, this.#options.capabilities(connectorId));
    const listen = new Listen(request, reply, flags);
    this.#add(listen);
    // Before anything is awaited: the client may be gone by then.
    reply.onGone(() => this.#remove(listen));
    const resources = await this.#subscribe(request, listen, filter.resources);
    if (!this.#listens.has(listen)) return;
    const acknowledged = listen.acknowledge({
      ...Object.fromEntries(flags.map((flag) => [flag, true])),
      ...(resources.length > 0 && { resourceSubscriptions: resources }),
    });
    if (!acknowledged) {
      this.#remove(listen);
      const error = errorObject(RPC.invalidRequest, `${LISTEN} needs Accept: text/event-stream`);
      reply.answer(406, errorText(JSON.stringify(id), error));
      return;
    }
    if (flags.length === 0 && resources.length === 0) this.#end(listen);
  }

  /** Lists have changed. */
  announce(change: CatalogChange): void {
    for (const listen of this.#listens) {
      const { connectorId } = listen;
      const kinds = connectorId === undefined ? change.all : change.connectors.get(connectorId);
      if (kinds !== undefined) listen.changed(kinds);
    }
  }

  /** Ends every stream in order. */
  close(): void {
    for (const listen of this.#listens) this.#end(listen);
  }

  /** The resources that servers agreed to tell about. One that does not answer in time has not objected. */
  async #subscribe(
    request: ListenRequest,
    listen: Listen,
    uris: readonly string[],
  ): Promise<readonly string[]> {
    const agreed = await Promise.all(
      uris.map(async (uri) => {
        const to = await this.#options.findResource(request, uri);
        if (to === undefined || !this.#listens.has(listen)) return [];
        const answer = this.#options.interests.subscribe(to, uri, listen).then(
          () => [uri],
          // The acknowledgement leaves it out, which is how the client is told.
          () => [],
        );
        return await inTime(answer, [uri], this.#limits.agreeWithinMs);
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
    listen.end(this.#options.serverInfo(listen.connectorId));
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
