import type { Principal } from '../../auth/principal.ts';
import { ANONYMOUS } from '../reply/anonymous.ts';
import { LegacySession, type SessionFields } from './legacy-session.ts';
import { SharedClients } from './shared-clients.ts';

export type { LegacySession } from './legacy-session.ts';

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

/** Sessions in use are said to be so this often: whoever keeps them forgets those nobody speaks of. In milliseconds. */
const IN_USE_MS = 6 * 3_600_000;

/** The legacy sessions, least recently used first. */
export class SessionStore {
  readonly #limits: SessionLimits;
  readonly #sessions = new Map<string, LegacySession>();
  readonly #clients = new SharedClients();
  #timer: NodeJS.Timeout | undefined;
  #ended: (session: LegacySession) => void = () => undefined;
  #inUse: (session: LegacySession) => void = () => undefined;
  #saidAtMs = performance.now();
  #turn = 0;

  constructor(limits: SessionLimits = DEFAULT_SESSION_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Called for each session that its client has ended; not for those that only this process has no more room for. */
  onEnded(listener: (session: LegacySession) => void): void {
    this.#ended = listener;
  }

  /** Called every 6 h for each session that was used since. */
  onInUse(listener: (session: LegacySession) => void): void {
    this.#inUse = listener;
  }

  create(fields: SessionFields): LegacySession {
    if (this.#sessions.size >= this.#limits.maxSessions) this.#evict();
    const client = this.#clients.share(fields.client);
    const session = new LegacySession({ ...fields, client });
    session.turn = this.#turn++;
    this.#sessions.set(session.id, session);
    this.#timer ??= setInterval(() => this.#sweep(), this.#limits.keepAliveMs).unref();
    return session;
  }

  /** The session of that id, for ourselves; it is not used by this. */
  get(id: string): LegacySession | undefined {
    return this.#sessions.get(id);
  }

  /**
   * The session of that id on that endpoint, now the most recently used; undefined when there is none, or when somebody
   * else opened it.
   */
  use(
    id: string,
    connectorId: string | undefined,
    principal: Principal = ANONYMOUS,
  ): LegacySession | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined || session.connectorId !== connectorId) return undefined;
    if (session.principal.id !== principal.id) return undefined;
    session.principal = principal;
    session.lastUsedAtMs = performance.now();
    session.turn = this.#turn++;
    return session;
  }

  /** Its client has ended a session: it is forgotten, its calls are cancelled, its stream ends. */
  end(session: LegacySession, reason: string): void {
    this.leave(session, reason);
    this.#ended(session);
  }

  /** As `end`, in this process only: its client may go on with it in another, or here if it is kept. */
  leave(session: LegacySession, reason: string): void {
    this.#sessions.delete(session.id);
    session.end(reason);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  all(): Iterable<LegacySession> {
    return this.#sessions.values();
  }

  close(): void {
    for (const session of this.#sessions.values()) this.leave(session, 'the gateway is closing');
  }

  /** Makes room: the longest unused idle session goes, or the longest unused when none is idle. */
  #evict(): void {
    let oldest: LegacySession | undefined;
    let idle: LegacySession | undefined;
    for (const session of this.#sessions.values()) {
      if (isOlder(session, oldest)) oldest = session;
      if (isOlder(session, idle) && !session.busy) idle = session;
    }
    const gone = idle ?? oldest;
    if (gone !== undefined) this.leave(gone, 'too many sessions');
  }

  #sweep(): void {
    const now = performance.now();
    const saidAtMs = this.#saidAtMs;
    const isTime = now - saidAtMs >= IN_USE_MS;
    if (isTime) this.#saidAtMs = now;
    for (const session of this.#sessions.values()) {
      session.channel?.keepAlive();
      if (isTime && (session.busy || session.lastUsedAtMs >= saidAtMs)) this.#inUse(session);
      if (!session.busy && now - session.lastUsedAtMs >= this.#limits.idleMs) {
        this.leave(session, 'the session was idle');
      }
    }
  }
}

/** Searched for when there is no room, so that no use of a session has to keep them in order. */
function isOlder({ turn }: LegacySession, than: LegacySession | undefined): boolean {
  return than === undefined || turn < than.turn;
}
