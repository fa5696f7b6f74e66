import type { RawJson } from '../../protocol/json-bytes.ts';
import type { Era } from '../../protocol/revision.ts';
import type { UpstreamError } from '../upstream-error.ts';
import {
  DEADLINE_EXCEEDED,
  type ForwardHandle,
  type ForwardRequest,
  type ForwardSink,
  type ServerRequest,
} from '../upstream.ts';
import { isUnwell } from './health.ts';
import type { Replica } from './replica.ts';
import type { TaskMakers } from './task-makers.ts';

export interface ReplicaCallOptions {
  readonly request: ForwardRequest;
  readonly sink: ForwardSink;
  /** The next one to try, other than those tried; undefined when none is left. */
  readonly next: (tried: ReadonlySet<Replica>) => Replica | undefined;
  /** A replica did badly at this call. */
  readonly failed: (replica: Replica) => void;
  /** Where tasks are noted that this call may make. Default: it makes none. */
  readonly makers?: TaskMakers<Replica> | undefined;
}

/**
 * One call at one replica. A failure that cannot have reached it sends the call to another, as long as there is one that
 * was not tried; what may have been executed is never sent twice.
 */
export class ReplicaCall implements ForwardSink, ForwardHandle {
  readonly #options: ReplicaCallOptions;
  readonly #tried = new Set<Replica>();
  #replica: Replica | undefined;
  #handle: ForwardHandle | undefined;
  #startedAtMs = 0;
  #paused = false;
  #over = false;

  constructor(options: ReplicaCallOptions) {
    this.#options = options;
  }

  start(replica: Replica): void {
    this.#replica = replica;
    this.#tried.add(replica);
    this.#startedAtMs = performance.now();
    replica.inFlight += 1;
    const handle = replica.upstream.forward(this.#options.request, this);
    // A failure at once has moved the call on already.
    if (this.#replica !== replica || this.#over) return;
    this.#handle = handle;
    if (this.#paused) handle.pause();
  }

  notification(text: string): void {
    this.#options.sink.notification(text);
  }

  request(request: ServerRequest): void {
    this.#options.sink.request(request);
  }

  suspended(retryMs: number): void {
    this.#options.sink.suspended?.(retryMs);
  }

  result(raw: RawJson, era: Era): void {
    if (this.#replica !== undefined) this.#options.makers?.note(raw, this.#replica);
    this.#answered();
    this.#options.sink.result(raw, era);
  }

  error(text: string, era: Era): void {
    this.#answered();
    this.#options.sink.error(text, era);
  }

  whole(body: Buffer | readonly Buffer[], resultText?: string): void {
    if (this.#replica !== undefined) this.#options.makers?.noteMessage(body, this.#replica);
    this.#answered();
    this.#options.sink.whole(body, resultText);
  }

  open(bytes?: number): void {
    this.#options.sink.open(bytes);
  }

  chunk(bytes: Buffer): boolean {
    return this.#options.sink.chunk(bytes);
  }

  end(): void {
    this.#answered();
    this.#options.sink.end();
  }

  fail(error: UpstreamError): void {
    const replica = this.#leave();
    if (replica !== undefined && isUnwell(error)) this.#options.failed(replica);
    const next = error.unsent && !this.#over ? this.#options.next(this.#tried) : undefined;
    if (next === undefined || !isUnwell(error)) {
      this.#over = true;
      this.#options.sink.fail(error);
    } else {
      this.#handle = undefined;
      this.start(next);
    }
  }

  cancel(reason: string): void {
    this.#over = true;
    const replica = this.#leave();
    // A client that reads nothing makes the deadline pass as well.
    const isSlow = reason === DEADLINE_EXCEEDED && !this.#paused;
    if (replica !== undefined && isSlow) this.#options.failed(replica);
    this.#handle?.cancel(reason);
  }

  pause(): void {
    this.#paused = true;
    this.#handle?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#handle?.resume();
  }

  #answered(): void {
    this.#over = true;
    const replica = this.#leave();
    if (replica === undefined) return;
    const nowMs = performance.now();
    replica.answered(nowMs - this.#startedAtMs, nowMs);
  }

  /** The replica this call was at; it counts there no longer. */
  #leave(): Replica | undefined {
    const replica = this.#replica;
    this.#replica = undefined;
    if (replica !== undefined) replica.inFlight -= 1;
    return replica;
  }
}
