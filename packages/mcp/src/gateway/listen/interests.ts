import type { CatalogCell, ServerBehind } from '../../catalog/catalog.ts';
import type { Caller, UpstreamAccess } from '../../upstream/upstream.ts';
import { Interest } from './interest.ts';

/** A client that wants to be told of what happens: a legacy session, or one `subscriptions/listen`. */
export interface Subscriber {
  readonly caller: Caller;
  /** Whether it may see anything of a connector. Default: it may. */
  sees?(connectorId: string): boolean;
  /** A resource it subscribed to, or a task, has changed; `text` is the notification as raw JSON, in its own terms. */
  updated(text: string): void;
}

/** Where a subscription goes. */
export interface SubscriptionTarget {
  readonly connectorId: string;
  readonly target: UpstreamAccess;
  /** The server's own URI of it; of a task its topic. */
  readonly upstreamName: string;
}

type ConnectorTarget = Pick<SubscriptionTarget, 'connectorId' | 'target'>;

interface WantedLevel {
  /** One connector, or undefined for all. */
  readonly connectorId: string | undefined;
  readonly level: string;
}

type Server = ServerBehind<UpstreamAccess>;

/**
 * What clients want of servers beside answers: updates of resources and log messages. Counted per upstream, so that a
 * server hears of each wish once, and again when the connector is replaced.
 */
export class Interests {
  readonly #catalog: CatalogCell<UpstreamAccess>;
  readonly #byConnector = new Map<string, Set<Interest>>();
  readonly #levels = new Map<Subscriber, WantedLevel>();
  /** Connectors that have been told all of them. */
  #leveled: ReadonlySet<string> = new Set();
  readonly #stop: () => void;

  constructor(catalog: CatalogCell<UpstreamAccess>) {
    this.#catalog = catalog;
    this.#stop = catalog.onSwap(() => this.#follow());
  }

  /** Upstreams that somebody wants something of. */
  get size(): number {
    let size = 0;
    for (const interests of this.#byConnector.values()) size += interests.size;
    return size;
  }

  /**
   * Subscribes to a resource, which the client knows as `uri`; a second time changes nothing.
   * @throws UpstreamError what the server says to it.
   */
  async subscribe(to: SubscriptionTarget, uri: string, subscriber: Subscriber): Promise<void> {
    const interest = this.#interestIn(to, subscriber.caller);
    try {
      await interest.subscribe(to.upstreamName, subscriber, uri);
    } catch (error) {
      this.#tidy(to.connectorId, interest);
      throw error;
    }
  }

  /** Resolves when the server knows; does nothing when there is no such subscription. */
  async unsubscribe(to: SubscriptionTarget, subscriber: Subscriber): Promise<void> {
    for (const interest of Array.from(this.#byConnector.get(to.connectorId) ?? [])) {
      const done = interest.unsubscribe(to.upstreamName, subscriber);
      this.#tidy(to.connectorId, interest);
      await done;
    }
  }

  /** The client is gone. */
  release(subscriber: Subscriber): void {
    this.#levels.delete(subscriber);
    for (const [connectorId, interests] of this.#byConnector) {
      for (const interest of interests) {
        interest.release(subscriber);
        this.#tidy(connectorId, interest);
      }
    }
  }

  /** A client wants log messages from this level on, of one connector or of all. */
  setLogLevel(subscriber: Subscriber, connectorId: string | undefined, level: string): void {
    const wanted = { connectorId, level };
    this.#levels.set(subscriber, wanted);
    this.#levelNew();
    for (const server of this.#logging()) this.#setLevel(server, subscriber, wanted);
  }

  /** A call wants log messages from this level on of a legacy server, which knows no level of a request. */
  raiseLogLevel(to: ConnectorTarget, caller: Caller, level: string): void {
    this.#interestIn(to, caller).raise(level);
  }

  /**
   * A server told of an updated resource.
   * @param callerId whose connection it was, when it is not shared.
   */
  resourceUpdated(connectorId: string, callerId: string | undefined, text: string): void {
    for (const interest of this.#byConnector.get(connectorId) ?? []) {
      if (callerId === undefined || interest.callerId === callerId) interest.deliver(text);
    }
  }

  /** As `resourceUpdated`, of a task. */
  taskUpdated(connectorId: string, callerId: string | undefined, text: string): void {
    for (const interest of this.#byConnector.get(connectorId) ?? []) {
      if (callerId === undefined || interest.callerId === callerId) interest.deliverTask(text);
    }
  }

  close(): void {
    this.#stop();
    this.#byConnector.clear();
    this.#levels.clear();
  }

  #interestIn({ connectorId, target }: ConnectorTarget, caller: Caller): Interest {
    const interests = this.#byConnector.get(connectorId) ?? new Set<Interest>();
    this.#byConnector.set(connectorId, interests);
    const upstream = target.acquire(caller);
    for (const interest of interests) {
      if (interest.upstream === upstream) return interest;
    }
    const interest = new Interest(target, upstream, caller);
    interests.add(interest);
    return interest;
  }

  #tidy(connectorId: string, interest: Interest): void {
    if (!interest.empty) return;
    const interests = this.#byConnector.get(connectorId);
    interests?.delete(interest);
    if (interests?.size === 0) this.#byConnector.delete(connectorId);
  }

  #follow(): void {
    if (this.#byConnector.size === 0 && this.#levels.size === 0) return;
    for (const { connectorId, target } of this.#catalog.current.all.servers) {
      for (const interest of this.#byConnector.get(connectorId) ?? []) interest.moveTo(target);
    }
    this.#levelNew();
  }

  #logging(): readonly Server[] {
    return this.#catalog.current.all.servers.filter(
      ({ info }) => info.era === 'legacy' && Object.hasOwn(info.capabilities, 'logging'),
    );
  }

  /** Tells connectors that came since the last time; with many sessions, telling all of them again would take long. */
  #levelNew(): void {
    const servers = this.#logging();
    for (const server of servers) {
      if (this.#leveled.has(server.connectorId)) continue;
      for (const [subscriber, wanted] of this.#levels) this.#setLevel(server, subscriber, wanted);
    }
    this.#leveled = new Set(servers.map(({ connectorId }) => connectorId));
  }

  #setLevel({ connectorId, target }: Server, subscriber: Subscriber, wanted: WantedLevel): void {
    // A server that a client cannot see must not hear of him, let alone be started for him.
    if (subscriber.sees?.(connectorId) === false) return;
    if (wanted.connectorId === undefined || wanted.connectorId === connectorId) {
      this.#interestIn({ connectorId, target }, subscriber.caller).setLevel(
        subscriber,
        wanted.level,
      );
      return;
    }
    for (const interest of this.#byConnector.get(connectorId) ?? []) {
      interest.setLevel(subscriber, undefined);
      this.#tidy(connectorId, interest);
    }
  }
}
