import { randomInt } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import {
  DEFAULT_EVENT_LOG_LIMITS,
  EventBudget,
  EventLog,
  type EventLogLimits,
  type ResumableStream,
} from './event-log.ts';
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
      session.channel = plainChannel(session, begin(response));
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
    session.channel = resumableChannel(session, stream);
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
    session.onEnd(() => this.#forget(session));
    this.#timer ??= setInterval(() => {
      for (const open of this.#logs.values()) open.sweep();
    }, SWEEP_MS).unref();
    return log;
  }

  #forget(session: LegacySession): void {
    this.#logs.get(session)?.close();
    this.#logs.delete(session);
    if (this.#logs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function resumable({ client }: LegacySession): boolean {
  return client.protocolVersion >= RESUMABLE_SINCE;
}

function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, STREAM_HEADERS);
  response.flushHeaders();
  return response;
}

/** The stream of a session whose client cannot come back for what it missed. */
function plainChannel(session: LegacySession, response: ServerResponse): ClientChannel {
  const write = (text: string): boolean => {
    if (response.writableLength <= MAX_UNREAD_BYTES) {
      response.write(text);
      return true;
    }
    response.destroy();
    return false;
  };
  const channel: ClientChannel = {
    connected: true,
    send: (text) => write(eventFrame(text)),
    keepAlive: () => void write(': keep-alive\n\n'),
    close: () => response.end(),
  };
  response.once('close', () => {
    session.lastUsedAtMs = performance.now();
    if (session.channel === channel) session.channel = undefined;
  });
  return channel;
}

function resumableChannel(session: LegacySession, stream: ResumableStream): ClientChannel {
  stream.onDrain(() => {
    session.lastUsedAtMs = performance.now();
  });
  return {
    get connected() {
      return stream.connected;
    },
    get unheard() {
      return stream.unheard;
    },
    send: (text) => {
      if (stream.overfull) stream.cut();
      return stream.send(text) !== 'dropped';
    },
    keepAlive: () => stream.keepAlive(performance.now()),
    close: () => stream.close(),
  };
}
