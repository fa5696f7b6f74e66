import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { JsonRpcId } from '../protocol/message.ts';
import type { Cancellation } from './cancellation.ts';

/** One legacy client's session. */
export interface LegacySession {
  readonly id: string;
  /** The endpoint it was opened on; it is unknown on any other. */
  readonly connectorId: string | undefined;
  /** Calls on their way, by the client's id. */
  readonly calls: Map<JsonRpcId, Cancellation>;
  /** The stream for what no request asked for; one a session. */
  stream: ServerResponse | undefined;
  lastUsedAtMs: number;
}

export interface SessionLimits {
  /** Sessions at the same time; the longest unused gives way. Default 10000. */
  readonly maxSessions: number;
  /** A session without a call or stream for this long is forgotten. Default 30 min. */
  readonly idleMs: number;
  /** A comment is sent on every open stream this often, so that no proxy takes it for dead. Default 15 s. */
  readonly keepAliveMs: number;
}
export const DEFAULT_SESSION_LIMITS: SessionLimits = {
  maxSessions: 10_000,
  idleMs: 1_800_000,
  keepAliveMs: 15_000,
};

/** The legacy sessions, least recently used first. */
export class SessionStore {
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<string, LegacySession>();
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: SessionLimits = DEFAULT_SESSION_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  create(fields: Pick<LegacySession, 'connectorId'>): LegacySession {
    if (this.#sessions.size >= this.#limits.maxSessions) this.#evict();
    const session: LegacySession = {
      ...fields,
      id: randomUUID(),
      calls: new Map(),
      stream: undefined,
      lastUsedAtMs: performance.now(),
    };
    this.#sessions.set(session.id, session);
    this.#timer ??= setInterval(() => this.#sweep(), this.#limits.keepAliveMs).unref();
    return session;
  }

  /** The session of that id on that endpoint, now the most recently used; undefined when there is none. */
  use(id: string, connectorId: string | undefined): LegacySession | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.connectorId !== connectorId) return undefined;
    session.lastUsedAtMs = performance.now();
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
    return session;
  }

  /** Forgets a session, cancels its calls and ends its stream. */
  end(session: LegacySession, reason: string): void {
    this.#sessions.delete(session.id);
    for (const call of session.calls.values()) call.cancel(reason);
    session.stream?.end();
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  all(): Iterable<LegacySession> {
    return this.#sessions.values();
  }

  close(): void {
    for (const session of this.#sessions.values()) this.end(session, 'the gateway is closing');
  }

  /** Makes room: the longest unused idle session goes, or the longest unused when none is idle. */
  #evict(): void {
    let oldest: LegacySession | undefined;
    for (const session of this.#sessions.values()) {
      oldest ??= session;
      if (session.calls.size > 0 || session.stream !== undefined) continue;
      oldest = session;
      break;
    }
    if (oldest !== undefined) this.end(oldest, 'too many sessions');
  }

  #sweep(): void {
    const now = performance.now();
    for (const session of this.#sessions.values()) {
      writeStream(session, ': keep-alive\n\n');
      const busy = session.calls.size > 0 || session.stream !== undefined;
      if (!busy && now - session.lastUsedAtMs >= this.#limits.idleMs) {
        this.end(session, 'the session was idle');
      }
    }
  }
}

/** A client that leaves this much of its stream unread is cut off; it may open another. */
const MAX_UNREAD_BYTES = 65_536;

/** Writes to a session's stream, when it has one. */
export function writeStream(session: LegacySession, text: string): void {
  const { stream } = session;
  if (stream === undefined) return;
  if (stream.writableLength > MAX_UNREAD_BYTES) stream.destroy();
  else stream.write(text);
}
