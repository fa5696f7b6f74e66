import type { RawMember } from '../../protocol/message.ts';
import type { NumberedCalls } from '../../protocol/open-calls.ts';
import { META, MODERN_ENVELOPE_KEYS } from '../../protocol/revision.ts';
import type { ChannelHost, HttpChannel, LossReason } from '../streamable-http/http-channel.ts';
import {
  HttpCall,
  type CallOptions,
  type Notification,
  type RequestMessage,
} from '../streamable-http/http-forward.ts';
import { cancelledId, withProgressToken } from '../streamable-http/http-message.ts';
import { isForNow, refusalError, type Refusal } from '../streamable-http/http-refusal.ts';
import { Resumption, type ResumePoint } from './legacy-resumption.ts';
import { isSessionLost, type LegacySession } from './legacy-session.ts';
import { LAST_EVENT_ID, streamHeaders } from './legacy-stream.ts';
import { awaitedTask, type AskableCall, type ServerRequests } from '../server-requests.ts';
import type { ServerRequest } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

/** What the calls of one session share. */
export interface LegacyState {
  readonly channel: HttpChannel;
  readonly session: LegacySession;
  readonly pending: NumberedCalls<LegacyCall>;
  readonly requests: ServerRequests;
}

/** Notifications that belong to the request on whose stream they come, beside its progress. */
const OF_A_CALL: ReadonlySet<string> = new Set([
  'notifications/message',
  'notifications/elicitation/complete',
]);

