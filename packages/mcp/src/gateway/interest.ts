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

/** Clients that subscribed to a resource, each with the URI it knows it by. */
type Subscribers = Map<Subscriber, string>;

/** What clients want of one upstream. */
export class Interest {
  readonly callerId: string;
  upstream: Upstream;
  readonly #caller: Caller;
  #target: UpstreamAccess;
  readonly #subscribers = new Map<string, Subscribers>();
  #level: string | undefined;
  /** Of modern clients' calls; never lowered again. */
  #raised: string | undefined;
  #agreed: Promise<void> = Promise.resolve();

  constructor(target: UpstreamAccess, upstream: Upstream, caller: Caller) {
    this.#target = target;
    this.upstream = upstream;
    this.callerId = caller.id;
    this.#caller = caller;
  }

  /** Nobody wants anything. */
  get empty(): boolean {
    return this.#subscribers.size === 0 && this.#level === undefined && this.#raised === undefined;
  }

  /** @param shownUri the URI the client knows it by; `uri` is the server's own. */
  async subscribe(uri: string, subscriber: Subscriber, shownUri: string): Promise<void> {
    const known = this.#subscribers.get(uri);
    if (known !== undefined) {
      known.set(subscriber, shownUri);
      // Another client's subscription may still be waiting for the server's word.
      await this.#agreed;
      return;
    }
    this.#subscribers.set(uri, new Map([[subscriber, shownUri]]));
    try {
      await this.#apply();
    } catch (error) {
      this.#subscribers.delete(uri);
      throw error;
    }
  }

  async unsubscribe(uri: string, subscriber: Subscriber): Promise<void> {
    if (this.#drop(uri, subscriber)) await this.#apply();
  }

  release(subscriber: Subscriber): void {
    const dropped = [...this.#subscribers.keys()].filter((uri) => this.#drop(uri, subscriber));
    if (dropped.length > 0) this.#applyQuietly();
  }

  setLevel(level: string | undefined): void {
    if (level === this.#level) return;
    this.#level = level;
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
    for (const [uri, subscribers] of this.#subscribers) {
      if (!covers(uri, update.uri)) continue;
      for (const [subscriber, shownUri] of subscribers) {
        subscriber.updated(shownUri === uri ? update.text : update.under(uri, shownUri));
      }
    }
  }

  #drop(uri: string, subscriber: Subscriber): boolean {
    const subscribers = this.#subscribers.get(uri);
    if (subscribers?.delete(subscriber) !== true || subscribers.size > 0) return false;
    return this.#subscribers.delete(uri);
  }

  /** One after the other: a server must not hear of an older wish after a newer one. */
  async #apply(): Promise<void> {
    const before = this.#agreed;
    const applied = (async () => {
      // Who wanted it was told of its failure.
      await before.catch(() => undefined);
      await this.upstream.setInterest({
        resources: new Set(this.#subscribers.keys()),
        logLevel: moreVerbose(this.#level, this.#raised),
      });
    })();
    this.#agreed = applied;
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
