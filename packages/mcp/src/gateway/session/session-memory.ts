import type { LegacyClient } from './legacy-session.ts';

/** What of a legacy session outlives its process: enough to go on as if nothing had happened. */
export interface KeptSession {
  readonly connectorId: string | undefined;
  /** Id of the principal that opened it; it is unknown to all others. */
  readonly principalId: string;
  readonly client: LegacyClient;
  /** The least severe log messages the client wants; undefined: it never said. */
  readonly logLevel: string | undefined;
  /** Resources it subscribed to, in its own terms. */
  readonly resources: readonly string[];
}

/** The way to the other processes that a session's client may reach. */
export interface SessionLink {
  /** Whether there are any. */
  readonly hasOthers: boolean;
  /** Says one line to all of them; lost when they are gone. */
  tell(line: string): void;
  /** Hears what they say; the same may come twice. */
  onTold(listener: (line: string) => void): void;
}

/** Keeps sessions for the processes that come after this one, or run beside it. */
export interface SessionMemory {
  /** Keeps it as it is now. Does not wait. */
  keep(id: string, session: KeptSession): void;
  /** It is over: it must not come back. Does not wait. */
  forget(id: string): void;
  /** A session of another process; undefined when there is none or it is over. Never rejects. */
  recall(id: string): Promise<KeptSession | undefined>;
  /** Resolves when everything said so far is kept. Never rejects. */
  flush(): Promise<void>;
}
