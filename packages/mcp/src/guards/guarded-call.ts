import type { RefusalReason } from '../observability/call-metrics.ts';
import { isObjectJson, type RawJson } from '../protocol/json-bytes.ts';
import type { Era } from '../protocol/revision.ts';
import {
  DEADLINE_EXCEEDED,
  type CallLine,
  type ForwardHandle,
  type ForwardRequest,
  type ForwardSink,
  type ServerRequest,
} from '../upstream/upstream.ts';
import type { UpstreamError, UpstreamErrorCode } from '../upstream/upstream-error.ts';
import type { WaitingForPlace } from './bulkhead.ts';
import { verdictOf } from './call-verdict.ts';
import { REFUSED } from './circuit-breaker.ts';
import type { GuardParts, WaitingRetry } from './guard-parts.ts';
import { noticedQuestion } from './noticed-question.ts';
import { isRepeatable, retryDelayMs, wasNeverSent } from './retry-delay.ts';

/**
 * One call on its way through the guards of its connector: to the upstream it is the sink, to the client's end the
 * handle, so that a call costs one object. Has a place of the bulkhead from the moment it is sent until it is over.
 */
export class GuardedCall implements ForwardSink, ForwardHandle, WaitingForPlace, WaitingRetry {
  readonly #parts: GuardParts;
  readonly #request: ForwardRequest;
  readonly #sink: ForwardSink;
  readonly line: CallLine;
  waitsSinceMs = 0;
  #sentAtMs = 0;
  #handle: ForwardHandle | undefined;
  #ticket = REFUSED;
  #breaks = 0;
  #over = false;
  #paused = false;
  #begun = false;
  #retry: { readonly timer: NodeJS.Timeout; readonly error: UpstreamError } | undefined;
  #retried = false;
  /** Questions of the server that its client has not answered yet. */
  #questions = 0;
  #place: 'none' | 'held' | 'lent' = 'none';

  constructor(parts: GuardParts, request: ForwardRequest, sink: ForwardSink, line: CallLine) {
    this.#parts = parts;
    this.#request = request;
    this.#sink = sink;
    this.line = line;
  }

  start(): void {
    const { breaker, bulkhead } = this.#parts;
    if (!breaker.allows) {
      this.#refuseOpen();
    } else if (bulkhead.take()) {
      this.proceed();
    } else {
      this.waitsSinceMs = performance.now();
      if (!bulkhead.queue(this)) this.giveUp();
    }
  }

  proceed(): void {
    this.#place = 'held';
    const { breaker, budget } = this.#parts;
    // It may have waited for longer than its caller does.
    const isLate = this.waitsSinceMs > 0 && this.#endsBy(performance.now());
    const ticket = isLate ? REFUSED : breaker.admit();
    if (isLate) this.#refuse('bulkhead', 'TIMEOUT', 'no place became free in time', undefined);
    else if (ticket === REFUSED) this.#refuseOpen();
    else if (this.#passesQuota(ticket)) {
      this.#ticket = ticket;
      budget.pay();
      this.#send(this.#request);
    }
  }

  giveUp(): void {
    const { maxInFlight, queueTimeoutMs } = this.#parts.bulkhead.limits;
    const message = `${maxInFlight} calls are under way and no place became free`;
    this.#refuse('bulkhead', 'BULKHEAD_FULL', message, queueTimeoutMs);
  }

