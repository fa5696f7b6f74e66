import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectorDefinition } from '../../connectors/connector.ts';
import type { RawMember } from '../../protocol/message.ts';
import type { StdioCounters } from './stdio-call.ts';
import type { StdioConnection } from './stdio-connection.ts';
import {
  DEFAULT_RESTART,
  createRestartGate,
  type RestartGate,
  type RestartPolicy,
} from './stdio-restart.ts';
import { openSession, type Session, type SessionOptions } from './stdio-session.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

/** A restart due sooner than this is waited for; a later one fails at once with `retryAfterMs`. */
const MAX_RESTART_WAIT_MS = 1000;
/** A start holds its place in `limitStart` no longer than this: a hung server must not block the others. */
const MAX_START_SLOT_MS = 3000;

export type LimitStart = <T>(start: () => Promise<T>) => Promise<T>;

export interface LauncherOptions extends Pick<
  SessionOptions,
  | 'clientInfo'
  | 'capabilities'
  | 'sole'
  | 'baseEnv'
  | 'reaper'
  | 'probeMs'
  | 'maxLineBytes'
  | 'notification'
  | 'refused'
  | 'onStderr'
> {
  readonly definition: ConnectorDefinition;
  readonly envelope: readonly RawMember[];
  readonly counters: StdioCounters;
  readonly limitStart: LimitStart;
  readonly random: () => number;
  readonly restart: RestartPolicy | undefined;
  /** A process that had shaken hands is gone without our doing. */
  readonly lost: (error: UpstreamError) => void;
  /** A start has come this far. */
  readonly phase: (phase: ConnectorPhase) => void;
}

/** Starts one connector's processes, one after the other, no faster than the restart policy allows. */
export class StdioLauncher {
  readonly #options: LauncherOptions;
  readonly #gate: RestartGate;
  /** Every process that has not been seen to end; several only while old ones are on their way out. */
  readonly #connections = new Set<StdioConnection>();
  readonly #closing = new AbortController();
  #lastError: UpstreamError | undefined;
  /** Learned from a process that died of the probe or ignored it. */
  #legacyOnly = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#gate = createRestartGate(options.random, options.restart ?? DEFAULT_RESTART);
  }

  /** @throws UpstreamError; with `retryAfterMs` when the next start is not due yet. */
  async launch(): Promise<Session> {
    await this.#due();
    const { limitStart } = this.#options;
    let session: Promise<Session> | undefined;
    await limitStart(async () => {
      session = this.#negotiated();
      await settledWithin(session, MAX_START_SLOT_MS);
    });
    if (session === undefined) throw this.#error('CLOSED', 'the start was dropped');
    try {
      return await session;
    } catch (error) {
      if (error instanceof UpstreamError && error.code !== 'CLOSED') this.#failed(error, 0);
      throw error;
    }
  }

  /** Ends every process; `patient` leaves them the time to end by themselves. Nothing starts afterwards. */
  async close(patient: boolean): Promise<void> {
    this.#closing.abort();
    const error = this.#error('CLOSED', 'the connector was closed');
    await Promise.all([...this.#connections].map(async (one) => one.fail(error, patient)));
  }

  async #due(): Promise<void> {
    this.#assertOpen();
    const waitMs = this.#gate.remainingMs();
    const last = this.#lastError;
    if (waitMs > MAX_RESTART_WAIT_MS && last !== undefined) {
      const message = `${last.message}; the next start is due in ${waitMs} ms`;
      throw this.#error(last.code, message, { phase: last.phase, retryAfterMs: waitMs });
    }
    if (waitMs === 0) return;
    const { signal } = this.#closing;
    await delay(waitMs, undefined, { signal }).catch(() => undefined); // aborted: seen below
    this.#assertOpen();
  }

  async #negotiated(): Promise<Session> {
    const { era } = this.#options.definition;
    if (era !== 'auto') return this.#open(era);
    if (this.#legacyOnly) return this.#open('legacy');
    try {
      const session = await this.#open('auto');
      this.#legacyOnly = session.ignoredProbe;
      return session;
    } catch (error) {
      if (!(error instanceof UpstreamError && error.code === 'PROCESS_EXITED')) throw error;
      // Some servers end themselves at a first message they do not know: ask the old way, once.
      const session = await this.#open('legacy');
      this.#legacyOnly = true;
      return session;
    }
  }

  async #open(era: 'auto' | 'modern' | 'legacy'): Promise<Session> {
    this.#assertOpen();
    const { definition } = this.#options;
    const { transport } = definition;
    if (transport?.kind !== 'stdio') {
      const problem = definition.problem ?? 'this connector has no command';
      throw this.#error('CONFIG_INVALID', problem, { phase: 'config' });
    }
    let readyAt: number | undefined;
    this.#options.phase('spawn');
    const session = await openSession({
      ...this.#options,
      transport,
      era,
      down: (error) => {
        if (readyAt === undefined) return; // the handshake failed: `launch` throws it
        this.#failed(error, performance.now() - readyAt);
        this.#options.lost(error);
      },
      onConnection: (connection) => {
        this.#options.phase('handshake');
        this.#track(connection);
      },
    });
    readyAt = performance.now();
    return session;
  }

  #track(connection: StdioConnection): void {
    this.#connections.add(connection);
    void connection.child.exited
      .then(async () => connection.child.stop())
      .then(() => this.#connections.delete(connection));
    // Closed while the process was being started.
    if (this.#closing.signal.aborted) {
      void connection.fail(this.#error('CLOSED', 'the connector was closed'), false);
    }
  }

  #failed(error: UpstreamError, livedMs: number): void {
    this.#lastError = error;
    this.#gate.failed(livedMs);
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw this.#error('CLOSED', 'the connector was closed');
  }

  #error(
    code: UpstreamErrorCode,
    message: string,
    details: { readonly phase?: ConnectorPhase; readonly retryAfterMs?: number } = {},
  ): UpstreamError {
    const { id } = this.#options.definition;
    return new UpstreamError(code, message, {
      connectorId: id,
      phase: 'spawn',
      unsent: true,
      ...details,
    });
  }
}

/** Waits for a promise to settle, for at most `timeoutMs`. Never rejects. */
async function settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([Promise.allSettled([promise]), late]);
  clearTimeout(timer);
}
