import { moreVerbose } from '../../protocol/log-level.ts';
import {
  taskOfTopic,
  taskTopic,
  type Caller,
  type Upstream,
  type UpstreamAccess,
} from '../../upstream/upstream.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { Subscriber } from './interests.ts';
import { readUpdate } from './updates.ts';

/** A resource that clients subscribed to. */
interface Followed {
  /** Each with the URI it knows the resource by. */
  readonly clients: Map<Subscriber, string>;
  /** What the server said to this one: another's failure is nothing to these clients. */
  readonly agreed: Promise<void>;
}

/** What clients want of one upstream. */
export class Interest {
  readonly callerId: string;
  upstream: Upstream;
  readonly #caller: Caller;
  #target: UpstreamAccess;
  readonly #followed = new Map<string, Followed>();
  readonly #levels = new Map<Subscriber, string>();
  /** The most verbose of them. */
  #level: string | undefined;
  /** Of modern clients' calls; never lowered again. */
  #raised: string | undefined;
  #applied: Promise<void> = Promise.resolve();

  constructor(target: UpstreamAccess, upstream: Upstream, caller: Caller) {
    this.#target = target;
    this.upstream = upstream;
    this.callerId = caller.id;
    this.#caller = caller;
  }

  /** Nobody wants anything. */
  get empty(): boolean {
    return this.#followed.size === 0 && this.#level === undefined && this.#raised === undefined;
  }

  /** @param shownUri the URI the client knows it by; `uri` is the server's own. */
  async subscribe(uri: string, subscriber: Subscriber, shownUri: string): Promise<void> {
    const known = this.#followed.get(uri);
    if (known !== undefined) {
      known.clients.set(subscriber, shownUri);
      // The server may not have answered the first of them yet.
      await known.agreed;
      return;
    }
    const clients = new Map([[subscriber, shownUri]]);
    // What is wanted is read when those before it have been told, so it may be noted just after.
    const followed: Followed = { clients, agreed: this.#agreed(uri) };
    this.#followed.set(uri, followed);
    try {
      await followed.agreed;
    } catch (error) {
      if (this.#followed.get(uri) === followed) this.#followed.delete(uri);
      throw error;
    }
  }

  async unsubscribe(uri: string, subscriber: Subscriber): Promise<void> {
    if (this.#drop(uri, subscriber)) await this.#apply();
  }

  /** The client is gone, and with it what was opened for it alone. */
  release(subscriber: Subscriber): void {
    const dropped = [...this.#followed.keys()].filter((uri) => this.#drop(uri, subscriber));
    this.setLevel(subscriber, undefined);
    if (dropped.length > 0) this.#applyQuietly();
    if (this.callerId !== '' && subscriber.caller.id === this.callerId) {
      this.#target.release(this.callerId);
    }
  }

  /** Clients that share a connection share its level; what is too much for one is kept from it. */
  setLevel(subscriber: Subscriber, level: string | undefined): void {
    if (level === undefined) this.#levels.delete(subscriber);
    else this.#levels.set(subscriber, level);
    const before = this.#level;
    let most: string | undefined;
    for (const wanted of this.#levels.values()) {
      most = moreVerbose(most, wanted);
      // Many sessions begin and end, and few differ.
      if (most === before && moreVerbose(level, before) === before) break;
    }
    if (most === before) return;
    this.#level = most;
    this.#applyQuietly();
  }

  raise(level: string): void {
    const raised = moreVerbose(this.#raised, level);
    if (raised === this.#raised) return;
    this.#raised = raised;
    this.#applyQuietly();
  }

  /** The connector was replaced: its new upstream is told what the old one knew. */
  moveTo(target: UpstreamAccess): void {
    if (target === this.#target) return;
    this.#target = target;
    this.upstream = target.acquire(this.#caller);
    this.#applyQuietly();
  }

  /** Hands an update to whoever subscribed to the resource, or to one it is a part of. */
  deliver(text: string): void {
    const update = readUpdate(text, 'uri');
    if (update === undefined) return;
    for (const [uri, { clients }] of this.#followed) {
      if (!covers(uri, update.name)) continue;
      for (const [subscriber, shownUri] of clients) {
        const shown = shownUri + update.name.slice(uri.length);
        subscriber.updated(shownUri === uri ? update.text : update.as(shown));
      }
    }
  }

  /** Hands news of a task to whoever listens for it. */
  deliverTask(text: string): void {
    const update = readUpdate(text, 'taskId');
    const followed = update && this.#followed.get(taskTopic(update.name));
    if (update === undefined || followed === undefined) return;
    for (const [subscriber, shownId] of followed.clients) {
      subscriber.updated(shownId === update.name ? update.text : update.as(shownId));
    }
  }

  #drop(uri: string, subscriber: Subscriber): boolean {
    const clients = this.#followed.get(uri)?.clients;
    if (clients?.delete(subscriber) !== true || clients.size > 0) return false;
    return this.#followed.delete(uri);
  }

  /** Others may be asked for with it: what a server says to them is nothing to this one. */
  async #agreed(uri: string): Promise<void> {
    try {
      await this.#apply();
    } catch (error) {
      const isOthers = error instanceof UpstreamError && error.refused?.has(uri) === false;
      if (!isOthers) throw error;
    }
  }

  /** One after the other: a server must not hear of an older wish after a newer one. */
  async #apply(): Promise<void> {
    const before = this.#applied;
    const applied = (async () => {
      // Who wanted it was told of its failure.
      await before.catch(() => undefined);
      await this.upstream.setInterest({
        resources: new Set(this.#followed.keys()),
        logLevel: moreVerbose(this.#level, this.#raised),
      });
    })();
    this.#applied = applied;
    await applied;
  }

  #applyQuietly(): void {
    // Nobody waits: the upstream keeps what it is told and asks again when it next connects.
    this.#apply().catch(() => undefined);
  }
}

/** Whether an update of `updated` is one of `uri`: the same, or something below it (spec 2025-11-25, server/resources). */
function covers(uri: string, updated: string): boolean {
  if (taskOfTopic(uri) !== undefined) return false;
  if (uri === updated) return true;
  const folder = uri.endsWith('/') ? uri : `${uri}/`;
  return (
    updated.startsWith(folder) || updated.startsWith(`${uri}#`) || updated.startsWith(`${uri}?`)
  );
}
