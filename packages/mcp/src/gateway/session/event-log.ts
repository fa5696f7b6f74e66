import type { ServerResponse } from 'node:http';
import { KEEP_ALIVE_MS, MAX_UNREAD_BYTES, eventFrame, limitUnread } from '../reply/http-reply.ts';

export interface EventLogLimits {
  /** Of one session, in characters of JSON; the oldest give way, down to the last. Default 1 Mi. */
  readonly maxSessionSize: number;
  /** Of all sessions together. Default 64 Mi. */
  readonly maxSize: number;
  /** How long an event can be had again. Default 5 min. */
  readonly ttlMs: number;
  /** What clients are told to wait before they come back. Default 1 s. */
  readonly retryMs: number;
}
export const DEFAULT_EVENT_LOG_LIMITS: EventLogLimits = {
  maxSessionSize: 1_048_576,
  maxSize: 67_108_864,
  ttlMs: 300_000,
  retryMs: 1_000,
};

interface LoggedEvent {
  readonly number: number;
  readonly text: string;
  readonly atMs: number;
  forget(): void;
}

/** Events of all sessions, oldest first, so that together they stay within bounds. */
export class EventBudget {
  readonly limits: EventLogLimits;
  readonly #events = new Set<LoggedEvent>();
  #size = 0;

