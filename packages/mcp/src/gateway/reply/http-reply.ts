import type { ServerResponse } from 'node:http';
import { oneLine, oneLineBytes } from '../../protocol/one-line.ts';
import { gzipParts, takesGzip } from './gzip-parts.ts';
import type { Reply } from './reply.ts';
import { setRetryAfter } from './retry-after.ts';

/** Headers of every event stream we send: not cached, not transformed, not buffered by a proxy. */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** One frame of an event stream. */
export function eventFrame(text: string): string {
  return `event: message\ndata: ${oneLine(text)}\n\n`;
}

/** As `eventFrame`, of a message in pieces that are not copied. */
export function eventParts(pieces: readonly Buffer[]): readonly (string | Buffer)[] {
  return ['event: message\ndata: ', ...pieces.map(oneLineBytes), '\n\n'];
}

/** What may wait unread in one response before notifications are dropped: 1 MiB. */
export const MAX_UNREAD_BYTES = 1_048_576;
/** How long a client may leave the rest of its answer unread, without taking a byte: 60 s. */
const UNREAD_TIMEOUT_MS = 60_000;
/** A comment goes out on a stream when nothing else has for this long. */
export const KEEP_ALIVE_MS = 15_000;

/** Bytes of an answer that are worth copying once to be sent in one piece. */
const MAX_TEXT_BYTES = 16_384;

const GZIPPED: readonly string[] = ['content-encoding', 'gzip', 'vary', 'accept-encoding'];
const NONE: readonly string[] = [];

/** How the answer of a request is to travel. */
export interface HttpReplyOptions {
  /** Default: none. */
  readonly extraHeaders?: Readonly<Record<string, string>>;
  /** An answer without anything before it is an event as well. Default: JSON. */
  readonly prefersStream?: boolean;
}

const NO_OPTIONS: HttpReplyOptions = {};

class HttpReply implements Reply {
  readonly #response: ServerResponse;
  readonly #acceptsStream: boolean;
  readonly #prefersStream: boolean;
  /** Names and values in turn. */
  readonly #extraHeaders: readonly string[];
  #streaming = false;
  #writtenAtMs = 0;

  constructor(
    response: ServerResponse,
    acceptsStream: boolean,
    { extraHeaders, prefersStream = false }: HttpReplyOptions,
  ) {
    this.#response = response;
    this.#acceptsStream = acceptsStream;
    this.#prefersStream = prefersStream && acceptsStream;
    this.#extraHeaders = extraHeaders === undefined ? NONE : Object.entries(extraHeaders).flat();
  }

  notify(text: string): 'sent' | 'slow' | 'dropped' {
    const { writableLength } = this.#response;
    if (!this.#acceptsStream || this.#gone() || writableLength > MAX_UNREAD_BYTES) return 'dropped';
    this.#startStream();
    this.#writtenAtMs = performance.now();
    return this.#response.write(eventFrame(text)) ? 'sent' : 'slow';
  }

  answer(status: number, body: Buffer | string, latin1?: string): void {
    if (this.#gone()) return;
    if (this.#prefersStream && status === 200) this.#startStream();
    if (this.#streaming) this.#response.end(eventFrame(body.toString()));
    else if (typeof body === 'string') {
      const bytes = Buffer.byteLength(body);
      this.#writeHead(status, bytes);
      // ASCII is the same in both, and needs no look at each character in the one.
      this.#response.end(body, bytes === body.length ? 'latin1' : 'utf8');
    } else {
      this.#writeHead(status, body.length);
      // As text Node puts it behind the head, and both leave in one piece; each byte is one of its characters.
      if (body.length > MAX_TEXT_BYTES) this.#response.end(body);
      else this.#response.end(latin1 ?? body.toString('latin1'), 'latin1');
    }
    limitUnread(this.#response);
  }

  answerParts(given: readonly Buffer[]): void {
    if (this.#gone()) return;
    if (this.#prefersStream) this.#startStream();
    if (this.#streaming) {
      for (const part of eventParts(given)) this.#response.write(part);
      this.#response.end();
      limitUnread(this.#response);
      return;
    }
    const compressed = this.#compressed(given);
    const parts = compressed ?? given;
    this.#writeHead(
      200,
      parts.reduce((sum, part) => sum + part.length, 0),
      compressed && GZIPPED,
    );
    // Node corks until the end; as text the first goes with the head, in one piece.
    for (const [index, part] of parts.entries()) {
      if (index === parts.length - 1) this.#response.end(part);
      else if (index > 0 || part.length > MAX_TEXT_BYTES) this.#response.write(part);
      else this.#response.write(part.toString('latin1'), 'latin1');
    }
    limitUnread(this.#response);
  }

  open(bytes?: number): void {
    if (this.#streaming) this.#response.write('event: message\ndata: ');
    else this.#writeHead(200, bytes);
  }

  chunk(bytes: Buffer): boolean {
    return this.#response.write(this.#streaming ? oneLineBytes(bytes) : bytes);
  }

  end(): void {
    this.#response.end(this.#streaming ? '\n\n' : undefined);
    limitUnread(this.#response);
  }

  abort(): void {
    this.#response.destroy();
  }

  drop(): void {
    if (this.#gone()) return;
    if (this.#acceptsStream) this.#startStream();
    else this.#response.writeHead(204, [...this.#extraHeaders]);
    this.#response.end();
  }

  keepAlive(): void {
    if (this.#streaming && !this.#gone()) this.#response.write(': keep-alive\n\n');
  }

  tick(nowMs: number): void {
    if (!this.#streaming || nowMs - this.#writtenAtMs < KEEP_ALIVE_MS) return;
    this.#writtenAtMs = nowMs;
    this.keepAlive();
  }

  retryAfter(ms: number): void {
    setRetryAfter(this.#response, ms);
  }

  onDrain(listener: () => void): void {
    this.#response.on('drain', listener);
  }

  onGone(listener: () => void): void {
    const response = this.#response;
    if (response.destroyed) {
      listener();
      return;
    }
    response.on('close', () => {
      if (!response.writableFinished) listener();
    });
  }

  #gone(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }

  #startStream(): void {
    if (this.#streaming) return;
    this.#streaming = true;
    this.#response.writeHead(200, [
      ...Object.entries(STREAM_HEADERS).flat(),
      ...this.#extraHeaders,
    ]);
  }

  /** A list behind its head, compressed when the client takes that. What has more parts is never sent again. */
  #compressed([head, body, more]: readonly Buffer[]): readonly Buffer[] | undefined {
    if (head === undefined || body === undefined || more !== undefined) return undefined;
    if (!takesGzip(this.#response.req.headers['accept-encoding'])) return undefined;
    return gzipParts(head, body);
  }

  #writeHead(status: number, length?: number, more: readonly string[] = NONE): void {
    const headers = ['content-type', 'application/json'];
    if (length !== undefined) headers.push('content-length', String(length));
    if (more !== NONE) headers.push(...more);
    if (this.#extraHeaders !== NONE) headers.push(...this.#extraHeaders);
    this.#response.writeHead(status, headers);
  }
}

/**
 * Answers over HTTP: plain JSON, or an event stream as soon as there is something to say before the answer and
 * the client accepts one.
 */
export function createHttpReply(
  response: ServerResponse,
  acceptsStream: boolean,
  options: HttpReplyOptions = NO_OPTIONS,
): Reply {
  return new HttpReply(response, acceptsStream, options);
}

/** Cuts a response whose rest nobody takes: a socket that makes no progress is not held for ever. */
export function limitUnread(response: ServerResponse): void {
  if (response.writableLength > 0) response.setTimeout(UNREAD_TIMEOUT_MS);
}