  /** The connection it waits for is being closed. */
  abandon(error: UpstreamError): void {
    this.fail(this.#retry?.error ?? error);
  }

  notification(text: string): void {
    this.#begin();
    this.#sink.notification(text);
  }

  request(question: ServerRequest): void {
    this.#begin();
    this.#asked();
    this.#sink.request(noticedQuestion(question, () => this.#answered()));
  }

  suspended(retryMs: number): void {
    this.#sink.suspended?.(retryMs);
  }

  result(raw: RawJson, era: Era): void {
    if (this.#over) return;
    this.#end();
    this.#sink.result(raw, era);
    this.#judge(isObjectJson(raw));
  }

  error(text: string, era: Era): void {
    if (this.#over) return;
    this.#end();
    this.#sink.error(text, era);
    this.#judge(isObjectJson(text));
  }

  whole(body: Buffer | readonly Buffer[], resultText?: string): void {
    if (this.#over) return;
    this.#end();
    this.#sink.whole(body, resultText);
    this.#judge(true);
  }

  open(bytes?: number): void {
    this.#begin();
    this.#sink.open(bytes);
  }

  chunk(bytes: Buffer): boolean {
    return this.#sink.chunk(bytes);
  }

  end(): void {
    if (this.#over) return;
    this.#end();
    this.#sink.end();
    this.#judge(true);
  }

  fail(error: UpstreamError): void {
    if (this.#over || this.#waitsFor(error)) return;
    const { breaker } = this.#parts;
    const verdict = verdictOf(error);
    // Before its place is free, or one more of those that wait would be sent to a server that is down.
    if (verdict === 'nothing') breaker.released(this.#ticket);
    else if (verdict === 'answered') breaker.succeeded(this.#ticket);
    else if (verdict === 'lost') breaker.lost(this.#ticket, this.#breaks);
    else breaker.failed(this.#ticket);
    this.#end();
    this.#sink.fail(error);
  }

  cancel(reason: string): void {
    if (this.#over) return;
    const { breaker } = this.#parts;
    // First, so that the upstream hears of it before whoever gets its place.
    this.#handle?.cancel(reason);
    // A client that reads nothing makes the deadline pass as well.
    if (reason === DEADLINE_EXCEEDED && !this.#paused) breaker.failed(this.#ticket);
    else breaker.released(this.#ticket);
    this.#end();
  }

  pause(): void {
    this.#paused = true;
    this.#handle?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#handle?.resume();
  }

  #send(request: ForwardRequest): void {
    this.#breaks = this.#parts.breaker.breaks;
    this.#sentAtMs = performance.now();
    const handle = this.line.send(request, this);
    // A failure may have come at once, and a retry is a send of its own.
    if (this.#over || this.#retry !== undefined) return;
    this.#handle = handle;
    if (this.#paused) handle.pause();
  }

  #judge(good: boolean): void {
    if (good) this.#parts.breaker.succeeded(this.#ticket);
    else this.#parts.breaker.failed(this.#ticket);
  }

  /** The answer has begun: the server is there, and nothing may be sent again. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    // A probe that runs for minutes need not keep the others out.
    const { breaker } = this.#parts;
    if (breaker.state === 'half-open') breaker.succeeded(this.#ticket);
  }

  /** True when the call goes on with another try. */
  #waitsFor(error: UpstreamError): boolean {
    if (this.#retried || this.#ticket === REFUSED) return false;
    const { breaker, budget, trusted, random, waiting } = this.#parts;
    if (this.#begun || !breaker.mayRepeat(this.#ticket)) return false;
    const repeatable = trusted && isRepeatable(this.#request.definition?.text);
    const delayMs = retryDelayMs(error, repeatable, random);
    // What would come too late is told now, with its cause, and not as a time-out.
    if (delayMs === undefined || this.#endsBy(performance.now() + delayMs)) return false;
    if (!budget.spend()) return false;
    this.#retried = true;
    this.#handle = undefined;
    this.#retry = { error, timer: setTimeout(() => this.#again(error), delayMs) };
    waiting.add(this);
    return true;
  }

  #again(error: UpstreamError): void {
    const { breaker, quota, waiting, retried } = this.#parts;
    waiting.delete(this);
    this.#retry = undefined;
    if (!breaker.mayRepeat(this.#ticket)) {
      this.fail(error);
      return;
    }
    quota?.release();
    if (!this.#passesQuota(this.#ticket)) return;
    retried();
    const { id } = this.#request;
    // The server may have seen the first id (spec 2026-07-28, changelog 9); one it never saw stays the client's own.
    const anew = { ...this.#request, id: `${String(id)}/again`, repeated: true };
    this.#send(wasNeverSent(error) ? this.#request : anew);
  }

  /** Whether its caller waits no longer by then. */
  #endsBy(atMs: number): boolean {
    return atMs >= (this.#request.dueAtMs ?? Infinity);
  }

  #passesQuota(ticket: number): boolean {
    const refusal = this.#parts.quota?.admit();
    if (refusal === undefined) return true;
    // Before its place is free: a probe that is not sent is the next call's, and refuses none of those that wait.
    this.#parts.breaker.released(ticket);
    this.#refuse('quota', 'QUOTA_EXCEEDED', refusal.message, refusal.retryAfterMs);
    return false;
  }

  #refuseOpen(): void {
    const message = 'too many calls failed; none is sent for a while';
    this.#refuse('breaker', 'BREAKER_OPEN', message, this.#parts.breaker.retryAfterMs);
  }

  #refuse(
    reason: RefusalReason,
    code: UpstreamErrorCode,
    message: string,
    retryAfterMs: number | undefined,
  ): void {
    const { refusal, refused } = this.#parts;
    this.#ended();
    refused(reason);
    this.#sink.fail(refusal(code, message, retryAfterMs));
  }

  #asked(): void {
    this.#questions += 1;
    if (this.#questions > 1 || this.#place !== 'held') return;
    if (this.#parts.bulkhead.lend()) this.#place = 'lent';
  }

  #answered(): void {
    this.#questions -= 1;
    if (this.#questions > 0 || this.#place !== 'lent') return;
    this.#parts.bulkhead.reclaim();
    this.#place = 'held';
  }

  /** Over after it was sent. */
  #end(): void {
    if (this.#ticket !== REFUSED) {
      this.#parts.quota?.release();
      this.#parts.answered(this.#request.method, performance.now() - this.#sentAtMs);
    }
    this.#ended();
  }

  #ended(): void {
    if (this.#over) return;
    this.#over = true;
    const { bulkhead, waiting } = this.#parts;
    if (this.#retry !== undefined) {
      clearTimeout(this.#retry.timer);
      waiting.delete(this);
    }
    const place = this.#place;
    this.#place = 'none';
    this.line.ended();
    if (place === 'none') bulkhead.leave(this);
    else if (place === 'held') bulkhead.give();
    else bulkhead.forgo();
  }
}
