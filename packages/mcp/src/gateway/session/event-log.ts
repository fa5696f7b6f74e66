import type { ServerResponse } from 'node:http';
import type { RawJson } from '../../protocol/json-bytes.ts';
import { AgeList, type AgePlace } from './age-list.ts';
import type { EventBudget, EventLogLimits, HeldEvent } from './event-budget.ts';
import {
  KEEP_ALIVE_MS,
  MAX_UNREAD_BYTES,
  eventFrame,
  eventParts,
  limitUnread,
} from '../reply/http-reply.ts';

class LoggedEvent implements HeldEvent {
  readonly number: number;
  readonly text: RawJson;
  readonly atMs: number = performance.now();
  inBudget: AgePlace<HeldEvent> | undefined;
  /** Where the log holds it; undefined while it does not. */
  inLog: AgePlace<LoggedEvent> | undefined;
  readonly #stream: ResumableStream;

  constructor(stream: ResumableStream, number: number, text: RawJson) {
    this.#stream = stream;
    this.number = number;
    this.text = text;
  }

  forget(): void {
    this.#stream.forget(this);
  }
}

/** Hears that a client reads again, or is gone and holds up nobody. An object, not a function: there is one for each stream. */
export interface DrainListener {
  drained(): void;
}

const NO_EVENTS: ReadonlyMap<number, LoggedEvent> = new Map();

/**
 * One event stream of a session that is taken up again where it was cut (spec 2025-11-25, resumability). Most wait for
 * hours with nothing to say: what they need for events is made with the first.
 */
export class ResumableStream {
  readonly number: number;
  readonly #log: EventLog;
  #events: Map<number, LoggedEvent> | undefined;
  #last = 0;
  /** The first event that was sent while nobody listened. */
  #unheardFrom: number | undefined;
  #out: ServerResponse | undefined;
  #ended = false;
  #writtenAtMs = 0;
  #drain: DrainListener | undefined;

  constructor(log: EventLog, number: number) {
    this.#log = log;
    this.number = number;
  }

  get connected(): boolean {
    return this.#out !== undefined;
  }

  /** True when nothing will ever be sent again, and nothing is left to be had again. */
  get forgotten(): boolean {
    return this.#ended && this.#events === undefined && this.#out === undefined;
  }

  /** There is one; the last counts. */
  onDrain(listener: DrainListener): void {
    this.#drain = listener;
  }

  /** Begins the stream: an event without data, whose id lets the client come back, and when to (SEP-1699). */
  open(out: ServerResponse, retryMs: number = this.#log.limits.retryMs): void {
    this.#attach(out);
    this.#write(`id: ${this.number}-0\nretry: ${retryMs}\ndata: \n\n`);
  }

  /** Goes on after the event of that number; whoever read the stream until now is cut off. */
  resume(out: ServerResponse, after: number): void {
    this.#out?.end();
    this.#unheardFrom = undefined;
    this.#attach(out);
    // Sent at once, so that the client knows it was understood. With an id: the v1 SDK begins each stream without one, and
    // would have no place to come back to if this stream were cut before its next event.
    this.#write(`id: ${this.number}-${after}\ndata: \n\n`);
    for (const { number, text } of (this.#events ?? NO_EVENTS).values()) {
      if (number > after) this.#writeEvent(number, text);
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
    return [...(this.#events ?? NO_EVENTS).values()]
      .filter(({ number }) => number >= from)
      .map(({ text }) => text.toString());
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
  end(text?: RawJson): void {
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
    for (const event of (this.#events ?? NO_EVENTS).values()) {
      if (event.atMs > beforeMs) return;
      this.forget(event);
    }
  }

  /** One of its own events cannot be had again. */
  forget(event: LoggedEvent): void {
    if (this.#events?.delete(event.number) !== true) return;
    if (this.#events.size === 0) this.#events = undefined;
    this.#log.release(event);
  }

  close(): void {
    this.end();
    for (const event of (this.#events ?? NO_EVENTS).values()) this.forget(event);
  }

  #finish(out: ServerResponse | undefined): void {
    out?.end();
    if (out !== undefined) limitUnread(out);
  }

  #attach(out: ServerResponse): void {
    this.#out = out;
    // Not `once`: it makes three objects of one.
    out.on('close', () => {
      if (this.#out !== out) return;
      this.#out = undefined;
      this.#drain?.drained();
    });
  }

  #send(text: RawJson): boolean {
    this.#last += 1;
    const number = this.#last;
    if (this.#out === undefined) this.#unheardFrom ??= number;
    const event = new LoggedEvent(this, number, text);
    this.#events ??= new Map();
    this.#events.set(number, event);
    this.#log.hold(event);
    return this.#writeEvent(number, text);
  }

  #writeEvent(number: number, text: RawJson): boolean {
    const id = `id: ${this.number}-${number}\n`;
    if (typeof text === 'string') return this.#write(id + eventFrame(text));
    let hasRoom = this.#write(id);
    for (const part of eventParts(text.pieces)) hasRoom = this.#write(part) && hasRoom;
    return hasRoom;
  }

  #write(text: string | Buffer): boolean {
    const out = this.#out;
    if (out === undefined || out.writableEnded || out.destroyed) return true;
    this.#writtenAtMs = performance.now();
    if (out.write(text)) return true;
    if (out.listenerCount('drain') === 0) out.once('drain', () => this.#drain?.drained());
    return false;
  }
}

/** The streams of one session, with what was sent lately. */
export class EventLog {
  readonly #budget: EventBudget;
  /** Those that something can still be had of, oldest first. */
  #streams: ResumableStream[] | undefined;
  #events: AgeList<LoggedEvent> | undefined;
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
    if (this.#streams === undefined) this.#streams = [stream];
    else this.#streams.push(stream);
    return stream;
  }

  /** The stream an event was sent on, and the event's number in it; undefined when there is nothing to go on with. */
  find(
    lastEventId: string,
  ): { readonly stream: ResumableStream; readonly after: number } | undefined {
    const [, stream, after] = /^(\d{1,9})-(\d{1,15})$/.exec(lastEventId) ?? [];
    const wanted = Number(stream);
    const found = this.#streams?.find(({ number }) => number === wanted);
    return found && { stream: found, after: Number(after) };
  }

  hold(event: LoggedEvent): void {
    const events = (this.#events ??= new AgeList());
    event.inLog = events.add(event);
    this.#size += event.text.length;
    this.#budget.hold(event);
    // The last one stays whatever its size: it is the answer, more often than not.
    while (this.#size > this.limits.maxSessionSize && events.oldest !== event) {
      events.oldest?.forget();
    }
  }

  release(event: LoggedEvent): void {
    if (this.#events === undefined || event.inLog === undefined) return;
    this.#events.remove(event.inLog);
    event.inLog = undefined;
    if (this.#events.oldest === undefined) this.#events = undefined;
    this.#size -= event.text.length;
    this.#budget.release(event);
  }

  /** Forgets what is too old. */
  sweep(): void {
    const beforeMs = performance.now() - this.limits.ttlMs;
    let forgotten = 0;
    for (const stream of this.#streams ?? []) {
      stream.expire(beforeMs);
      if (stream.forgotten) forgotten += 1;
    }
    if (forgotten === 0) return;
    const left = this.#streams?.filter((stream) => !stream.forgotten);
    this.#streams = left?.length === 0 ? undefined : left;
  }

  close(): void {
    const streams = this.#streams ?? [];
    this.#streams = undefined;
    for (const stream of streams) stream.close();
  }
}
