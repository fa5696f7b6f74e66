import type { CatalogCell, ServerBehind } from '../catalog/catalog.ts';
import { moreVerbose } from '../protocol/log-level.ts';
import type { Caller, UpstreamAccess } from '../upstream/upstream.ts';
import { Interest } from './interest.ts';

/** A client that wants to be told of what happens: a legacy session, or one `subscriptions/listen`. */
export interface Subscriber {
  readonly caller: Caller;
  /** A resource it subscribed to has changed; `text` is the notification as raw JSON, in its own terms. */
  updated(text: string): void;
}

/** Where a subscription goes. */
export interface SubscriptionTarget {
  readonly connectorId: string;
  readonly target: UpstreamAccess;
  /** The server's own URI of it. */
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
    const hadLevel = this.#levels.delete(subscriber);
    for (const [connectorId, interests] of this.#byConnector) {
      for (const interest of interests) {
        interest.release(subscriber);
        this.#tidy(connectorId, interest);
      }
    }
    if (hadLevel) this.#applyLevels();
  }

  /** A client wants log messages from this level on, of one connector or of all. */
  setLogLevel(subscriber: Subscriber, connectorId: string | undefined, level: string): void {
    this.#levels.set(subscriber, { connectorId, level });
    this.#applyLevels();
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
    this.#applyLevels();
  }

  #applyLevels(): void {
    for (const server of this.#catalog.current.all.servers) {
      if (server.info.era === 'legacy' && Object.hasOwn(server.info.capabilities, 'logging')) {
        this.#applyLevel(server);
      }
    }
  }

  /** Clients that share a connection share its level: the most verbose one; what is too much for one is kept from it. */
  #applyLevel({ connectorId, target }: Server): void {
    const wanted = new Map<Interest, string>();
    for (const [subscriber, { connectorId: only, level }] of this.#levels) {
      if (only !== undefined && only !== connectorId) continue;
      const interest = this.#interestIn({ connectorId, target }, subscriber.caller);
      wanted.set(interest, moreVerbose(wanted.get(interest), level) ?? level);
    }
    for (const interest of Array.from(this.#byConnector.get(connectorId) ?? [])) {
      interest.setLevel(wanted.get(interest));
      this.#tidy(connectorId, interest);
    }
  }
}
