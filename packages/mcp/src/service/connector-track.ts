import type { ConnectorState, SyncOutcome } from '../connectors/sync-report.ts';
import type { ProcessExit } from '../upstream/upstream-error.ts';
import type { Tell } from './event-log.ts';

/** A failure that lasts is told again after this time, with how often it was met. */
const REMIND_MS = 3_600_000;
/** Lines of one connector in an hour: one that comes and goes all the time must not fill a disk. */
const MAX_LINES = 20;
const WINDOW_MS = 3_600_000;
/** Codes of failed calls that are told apart; there are fewer. */
const MAX_CODES = 32;

type Failed = Extract<SyncOutcome, { kind: 'failed' }>;
type Synced = Extract<SyncOutcome, { kind: 'synced' | 'unchanged' }>;

/** How a process or connection was lost without our doing. */
interface Loss {
  readonly code: string;
  readonly message: string;
  /** How the process ended; undefined for a connection. */
  readonly exit: ProcessExit | undefined;
}

interface Trouble {
  readonly phase: string;
  readonly code: string;
  readonly sinceMs: number;
  /** When it was told last. */
  toldAtMs: number;
  /** Attempts that failed so, the first included. */
  attempts: number;
  /** What could still be served when it was told last. */
  state: ConnectorState;
}

/** What the log has told of one connector, and so what would be news. */
export interface ConnectorTrack {
  synced(outcome: Synced): void;
  /** @param state what can still be served. */
  failed(outcome: Failed, state: ConnectorState): void;
  lost(loss: Loss): void;
  callFailed(code: string): void;
  /** It is another connector from now on: that it is there for the first time is news again. */
  renewed(): void;
}

/** At most so many lines in an hour; then one that says so, and nothing until the hour is over. */
function limited(connector: string, tell: Tell, nowMs: () => number): Tell {
  let sinceMs = -Infinity;
  let lines = 0;
  let unlogged = 0;
  return (level, facts, message) => {
    const now = nowMs();
    if (now - sinceMs >= WINDOW_MS) {
      sinceMs = now;
      lines = 0;
    }
    lines += 1;
    if (lines > MAX_LINES) {
      unlogged += 1;
      if (lines > MAX_LINES + 1) return;
      const forMs = Math.round(sinceMs + WINDOW_MS - now);
      const about = { event: 'connector.muted', connector, forMs };
      tell('warn', about, 'it changes all the time: its changes are not logged for a while');
      return;
    }
    tell(level, unlogged === 0 ? facts : { ...facts, unlogged }, message);
    unlogged = 0;
  };
}

/** What of a state is told: that a manifest is no longer fresh while its server fails, or no longer usable. */
function worsened(before: ConnectorState, now: ConnectorState): 'stale' | 'expired' | undefined {
  if (before === now) return undefined;
  if (now === 'stale') return 'stale';
  return now === 'unavailable' ? 'expired' : undefined;
}

const STATE_WORDS = {
  stale: 'what it offers is served although it is stale',
  expired: 'what it offered has expired and is served no more',
} as const;

/** Counts what comes again and again: `note` is undefined within an hour of the last time it was told. */
class Repeats {
  readonly #known = new Map<string, { toldAtMs: number; count: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @returns what to add to the line; undefined: there is to be none. */
  note(key: string): { readonly count?: number } | undefined {
    const now = this.#nowMs();
    const before = this.#known.get(key);
    if (before !== undefined && now - before.toldAtMs < REMIND_MS) {
      before.count += 1;
      return undefined;
    }
    if (before === undefined && this.#known.size >= MAX_CODES) this.#known.clear();
    this.#known.set(key, { toldAtMs: now, count: 1 });
    return before !== undefined && before.count > 1 ? { count: before.count } : {};
  }
}

class TimedTrack implements ConnectorTrack {
  readonly #connector: string;
  readonly #tell: Tell;
  readonly #nowMs: () => number;
  readonly #losses: Repeats;
  readonly #calls: Repeats;
  #trouble: Trouble | undefined;
  #isNew = true;
  #gone: 'process' | 'connection' | undefined;