/** One client's request to a legacy server, over as many streams as the server likes. */
export class LegacyCall extends HttpCall implements AskableCall {
  readonly method: string;
  readonly callerId: string;
  readonly taskId: string | undefined;
  readonly #state: LegacyState;
  readonly id: number;
  /** The client's own token as raw JSON; undefined when it wants no progress. */
  readonly #token: string | undefined;
  readonly #resumption: Resumption;
  /** The stream ended before the answer, and the server is asked to go on with it. */
  #resumed = false;
  /** The client was told that the server wants to be polled. */
  #suspended = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    host: ChannelHost,
    state: LegacyState,
    options: CallOptions & { readonly id: number },
    token: string | undefined,
  ) {
    super(host, state.channel, options);
    this.method = options.request.method;
    this.callerId = options.request.caller.id;
    this.taskId = awaitedTask(this.method, options.request.members);
    this.#state = state;
    this.id = options.id;
    this.#token = token;
    this.#resumption = new Resumption(host.random);
    state.pending.set(options.id, this);
    state.requests.join(this);
  }

  ask(request: ServerRequest): void {
    this.options.sink.request(request);
  }

  /** The server waits for an answer that will not come, and the client for the server. */
  undelivered(error: UpstreamError): void {
    if (this.finished) return;
    this.closed(error);
    this.cancelled('the answer to the server was not delivered');
  }

  eventId(id: string): void {
    this.#resumption.eventId(id);
  }

  retry(ms: number): void {
    this.#resumption.retry(ms);
  }

  override ended(bare: boolean): void {
    if (this.finished) return;
    if (bare && !this.#resumed) {
      super.ended(bare);
      return;
    }
    const point = this.#resumption.next();
    if (point === undefined) {
      super.failed(this.#cut());
      return;
    }
    this.#suspend(point.delayMs);
    this.#resumeAt(point);
  }

  override refused(refusal: Refusal): void {
    if (this.finished) return;
    if (!this.#resumed) {
      super.refused(refusal);
      return;
    }
    const forNow = isForNow(refusal.status);
    const point = forNow ? this.#resumption.next(refusal.retryAfterMs) : undefined;
    if (point === undefined) super.failed(this.#cut(refusalError(refusal, this.where)));
    else this.#resumeAt(point);
  }

  override failed(error: UpstreamError): void {
    if (this.finished) return;
    const point = this.#mayGoOn(error) ? this.#resumption.next() : undefined;
    if (point !== undefined) this.#resumeAt(point);
    else if (this.#resumed && error.code !== 'STREAM_CUT') super.failed(this.#cut(error));
    else super.failed(error);
  }

  protected override finish(): boolean {
    clearTimeout(this.#timer);
    this.#state.pending.delete(this.id);
    this.#state.requests.leave(this);
    return super.finish();
  }

  protected override lossOf(
    status: number,
    rpc: Refusal['rpc'],
    body: string,
  ): LossReason | undefined {
    return isSessionLost(status, rpc, body, this.#state.session.hasId) ? 'session' : undefined;
  }

  protected override relay(notification: Notification): string | undefined {
    if (notification.method === 'notifications/progress') {
      if (notification.progressToken === this.id) return this.#withOwnToken(notification);
      deliverProgress(this.#state.pending, notification);
      return undefined;
    }
    // The server put it on the stream of this request: it is this request's.
    return OF_A_CALL.has(notification.method) ? notification.text : undefined;
  }

  protected override serverRequest(message: RequestMessage): void {
    this.#state.requests.take(message, this);
  }

  protected override serverCancelled(text: string): void {
    this.#state.requests.cancelled(cancelledId(text), this);
  }

  protected override cancelled(reason: string): void {
    this.#state.session.cancel(this.id, reason);
  }

  /** Progress of this call that came on another stream; false when its client wants none. */
  takeProgress(notification: Notification): boolean {
    const text = this.#withOwnToken(notification);
    if (text !== undefined) this.options.sink.notification(text);
    return text !== undefined;
  }

  /**
   * A server that ends its stream wants to be polled; one whose stream breaks off is gone, unless it said when to come
   * back. What was not sent at all was not cut, and what broke the rules would break them again.
   */
  #mayGoOn({ code }: UpstreamError): boolean {
    if (code === 'STREAM_CUT') return this.#resumption.retryMs !== undefined;
    return this.#resumed && (code === 'CONNECT_TIMEOUT' || code === 'TIMEOUT');
  }

  /**
   * Once a call: a client that was let go and came back may have seen nothing since by which it could come back again,
   * and waiting here costs it nothing.
   */
  #suspend(delayMs: number): void {
    if (this.#suspended) return;
    this.#suspended = true;
    this.options.sink.suspended?.(delayMs);
  }

  /** Waits, then asks for what follows the last event. */
  #resumeAt({ delayMs, lastEventId }: ResumePoint): void {
    this.#resumed = true;
    this.#timer = setTimeout(() => {
      const headers = streamHeaders(this.#state.session.headers());
      this.continueOn(this.host.streamWire, [...headers, LAST_EVENT_ID, lastEventId]);
    }, delayMs);
    this.#timer.unref();
  }

  #cut(cause?: UpstreamError): UpstreamError {
    const why = cause === undefined ? '' : `, and could not be taken up again: ${cause.message}`;
    const message = `the response ended before the answer${why}`;
    return new UpstreamError('STREAM_CUT', message, { ...this.where, cause });
  }

  #withOwnToken(notification: Notification): string | undefined {
    return this.#token === undefined
      ? undefined
      : withProgressToken(notification.text, this.#token);
  }
}

/** Progress belongs to whoever's token it carries, whichever stream it came on. False when it is nobody's. */
export function deliverProgress(
  pending: Pick<NumberedCalls<LegacyCall>, 'get'>,
  notification: Notification,
): boolean {
  const { method, progressToken: token } = notification;
  const owner = typeof token === 'number' ? pending.get(token) : undefined;
  return method === 'notifications/progress' && owner?.takeProgress(notification) === true;
}

/** The client's `_meta` for a legacy server: without the modern envelope, and with our token for its own. */
export function legacyMeta(
  meta: readonly RawMember[],
  id: number,
): { readonly meta: readonly RawMember[]; readonly token: string | undefined } {
  let token: string | undefined;
  const kept: RawMember[] = [];
  for (const member of meta) {
    if (member.key === META.progressToken) {
      token = member.text;
      kept.push({ key: META.progressToken, text: String(id) });
    } else if (!MODERN_ENVELOPE_KEYS.has(member.key)) {
      kept.push(member);
    }
  }
  return { meta: kept, token };
}
