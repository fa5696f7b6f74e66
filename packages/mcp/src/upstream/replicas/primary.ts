import { announceUpdate } from '../streamable-http/notification-stream-lists.ts';
import type { Interest, UpstreamEvents } from '../upstream.ts';
import { isUnwell } from './health.ts';
import { PrimaryWatch } from './primary-watch.ts';
import type { Replica } from './replica.ts';
import type { TaskMakers } from './task-makers.ts';

export interface PrimaryOptions {
  readonly replicas: readonly Replica[];
  /** The first of them. */
  readonly first: Replica;
  readonly makers: TaskMakers<Replica>;
  readonly events: UpstreamEvents;
  /** Whether it is asked now and then if it is there, while somebody is subscribed. */
  readonly watched: boolean;
  /** How long it may take to answer that. */
  readonly timeoutMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** The one of several servers whose lists are ours and who is subscribed to; another one when it is not well. */
export class Primary {
  readonly #options: PrimaryOptions;
  readonly #watch: PrimaryWatch;
  readonly #closing = new AbortController();
  #current: Replica;
  #interest: Interest | undefined;
  /** It has not agreed yet to tell of what it should. */
  #owesInterest = false;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#current = options.first;
    const check = async (): Promise<void> => await this.#check();
    this.#watch = new PrimaryWatch({ check, random: options.random });
  }

  get current(): Replica {
    return this.#current;
  }

  /** Its connection is gone: it is asked at once whether it is there. */
  lost(): void {
    this.#watch.now();
  }

  /** Another one takes its place, if any is well. */
  leave(): void {
    const { replicas } = this.#options;
    const other = replicas.find((one) => one !== this.#current && one.health.state === 'in');
    if (other !== undefined) this.prefer(other);
  }

  /** One of them has answered: it is the first one now, and tells of changes. */
  prefer(replica: Replica): void {
    const before = this.#current;
    if (replica === before && !this.#owesInterest) return;
    this.#current = replica;
    const interest = this.#interest;
    if (interest === undefined || interest.resources.size === 0) return;
    void this.#follow(replica, interest);
    if (replica !== before) this.#wish(before, interest).catch(() => undefined);
  }

  async setInterest(interest: Interest): Promise<void> {
    const { replicas, watched } = this.#options;
    this.#interest = interest;
    this.#watch.set(watched && interest.resources.size > 0);
    const others = replicas.filter((one) => one !== this.#current && one.isRunning);
    // What they miss is asked for again after a reconnect; only the first one's word is waited for.
    for (const other of others) this.#wish(other, interest).catch(() => undefined);
    this.#owesInterest = false;
    await this.#wish(this.#current, interest);
  }

  close(): void {
    this.#closing.abort();
    this.#watch.set(false);
  }

  async #check(): Promise<void> {
    const replica = this.#current;
    const { upstream, health } = replica;
    const method = upstream.info?.era === 'modern' ? 'server/discover' : 'ping';
    const limits = { signal: this.#closing.signal, timeoutMs: this.#options.timeoutMs };
    try {
      await upstream.request(method, [], limits);
    } catch (error) {
      if (isUnwell(error)) {
        health.failed();
        if (replica === this.#current) this.leave();
        return;
      }
    }
    // What it did not agree to before is asked for again.
    if (replica === this.#current) this.prefer(replica);
  }

  /** What one of them is to tell of: the first one of all resources, each of the tasks that it made. */
  async #wish(replica: Replica, { resources, logLevel }: Interest): Promise<void> {
    const teller = (topic: string): Replica => this.#options.makers.tellsOf(topic) ?? this.#current;
    const own = [...resources].filter((topic) => teller(topic) === replica);
    await replica.upstream.setInterest({ resources: new Set(own), logLevel });
  }

  /** Has the first one tell of the resources from now on. Never rejects. */
  async #follow(replica: Replica, interest: Interest): Promise<void> {
    this.#owesInterest = false;
    try {
      await this.#wish(replica, interest);
    } catch {
      // What cannot be had now is asked for again when it next answers.
      this.#owesInterest = true;
      return;
    }
    // Between two servers nobody was told anything.
    for (const uri of interest.resources) announceUpdate(uri, this.#options.events);
  }
}
