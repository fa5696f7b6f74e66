import type { RawMember } from '../../protocol/message.ts';
import type { GuardableUpstream } from '../guarded-upstream.ts';
import { WaitingForward } from './legacy-sse-waiting.ts';
import { NEVER_ABORTED } from '../own-request.ts';
import { unlessAborted } from '../stdio/stdio-request.ts';
import type {
  ConnectNext,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  Interest,
  RequestOptions,
  UpstreamInfo,
} from '../upstream.ts';
import { UpstreamError, type ConnectorPhase } from '../upstream-error.ts';

/** Which of the two transports a server turned out to speak. */
export type HttpKind = 'http' | 'sse';

export interface SseFallbackOptions {
  /** Makes the upstream of a kind; the one that is not used any more is closed. */
  readonly create: (kind: HttpKind) => GuardableUpstream;
  /** What the server is known to speak. */
  readonly remembered: { get(): HttpKind | undefined; set(kind: HttpKind): void };
}

interface Current {
  readonly kind: HttpKind;
  readonly upstream: GuardableUpstream;
}

/** `initialize` was answered as by an address that takes no POST (MCP 2025-03-26, backwards compatibility). */
function takesNoPost(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError) || error.code !== 'HTTP_STATUS') return false;
  return error.httpStatus === 404 || error.httpStatus === 405;
}

/** The stream cannot be had, for a reason that says more than "not now". */
function hasNoStream(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  const status = error.httpStatus ?? 0;
  return error.code === 'BAD_RESPONSE' || (status >= 400 && status < 500);
}

class FallbackUpstream implements GuardableUpstream {
  readonly connectorId: string;
  readonly #options: SseFallbackOptions;
  #current: Current;
  /** The transport has been seen to work, so that calls need not wait for the question. */
  #settled = false;
  #deciding: Promise<UpstreamInfo> | undefined;
  #closed = false;

  constructor(options: SseFallbackOptions) {
    this.#options = options;
    this.#current = this.#make(options.remembered.get() ?? 'http');
    this.connectorId = this.#current.upstream.connectorId;
  }

  get info(): UpstreamInfo | undefined {
    return this.#current.upstream.info;
  }

  get phase(): ConnectorPhase {
    return this.#current.upstream.phase;
  }

  async connect(signal: AbortSignal, next?: ConnectNext): Promise<UpstreamInfo> {
    if (this.#settled && this.#current.kind === 'http') {
      try {
        return await this.#current.upstream.connect(signal, next);
      } catch (error) {
        if (!takesNoPost(error)) throw error;
        this.#settled = false;
      }
    }
    const givenUp = (): UpstreamError => this.#givenUp();
    if (signal.aborted) throw givenUp();
    // Others wait for the decision as well: who began it may leave without ending it.
    return await unlessAborted(this.#decideOnce(next), signal, givenUp);
  }

  async request(
    method: string,
    params: readonly RawMember[],
    options: RequestOptions,
  ): Promise<string> {
    if (!this.#settled) await this.connect(options.signal);
    return await this.#current.upstream.request(method, params, options);
  }

  forward(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    if (this.#settled) return this.#current.upstream.forward(request, sink);
    const call = new WaitingForward(sink);
    const ready = this.connect(NEVER_ABORTED);
    void call.run(ready, () => this.#current.upstream.forward(request, sink));
    return call;
  }

  async setInterest(interest: Interest): Promise<void> {
    if (!this.#settled && interest.resources.size > 0) {
      await this.connect(NEVER_ABORTED);
    }
    await this.#current.upstream.setInterest(interest);
  }

  notify(text: string): void {
    this.#current.upstream.notify?.(text);
  }

  passEnded(): void {
    this.#current.upstream.passEnded?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#current.upstream.close();
    await Promise.allSettled([this.#deciding]);
    await this.#current.upstream.close();
  }

  async #decideOnce(next: ConnectNext | undefined): Promise<UpstreamInfo> {
    if (this.#deciding === undefined) {
      this.#deciding = this.#decide(next).finally(() => {
        this.#deciding = undefined;
      });
      // Who waits hears of a failure; that nobody waits any more is none.
      this.#deciding.catch(() => undefined);
    }
    return await this.#deciding;
  }

  #givenUp(): UpstreamError {
    const { connectorId, phase } = this;
    return new UpstreamError('CANCELLED', 'connecting was given up', { connectorId, phase });
  }

  /** Bounded by the connector's own timeouts for connecting and shaking hands. */
  async #decide(next: ConnectNext | undefined): Promise<UpstreamInfo> {
    const { kind, upstream } = this.#current;
    try {
      const info = await upstream.connect(NEVER_ABORTED, next);
      this.#settle(kind);
      return info;
    } catch (error) {
      const mayBeOther = kind === 'http' ? takesNoPost(error) : hasNoStream(error);
      if (!mayBeOther || this.#closed) throw error;
      return await this.#tryOther(kind === 'http' ? 'sse' : 'http', error);
    }
  }

  async #tryOther(kind: HttpKind, first: unknown): Promise<UpstreamInfo> {
    const other = this.#make(kind);
    const before = this.#current;
    this.#current = other;
    try {
      const info = await other.upstream.connect(NEVER_ABORTED);
      this.#settle(kind);
      void before.upstream.close();
      return info;
    } catch {
      // It speaks neither; what it said first is about the transport that was configured.
      this.#current = before;
      void other.upstream.close();
      throw first;
    }
  }

  #settle(kind: HttpKind): void {
    this.#settled = true;
    this.#options.remembered.set(kind);
  }

  #make(kind: HttpKind): Current {
    return { kind, upstream: this.#options.create(kind) };
  }
}

/**
 * A server whose configuration does not say which HTTP transport it speaks: streamable HTTP first and, where POST is
 * answered with 404 or 405, the older HTTP+SSE (MCP 2025-03-26, basic/transports, backwards compatibility).
 */
export function createSseFallback(options: SseFallbackOptions): GuardableUpstream {
  return new FallbackUpstream(options);
}