  constructor(limits: EventLogLimits = DEFAULT_EVENT_LOG_LIMITS) {
    this.limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  hold(event: LoggedEvent): void {
    this.#events.add(event);
    this.#size += event.text.length;
    for (const oldest of this.#events) {
      if (this.#size <= this.limits.maxSize) return;
      oldest.forget();
    }
  }

  release(event: LoggedEvent): void {
    if (this.#events.delete(event)) this.#size -= event.text.length;
  }
}

/** One event stream of a session that is taken up again where it was cut (spec 2025-11-25, resumability). */
export class ResumableStream {
  readonly #log: EventLog;
  readonly #number: number;
  readonly #events = new Map<number, LoggedEvent>();
  #last = 0;
  /** The first event that was sent while nobody listened. */
  #unheardFrom: number | undefined;
  #out: ServerResponse | undefined;
  #ended = false;
  #writtenAtMs = 0;
  #onDrain: () => void = () => undefined;

  constructor(log: EventLog, number: number) {
    this.#log = log;
    this.#number = number;
  }

  get connected(): boolean {
    return this.#out !== undefined;
  }

  /** True when nothing will ever be sent again, and nothing is left to be had again. */
  get forgotten(): boolean {
    return this.#ended && this.#events.size === 0 && this.#out === undefined;
  }

  /** Called when the client reads again, or is gone and holds up nobody. */
  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  /** Begins the stream: an event without data, whose id lets the client come back, and when to (SEP-1699). */
  open(out: ServerResponse, retryMs: number = this.#log.limits.retryMs): void {
    this.#attach(out);
    this.#write(`id: ${this.#number}-0\nretry: ${retryMs}\ndata: \n\n`);
  }

  /** Goes on after the event of that number; whoever read the stream until now is cut off. */
  resume(out: ServerResponse, after: number): void {
    this.#out?.end();
    this.#unheardFrom = undefined;
    this.#attach(out);
    // Sent at once, so that the client knows it was understood. With an id: the v1 SDK begins each stream without one, and
    // would have no place to come back to if this stream were cut before its next event.
    this.#write(`id: ${this.#number}-${after}\ndata: \n\n`);
    for (const { number, text } of this.#events.values()) {
      if (number > after) this.#write(this.#frame(number, text));
    }
    if (this.#ended) this.#finish(out);
  }

  /** Sends a message, or keeps it for a client that comes back. */
  send(text: string): 'sent' | 'slow' | 'dropped' {
    if (this.#ended || this.overfull) return 'dropped';
    return this.#send(text) ? 'sent' : 'slow';
  }

  /** What was sent while nobody listened, for a client that opens another stream instead of coming back. */
  get unheard(): readonly string[] {
    const from = this.#unheardFrom ?? Infinity;
    return [...this.#events.values()]
      .filter(({ number }) => number >= from)
      .map(({ text }) => text);
  }

  /** True when the client leaves too much unread. */
  get overfull(): boolean {
    return (this.#out?.writableLength ?? 0) > MAX_UNREAD_BYTES;
  }

  /** Cuts off a client that reads too slowly; it may come back. */
  cut(): void {
    this.#out?.destroy();
    this.#out = undefined;
  }

  /** Sends the last message and ends the stream; it can be had again for a while. */
  end(text?: string): void {
    if (this.#ended) return;
    if (text !== undefined) this.#send(text);
    this.#ended = true;
    this.#finish(this.#out);
  }

  /** Lets the client go; it comes back for the rest after `retryMs`. */
  suspend(retryMs: number): void {
    // Clients ignore what has more than digits.
    this.#write(`retry: ${Math.ceil(retryMs)}\n\n`);
    this.#out?.end();
  }

  keepAlive(nowMs: number): void {
    if (nowMs - this.#writtenAtMs >= KEEP_ALIVE_MS) this.#write(': keep-alive\n\n');
  }

  /** Forgets what came before that time. */
  expire(beforeMs: number): void {
    for (const event of this.#events.values()) {
      if (event.atMs > beforeMs) return;
      event.forget();
    }
  }

  close(): void {
    this.end();
    for (const event of this.#events.values()) event.forget();
  }

  #finish(out: ServerResponse | undefined): void {
    out?.end();
    if (out !== undefined) limitUnread(out);
  }

  #attach(out: ServerResponse): void {
    this.#out = out;
    out.on('drain', () => this.#onDrain());
    out.once('close', () => {
      if (this.#out !== out) return;
      this.#out = undefined;
      this.#onDrain();
    });
  }

  #send(text: string): boolean {
    this.#last += 1;
    const number = this.#last;
    if (this.#out === undefined) this.#unheardFrom ??= number;
    const event: LoggedEvent = {
      number,
      text,
      atMs: performance.now(),
      forget: () => {
        if (this.#events.delete(number)) this.#log.release(event);
      },
    };
    this.#events.set(number, event);
    this.#log.hold(event);
    return this.#write(this.#frame(number, text));
  }

  #frame(number: number, text: string): string {
    return `id: ${this.#number}-${number}\n${eventFrame(text)}`;
  }

  #write(text: string): boolean {
    const out = this.#out;
    if (out === undefined || out.writableEnded || out.destroyed) return true;
    this.#writtenAtMs = performance.now();
    return out.write(text);
  }
}

/** The streams of one session, with what was sent lately. */
export class EventLog {
  readonly #budget: EventBudget;
  readonly #streams = new Map<number, ResumableStream>();
  readonly #events = new Set<LoggedEvent>();
  #size = 0;
  #lastStream: number;

  /** @param lastStream number before that of the first stream. */
  constructor(budget: EventBudget, lastStream: number = 0) {
    this.#budget = budget;
    this.#lastStream = lastStream;
  }

  get limits(): EventLogLimits {
    return this.#budget.limits;
  }

  create(): ResumableStream {
    this.#lastStream += 1;
    const stream = new ResumableStream(this, this.#lastStream);
    this.#streams.set(this.#lastStream, stream);
    return stream;
  }

  /** The stream an event was sent on, and the event's number in it; undefined when there is nothing to go on with. */
  find(
    lastEventId: string,
  ): { readonly stream: ResumableStream; readonly after: number } | undefined {
    const [, stream, after] = /^(\d{1,9})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const found = this.#streams.get(Number(stream));
    return found && { stream: found, after: Number(after) };
  }

  hold(event: LoggedEvent): void {
    this.#events.add(event);
    this.#size += event.text.length;
    this.#budget.hold(event);
    for (const oldest of this.#events) {
      // The last one stays whatever its size: it is the answer, more often than not.
      if (this.#size <= this.limits.maxSessionSize || oldest === event) return;
      oldest.forget();
    }
  }

  release(event: LoggedEvent): void {
    if (!this.#events.delete(event)) return;
    this.#size -= event.text.length;
    this.#budget.release(event);
  }

  /** Forgets what is too old. */
  sweep(): void {
    const beforeMs = performance.now() - this.limits.ttlMs;
    for (const [number, stream] of this.#streams) {
      stream.expire(beforeMs);
      if (stream.forgotten) this.#streams.delete(number);
    }
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }
}
