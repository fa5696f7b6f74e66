import type { Dispatcher } from 'undici';
import { translateError, type Where } from '../streamable-http/http-error.ts';
import {
  readRefusal,
  type Refusal,
  type ResponseHeaders,
} from '../streamable-http/http-refusal.ts';
import type { HttpWire } from '../streamable-http/http-wire.ts';
import { UpstreamError } from '../upstream-error.ts';

/** How much of a body is read: enough for an error object; that of a success says nothing. */
const MAX_BODY_BYTES = 65_536;
/** How long a message that nobody waits for may take to be accepted. */
const NOTICE_TIMEOUT_MS = 5_000;

/** How the server took one message. Exactly one is called, none after `giveUp`. */
export interface SsePostListener {
  accepted(): void;
  refused(refusal: Refusal): void;
  failed(error: UpstreamError): void;
}

/** One message on its way to the server's endpoint; its answer comes on the stream. */
class SsePost implements Dispatcher.DispatchHandler {
  readonly #listener: SsePostListener;
  readonly #where: Where;
  readonly #done: (post: SsePost) => void;
  readonly #chunks: Buffer[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #status = 0;
  #headers: ResponseHeaders = {};
  #bytes = 0;
  #over = false;

  constructor(where: Where, listener: SsePostListener, done: (post: SsePost) => void) {
    this.#where = where;
    this.#listener = listener;
    this.#done = done;
  }

  /** True once bytes of the message may have reached the server. */
  get sent(): boolean {
    return this.#controller !== undefined;
  }

  giveUp(): void {
    if (!this.#end()) return;
    this.#controller?.abort(new Error('the message was given up'));
  }

  /** Gives it up unless it has been taken by then. */
  giveUpAfter(ms: number): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.giveUp(), ms);
    this.#timer.unref();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#over) throw new Error('given up before it was sent');
    this.#controller = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
  ): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#over) return;
    this.#bytes += bytes.length;
    if (this.#status >= 300) this.#chunks.push(bytes);
    if (this.#bytes <= MAX_BODY_BYTES) return;
    this.#settle();
    this.#controller?.abort(new Error('the body is too long'));
  }

  onResponseEnd(): void {
    this.#settle();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    const { sent } = this;
    if (this.#end()) this.#listener.failed(translateError(error, this.#where, sent));
  }

  #settle(): void {
    if (!this.#end()) return;
    if (this.#status < 300) {
      this.#listener.accepted();
      return;
    }
    const body = Buffer.concat(this.#chunks).toString('utf8', 0, MAX_BODY_BYTES);
    this.#listener.refused(readRefusal(this.#status, this.#headers, body));
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#done(this);
    return true;
  }
}

/** Control over one message. */
export interface SentMessage {
  readonly sent: boolean;
  giveUp(): void;
  giveUpAfter(ms: number): void;
}

const IGNORE: SsePostListener = {
  accepted: () => undefined,
  refused: () => undefined,
  failed: () => undefined,
};

/** Messages being handed to the server at the same time; one that takes them more slowly than they come is stuck. */
export const MAX_PENDING_POSTS = 256;

/** Sends messages to one session's endpoint. */
export class SsePoster {
  readonly #wire: HttpWire;
  readonly #path: string;
  readonly #posts = new Set<SsePost>();
  /** Added to every message, names and values in turn. */
  headers: readonly string[] = [];

  /** @param wire on the dispatcher for requests. */
  constructor(wire: HttpWire, path: string) {
    this.#wire = wire;
    this.#path = path;
  }

  get pending(): number {
    return this.#posts.size;
  }

  post(body: string, listener: SsePostListener): SentMessage {
    const { connectorId, dispatcher, origin, headers } = this.#wire;
    const where: Where = { connectorId, phase: 'ready' };
    const post = new SsePost(where, listener, (one) => this.#posts.delete(one));
    if (this.#posts.size >= MAX_PENDING_POSTS) {
      const why = `the server has not accepted ${MAX_PENDING_POSTS} messages yet`;
      listener.failed(new UpstreamError('CONNECT_FAILED', why, { ...where, unsent: true }));
      return post;
    }
    this.#posts.add(post);
    const all = [...headers, ...this.headers];
    dispatcher.dispatch({ origin, path: this.#path, method: 'POST', headers: all, body }, post);
    return post;
  }

  /** A message that nobody waits for; what becomes of it changes nothing for us. */
  notice(body: string): void {
    this.post(body, IGNORE).giveUpAfter(NOTICE_TIMEOUT_MS);
  }

  close(): void {
    for (const post of this.#posts) post.giveUp();
  }
}