  constructor(connector: string, tell: Tell, nowMs: () => number) {
    this.#connector = connector;
    this.#tell = limited(connector, tell, nowMs);
    this.#nowMs = nowMs;
    this.#losses = new Repeats(nowMs);
    this.#calls = new Repeats(nowMs);
  }

  synced({ era, tools, prompts, resources, durationMs }: Synced): void {
    const connector = this.#connector;
    const offered = { era, tools, prompts, resources, durationMs: Math.round(durationMs) };
    const [trouble, gone, isNew] = [this.#trouble, this.#gone, this.#isNew];
    [this.#trouble, this.#gone, this.#isNew] = [undefined, undefined, false];
    if (trouble !== undefined) {
      const { phase, code, attempts, sinceMs } = trouble;
      const over = { phase, code, attempts, failedMs: Math.round(this.#nowMs() - sinceMs) };
      const about = { event: 'connector.recovered', connector, ...offered, ...over };
      this.#tell('info', about, 'it is well again');
    } else if (isNew) {
      const about = { event: 'connector.synced', connector, ...offered };
      this.#tell('info', about, 'synced for the first time');
    }
    // Also after a failure: the process may have ended in the middle of a sync.
    if (gone === 'process') {
      this.#tell('info', { event: 'process.restarted', connector }, 'its process runs again');
    } else if (gone === 'connection') {
      this.#tell('info', { event: 'connection.restored', connector }, 'its connection is back');
    }
  }

  failed(outcome: Failed, state: ConnectorState): void {
    const { phase, code } = outcome;
    const now = this.#nowMs();
    const trouble = this.#trouble;
    if (trouble?.phase === phase && trouble.code === code) {
      this.#stillFailing(trouble, outcome, state);
      return;
    }
    const { sinceMs = now, attempts = 0 } = trouble ?? {};
    this.#trouble = { phase, code, sinceMs, toldAtMs: now, attempts: attempts + 1, state };
    const about = { event: 'connector.failed', ...this.#told(outcome), state };
    this.#tell('warn', about, 'the connector failed');
  }

  lost({ code, message, exit }: Loss): void {
    const again = this.#losses.note(`${code} ${exit?.exitCode} ${exit?.signal}`);
    if (again === undefined) return;
    const about = { connector: this.#connector, code, message, ...exit, ...again };
    this.#gone = exit === undefined ? 'connection' : 'process';
    if (exit === undefined)
      this.#tell('warn', { event: 'connection.lost', ...about }, 'its connection was lost');
    else this.#tell('warn', { event: 'process.exited', ...about }, 'its process ended');
  }

  callFailed(code: string): void {
    const again = this.#calls.note(code);
    if (again === undefined) return;
    const about = { event: 'call.failed', connector: this.#connector, code, ...again };
    this.#tell('warn', about, 'a call failed');
  }

  renewed(): void {
    this.#isNew = true;
    this.#trouble = undefined;
  }

  #told({
    phase,
    code,
    message,
    remedy,
    nextAttemptMs: next,
  }: Failed): Readonly<Record<string, unknown>> {
    const nextAttemptMs = next === undefined ? undefined : Math.round(next);
    return { connector: this.#connector, phase, code, message, remedy, nextAttemptMs };
  }

  #stillFailing(trouble: Trouble, outcome: Failed, state: ConnectorState): void {
    const now = this.#nowMs();
    // What an earlier failure forbade was not tried.
    trouble.attempts += outcome.attempts > 0 ? 1 : 0;
    const worse = worsened(trouble.state, state);
    const isDue = now - trouble.toldAtMs >= REMIND_MS;
    trouble.state = state;
    if (worse === undefined && !isDue) return;
    trouble.toldAtMs = now;
    const { attempts, sinceMs } = trouble;
    const lasting = { attempts, failedMs: Math.round(now - sinceMs) };
    const about = { event: `connector.${worse ?? 'failing'}`, ...this.#told(outcome), ...lasting };
    this.#tell('warn', about, worse === undefined ? 'still failing' : STATE_WORDS[worse]);
  }
}

/** @param nowMs a monotonic clock. */
export function createConnectorTrack(
  connector: string,
  tell: Tell,
  nowMs: () => number,
): ConnectorTrack {
  return new TimedTrack(connector, tell, nowMs);
}
