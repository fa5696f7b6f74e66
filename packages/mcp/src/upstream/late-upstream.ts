import { isDeepStrictEqual } from 'node:util';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { RawMember } from '../protocol/message.ts';
import type { DrainableUpstream } from './guarded-upstream.ts';
import { UpstreamError, type ConnectorPhase } from './upstream-error.ts';
import type {
  CallGateStatus,
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  ReplicaStatus,
  RequestOptions,
  UpstreamInfo,
} from './upstream.ts';

export interface LateUpstreamOptions {
  readonly connectorId: string;
  /** The definition with its references replaced by what they refer to now. Its error's message is shown. */
  readonly resolve: () => Promise<ConnectorDefinition>;
  readonly create: (definition: ConnectorDefinition) => DrainableUpstream;
  /** How long calls may go on with the old values once they have changed. */
  readonly drainMs: number;
}

interface Current {
  readonly definition: ConnectorDefinition;
  readonly upstream: DrainableUpstream;
}

/** A call that came before the references were resolved. */
class PendingCall implements ForwardHandle {
  #handle: ForwardHandle | undefined;
  #cancelled = false;

  async run(ready: Promise<Current>, request: ForwardRequest, sink: ForwardSink): Promise<void> {
    try {
      const { upstream } = await ready;
      if (!this.#cancelled) this.#handle = upstream.forward(request, sink);
    } catch (error) {
      if (this.#cancelled) return;
      // Resolving fails with an UpstreamError; anything else is a defect and may surface, but not unheard.
      if (!(error instanceof UpstreamError)) throw error;
      sink.fail(error);
    }
  }

  cancel(reason: string): void {
    this.#cancelled = true;
    this.#handle?.cancel(reason);
  }

  pause(): void {
    this.#handle?.pause();
  }

  resume(): void {
    this.#handle?.resume();
  }
}

class LateUpstream implements DrainableUpstream {
  readonly connectorId: string;
  readonly #options: LateUpstreamOptions;
  readonly #leaving = new Set<DrainableUpstream>();
  #current: Current | undefined;
  #renewing: Promise<Current> | undefined;
  #interest: Interest | undefined;
  #closed = false;

  constructor(options: LateUpstreamOptions) {
    this.connectorId = options.connectorId;
    this.#options = options;
  }

  get info(): UpstreamInfo | undefined {
    return this.#current?.upstream.info;
  }

  get phase(): ConnectorPhase {
    return this.#current?.upstream.phase ?? 'config';
  }

  get asleep(): boolean {
    return this.#current?.upstream.asleep === true;
  }

  get pids(): readonly number[] | undefined {
    return this.#current?.upstream.pids;
  }

  get replicas(): readonly ReplicaStatus[] | undefined {
    return this.#current?.upstream.replicas;
  }

  get inFlight(): number {
    return this.#current?.upstream.inFlight ?? 0;
  }

  get calls(): CallGateStatus | undefined {
    return this.#current?.upstream.calls;
  }

  /** Every sync begins here: a value that has changed since is noticed then. */
  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    const { upstream } = await this.#renew();
    return await upstream.connect(signal, next);
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    const { upstream } = this.#current ?? (await this.#renew());
    return await upstream.request(method, params, options);
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    if (this.#current !== undefined) return this.#current.upstream.forward(request, sink);
    const call = new PendingCall();
    void call.run(this.#renew(), request, sink);
    return call;
  }

  async setInterest(interest: Interest): Promise<void> {
    const before = this.#interest;
    this.#interest = interest;
    try {
      const wanted = interest.resources.size > 0;
      const current = this.#current ?? (wanted ? await this.#renew() : undefined);
      await current?.upstream.setInterest(interest);
    } catch (error) {
      // What was refused must not be asked of an upstream that takes its place.
      if (this.#interest === interest) this.#interest = before;
      throw error;
    }
  }

  notify(text: string): void {
    this.#current?.upstream.notify?.(text);
  }

  async drain(maxMs: number): Promise<void> {
    await this.#current?.upstream.drain(maxMs);
  }

  passEnded(): void {
    this.#current?.upstream.passEnded?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([this.#renewing]);
    const open = [...this.#leaving, ...(this.#current ? [this.#current.upstream] : [])];
    await Promise.allSettled(open.map(async (upstream) => await upstream.close()));
  }

  async #renew(): Promise<Current> {
    if (this.#closed) throw this.#error('CLOSED', 'the connector was closed');
    this.#renewing ??= this.#resolve().finally(() => {
      this.#renewing = undefined;
    });
    return await this.#renewing;
  }

  async #resolve(): Promise<Current> {
    let definition: ConnectorDefinition;
    try {
      definition = await this.#options.resolve();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw this.#error('CONFIG_INVALID', message, cause);
    }
    if (this.#closed) throw this.#error('CLOSED', 'the connector was closed');
    const before = this.#current;
    if (before !== undefined && isDeepStrictEqual(before.definition, definition)) return before;
    const upstream = this.#options.create(definition);
    this.#current = { definition, upstream };
    if (this.#interest !== undefined) {
      // What an earlier connection agreed to is asked for again; a refusal now has nobody to tell.
      upstream.setInterest(this.#interest).catch(() => undefined);
    }
    if (before !== undefined) void this.#leave(before.upstream);
    return this.#current;
  }

  async #leave(upstream: DrainableUpstream): Promise<void> {
    this.#leaving.add(upstream);
    await upstream.drain(this.#options.drainMs);
    await Promise.allSettled([upstream.close()]);
    this.#leaving.delete(upstream);
  }

  #error(code: 'CLOSED' | 'CONFIG_INVALID', message: string, cause?: unknown): UpstreamError {
    const { connectorId } = this;
    return new UpstreamError(code, message, { connectorId, phase: 'config', cause, unsent: true });
  }
}

/**
 * A connector whose headers or environment hold references to secrets: they are read when it is connected, and again
 * before each sync, so that a rotated key is taken up without a restart (reliability-security.md 3.5). A reference
 * without a value fails with `CONFIG_INVALID`, phase `config`, and is tried again by the next sync.
 */
export function createLateUpstream(options: LateUpstreamOptions): DrainableUpstream {
  return new LateUpstream(options);
}
