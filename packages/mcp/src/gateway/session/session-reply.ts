import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { JsonBytes } from '../../protocol/json-bytes.ts';
import { HEADER } from '../../protocol/revision.ts';
import type { DrainListener, EventLog, ResumableStream } from './event-log.ts';
import { STREAM_HEADERS, createHttpReply } from '../reply/http-reply.ts';
import type { Reply } from '../reply/reply.ts';

/** How a client wants its answer. */
export interface Accepted {
  /** It takes an event stream. */
  readonly stream: boolean;
  /** It named event streams first. */
  readonly prefersStream: boolean;
  /** It comes back to a stream that was cut, as far as the revision says that its request claims. */
  readonly resumes: boolean;
}

/** The first revision whose clients come back to a stream that was cut (SEP-1699). */
export const RESUMABLE_SINCE = '2025-11-25';

/** What was asked last. */
let last: {
  readonly accept: string;
  readonly version: string | string[];
  readonly accepted: Accepted;
} = { accept: '', version: RESUMABLE_SINCE, accepted: acceptedOf('', RESUMABLE_SINCE) };

/** What a request takes for an answer. Most clients name JSON first; one that names event streams first gets one. */
export function acceptedBy(headers: IncomingHttpHeaders): Accepted {
  const { accept = '', [HEADER.protocolVersion]: version = RESUMABLE_SINCE } = headers;
  // Nearly always as in the request before.
  if (accept !== last.accept || version !== last.version) {
    last = { accept, version, accepted: acceptedOf(accept, version) };
  }
  return last.accepted;
}

function acceptedOf(accept: string, version: string | string[]): Accepted {
  const at = accept.indexOf('text/event-stream');
  const json = accept.indexOf('application/json');
  return {
    stream: at !== -1 || accept.includes('*/*'),
    prefersStream: at !== -1 && (json === -1 || at < json),
    // An older one would stumble over events without data, whatever was agreed on in its handshake.
    resumes: version >= RESUMABLE_SINCE,
  };
}

/** A call that takes longer than this gets a stream it can come back to, whatever happens to the connection: 2 s. */
const STREAM_AFTER_MS = 2_000;

/** Answers in a session whose client can come back for what it missed (SEP-1699, since 2025-11-25). */
class SessionReply implements Reply, DrainListener {
  readonly #response: ServerResponse;
  readonly #accepted: Accepted;
  readonly #log: () => EventLog;
  readonly #plain: Reply;
  readonly #startedAtMs = performance.now();
  #stream: ResumableStream | undefined;
  #onDrain: (() => void) | undefined;

  constructor(response: ServerResponse, accepted: Accepted, log: () => EventLog) {
    this.#response = response;
    this.#accepted = accepted;
    this.#log = log;
    this.#plain = createHttpReply(response, accepted.stream);
  }

  notify(text: string): 'sent' | 'slow' | 'dropped' {
    return this.#begin()?.send(text) ?? 'dropped';
  }

  answer(status: number, body: Buffer | string): void {
    if (this.#stream === undefined && !this.#accepted.prefersStream) {
      this.#plain.answer(status, body);
    } else {
      this.#begin()?.end(body.toString());
    }
  }

  answerParts(parts: readonly Buffer[]): void {
    if (this.#stream === undefined && !this.#accepted.prefersStream) this.#plain.answerParts(parts);
    else this.#begin()?.end(new JsonBytes(parts));
  }

  // Only an answer that nobody has to read is passed on as it arrives, and legacy clients never get one.
  open(bytes?: number): void {
    this.#plain.open(bytes);
  }

  chunk(bytes: Buffer): boolean {
    return this.#plain.chunk(bytes);
  }

  end(): void {
    this.#plain.end();
  }

  abort(): void {
    this.#plain.abort();
    this.#stream?.close();
  }

  drop(): void {
    if (this.#stream === undefined) this.#plain.drop();
    else this.#stream.end();
  }

  keepAlive(): void {
    this.#stream?.keepAlive(Infinity);
  }

  onDrain(listener: () => void): void {
    this.#onDrain = listener;
  }

  drained(): void {
    this.#onDrain?.();
  }

  onGone(listener: () => void): void {
    this.#plain.onGone(listener);
  }

  tick(nowMs: number): void {
    if (this.#stream !== undefined) this.#stream.keepAlive(nowMs);
    else if (nowMs - this.#startedAtMs >= STREAM_AFTER_MS) this.#begin();
  }

  retryAfter(ms: number): void {
    this.#plain.retryAfter?.(ms);
  }

  suspend(retryMs: number): void {
    this.#begin()?.suspend(retryMs);
  }

  /** The stream of this answer; undefined when the client takes none, or went before it could learn of one. */
  #begin(): ResumableStream | undefined {
    if (this.#stream !== undefined) return this.#stream;
    const gone = this.#response.destroyed || this.#response.writableEnded;
    if (gone || !this.#accepted.stream) return undefined;
    this.#stream = this.#log().create();
    this.#stream.onDrain(this);
    this.#response.writeHead(200, STREAM_HEADERS);
    this.#stream.open(this.#response);
    return this.#stream;
  }
}

/** Answers one request of a session whose streams can be resumed. */
export function createSessionReply(
  response: ServerResponse,
  accepted: Accepted,
  log: () => EventLog,
): Reply {
  return new SessionReply(response, accepted, log);
}
