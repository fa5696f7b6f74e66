import { randomInt } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { DEFAULT_EVENT_LOG_LIMITS, EventBudget, type EventLogLimits } from './event-budget.ts';
import { EventLog, type DrainListener, type ResumableStream } from './event-log.ts';
import { STREAM_HEADERS, createHttpReply, eventFrame } from '../reply/http-reply.ts';
import type { ClientChannel, LegacySession } from './legacy-session.ts';
import type { Reply } from '../reply/reply.ts';
import { RESUMABLE_SINCE, createSessionReply, type Accepted } from './session-reply.ts';

/** A client that leaves this much of its session's stream unread is cut off; it may open another. */
const MAX_UNREAD_BYTES = 65_536;
const SWEEP_MS = 15_000;

/** Why a stream was not opened. */
export type StreamRefusal = 'taken' | 'unknown-event';

/** How the messages of a session travel over HTTP: with the answer of a request, or on a stream of the session. */
export class SessionStreams {
  readonly #budget: EventBudget;
  readonly #logs = new Map<LegacySession, EventLog>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: EventLogLimits = DEFAULT_EVENT_LOG_LIMITS) {
    this.#budget = new EventBudget(limits);
  }

  /** The way back for one request of a session. */
  reply(session: LegacySession, response: ServerResponse, accepted: Accepted): Reply {
    return resumable(session) && accepted.resumes
      ? createSessionReply(response, accepted, () => this.#logOf(session))
      : createHttpReply(response, accepted.stream, accepted);
  }

  /**
   * Opens the session's stream, or goes on with any of its streams after `lastEventId`.
   * @returns why not, else undefined.
   */
  open(
    session: LegacySession,
    response: ServerResponse,
    lastEventId: string | undefined,
  ): StreamRefusal | undefined {
    if (!resumable(session)) {
      if (session.channel !== undefined) return 'taken';
      session.channel = new PlainChannel(session, begin(response));
      return undefined;
    }
    const log = this.#logOf(session);
    if (lastEventId !== undefined) {
      const found = log.find(lastEventId);
      if (found !== undefined) {
        found.stream.resume(begin(response), found.after);
        return undefined;
      }
      // What another process sent cannot be had again: the client gets a new stream.
      if (!session.returned) return 'unknown-event';
    }
    if (session.channel?.connected === true) return 'taken';
    const unheard = session.channel?.unheard ?? [];
    session.channel?.close();
    const stream = log.create();
    session.channel = new ResumableChannel(session, stream);
    stream.open(begin(response));
    // Questions of servers may be among it, for which calls wait.
    for (const text of unheard) stream.send(text);
    return undefined;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    for (const log of this.#logs.values()) log.close();
    this.#logs.clear();
  }

  #logOf(session: LegacySession): EventLog {
    const known = this.#logs.get(session);
    if (known !== undefined) return known;
    // Events of another process must not be taken for ours.
    const log = new EventLog(this.#budget, session.returned ? randomInt(1_000, 900_000_000) : 0);
    this.#logs.set(session, log);
    session.onEnd(this.#forget);
    this.#timer ??= setInterval(() => {
      for (const open of this.#logs.values()) open.sweep();
    }, SWEEP_MS).unref();
    return log;
  }

  /** One function for all sessions. */
  readonly #forget = (session: LegacySession): void => {
    this.#logs.get(session)?.close();
    this.#logs.delete(session);
    if (this.#logs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  };
}

function resumable({ client }: LegacySession): boolean {
  return client.protocolVersion >= RESUMABLE_SINCE;
}

const NO_HEADERS: IncomingHttpHeaders = {};
const NO_RAW_HEADERS: string[] = [];

function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, STREAM_HEADERS);
  response.flushHeaders();
  // Node keeps the request as long as the stream is open, which is hours; nobody reads its headers again.
  response.req.headers = NO_HEADERS;
  response.req.rawHeaders = NO_RAW_HEADERS;
  return response;
}

// Channels are of classes, which share what they do: there are thousands that wait.

/** The stream of a session whose client cannot come back for what it missed. */
class PlainChannel implements ClientChannel {
  readonly connected = true;
  readonly #response: ServerResponse;

  constructor(session: LegacySession, response: ServerResponse) {
    this.#response = response;
    response.on('close', () => {
      session.lastUsedAtMs = performance.now();
      if (session.channel === this) session.channel = undefined;
    });
  }

  send(text: string): boolean {
    return this.#write(eventFrame(text));
  }

  keepAlive(): void {
    this.#write(': keep-alive\n\n');
  }

  close(): void {
    this.#response.end();
  }

  #write(text: string): boolean {
    const response = this.#response;
    if (response.writableLength <= MAX_UNREAD_BYTES) {
      response.write(text);
      return true;
    }
    response.destroy();
    return false;
  }
}

class ResumableChannel implements ClientChannel, DrainListener {
  readonly #session: LegacySession;
  readonly #stream: ResumableStream;

  constructor(session: LegacySession, stream: ResumableStream) {
    this.#session = session;
    this.#stream = stream;
    stream.onDrain(this);
  }

  get connected(): boolean {
    return this.#stream.connected;
  }

  get unheard(): readonly string[] {
    return this.#stream.unheard;
  }

  drained(): void {
    this.#session.lastUsedAtMs = performance.now();
  }

  send(text: string): boolean {
    if (this.#stream.overfull) this.#stream.cut();
    return this.#stream.send(text) !== 'dropped';
  }

  keepAlive(): void {
    this.#stream.keepAlive(performance.now());
  }

  close(): void {
    this.#stream.close();
  }
}
