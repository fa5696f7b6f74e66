import type { JsonObject } from '../protocol/message.ts';
import { moreVerbose } from '../protocol/log-level.ts';
import { META } from '../protocol/revision.ts';
import type { Caller, Upstream, UpstreamAccess } from '../upstream/upstream.ts';
import type { Subscriber } from './interests.ts';

/** An update without the tag of the stream it came on. */
interface Update {
  readonly uri: string;
  readonly text: string;
  /** The text for a client that knows `uri` as `shownUri`. */
  under(uri: string, shownUri: string): string;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readUpdate(text: string): Update | undefined {
  const message: unknown = JSON.parse(text);
  const params = isObject(message) ? message['params'] : undefined;
  if (!isObject(message) || !isObject(params) || typeof params['uri'] !== 'string')
    return undefined;
  const { _meta: meta, ...rest } = params;
  const tags = isObject(meta) ? Object.entries(meta) : [];
  const kept = tags.filter(([key]) => key !== META.subscriptionId);
  const clean = kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
  const { uri: updated } = params;
  const write = (uri: string): string => JSON.stringify({ ...message, params: { ...clean, uri } });
  return {
    uri: updated,
    text: tags.length === kept.length ? text : write(updated),
    under: (uri, shownUri) => write(shownUri + updated.slice(uri.length)),
  };
}

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
    const followed: Followed = { clients, agreed: this.#apply() };
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
    const update = readUpdate(text);
    if (update === undefined) return;
    for (const [uri, { clients }] of this.#followed) {
      if (!covers(uri, update.uri)) continue;
      for (const [subscriber, shownUri] of clients) {
        subscriber.updated(shownUri === uri ? update.text : update.under(uri, shownUri));
      }
    }
  }

  #drop(uri: string, subscriber: Subscriber): boolean {
    const clients = this.#followed.get(uri)?.clients;
    if (clients?.delete(subscriber) !== true || clients.size > 0) return false;
    return this.#followed.delete(uri);
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
  if (uri === updated) return true;
  const folder = uri.endsWith('/') ? uri : `${uri}/`;
  return (
    updated.startsWith(folder) || updated.startsWith(`${uri}#`) || updated.startsWith(`${uri}?`)
  );
}
