import { createHash } from 'node:crypto';
import type { JsonObject } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';
import type { Caller, Upstream, UpstreamClient, UpstreamEvents } from '../../upstream/upstream.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../upstream/upstream-error.ts';
import { HeldUpstream } from './held-upstream.ts';
import { createUnavailableUpstream } from './unavailable-upstream.ts';
import type { SyncedUpstream } from './synced-upstream.ts';

export interface SessionUpstreamsOptions {
  readonly connectorId: string;
  /** Makes the connection of one client, or of clients that declared the same. */
  readonly create: (client: UpstreamClient, events: UpstreamEvents) => SyncedUpstream;
  /** What a server told unasked; `callerId` is undefined when several clients share the connection. */
  readonly told: (callerId: string | undefined, method: string, text: string) => void;
  /** Connections at a time; the longest unused idle one gives way. */
  readonly maxSessions: number;
  /** A connection without a call for this long is closed. In milliseconds. */
  readonly idleMs: number;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** What one caller's connection is kept under: its session, or what it declared when it has none. */
function keyOf({ id, capabilities }: Caller): string {
  if (id !== '') return `session ${id}`;
  const sorted = JSON.stringify(capabilities, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return `pool ${createHash('sha256').update(sorted).digest('base64')}`;
}

/** What a caller calls itself, where it is a session of its own. */
function clientInfoOf({ envelope }: Caller): JsonObject | undefined {
  const text = envelope.find(({ key }) => key === META.clientInfo)?.text;
  const info: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof info === 'object' && info !== null && !Array.isArray(info)
    ? { ...info }
    : undefined;
}

/**
 * A connection for each client of one connector (contract.md, isolation `session`), made when it is first used. Clients
 * without sessions share one with those that declared the same capabilities.
 */
export class SessionUpstreams {
  readonly #options: SessionUpstreamsOptions;
  /** Least recently used first. */
  readonly #held = new Map<string, HeldUpstream>();
  readonly #closing = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SessionUpstreamsOptions) {
    this.#options = options;
  }

  /** Connections held. */
  get size(): number {
    return this.#held.size;
  }

  /** Calls of clients under way, over all connections. */
  get inFlight(): number {
    let sum = 0;
    for (const held of this.#held.values()) sum += held.inFlight;
    return sum;
  }

  /** The caller's connection; one that fails every call when there can be none. */
  acquire(caller: Caller): Upstream {
    const key = keyOf(caller);
    const known = this.#held.get(key);
    if (known !== undefined) {
      known.touch();
      // The order of the map is that of use.
      this.#held.delete(key);
      this.#held.set(key, known);
      return known;
    }
    if (this.#closed) return this.#unavailable('CLOSED', 'the connector was closed');
    const { maxSessions } = this.#options;
    if (this.#held.size >= maxSessions && !this.#evict()) {
      const message = `all ${maxSessions} sessions of this connector are in use`;
      return this.#unavailable('QUOTA_EXCEEDED', message);
    }
    const held = this.#create(caller);
    this.#held.set(key, held);
    this.#timer ??= setInterval(() => this.#sweep(), this.#options.idleMs / 4).unref();
    return held;
  }

  /** Closes what was opened for this session alone. */
  release(callerId: string): void {
    this.#drop(`session ${callerId}`);
  }

  /** Tells the server behind this session something its client said. */
  notify(callerId: string, text: string): void {
    this.#held.get(`session ${callerId}`)?.notify(text);
  }

  /** Resolves when no call is under way, or after `maxMs`. */
  async drain(maxMs: number): Promise<void> {
    await Promise.all(Array.from(this.#held.values(), async (held) => await held.drain(maxMs)));
  }

  /** Closes every connection; there are none from then on. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const key of this.#held.keys()) this.#drop(key);
    await Promise.allSettled(this.#closing);
  }

  #create(caller: Caller): HeldUpstream {
    const { create, told, random } = this.#options;
    const sole = caller.id !== '';
    const client: UpstreamClient = {
      clientInfo: sole ? clientInfoOf(caller) : undefined,
      capabilities: caller.capabilities,
      sole,
    };
    const events: UpstreamEvents = {
      notification: (method, text) => {
        // The lists everybody sees are those of the shared connection, which hears of their changes itself.
        if (!method.endsWith('/list_changed')) told(sole ? caller.id : undefined, method, text);
      },
      closed: () => held.lost(),
    };
    const held = new HeldUpstream(create(client, events), sole, random);
    return held;
  }

  #drop(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    const closed = held.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
    if (this.#held.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #evict(): boolean {
    for (const [key, held] of this.#held) {
      if (held.isBusy) continue;
      this.#drop(key);
      return true;
    }
    return false;
  }

  #sweep(): void {
    for (const [key, held] of this.#held) {
      if (held.isBusy) held.touch();
      else if (held.idleMs >= this.#options.idleMs) this.#drop(key);
    }
  }

  #unavailable(code: UpstreamErrorCode, message: string): Upstream {
    const { connectorId } = this.#options;
    const details = { connectorId, phase: 'ready', unsent: true } as const;
    return createUnavailableUpstream(new UpstreamError(code, message, details));
  }
}
