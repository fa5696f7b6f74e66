import { findMember, objectMembers, replaceSpan } from '../../protocol/json-scan.ts';
import { requestText, type JsonRpcId, type RawMember } from '../../protocol/message.ts';
import { NumberedCalls } from '../../protocol/open-calls.ts';
import type { Where } from '../streamable-http/http-error.ts';
import { isAnswer, refusalError, type Refusal } from '../streamable-http/http-refusal.ts';
import type { HttpWire } from '../streamable-http/http-wire.ts';
import { isSessionLost } from '../http-legacy/legacy-session.ts';
import { readSseMessages, type SseInbox } from './legacy-sse-message.ts';
import { SsePoster, type SentMessage } from './legacy-sse-post.ts';
import { SseStream } from './legacy-sse-stream.ts';
import { ServerRequests, type AskableCall } from '../server-requests.ts';
import { metaFor, progressTokenOf } from '../stdio/stdio-envelope.ts';
import type {
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  RefusedQuestion,
  RpcAnswer,
} from '../upstream.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

/** How long the server may take to accept a message whose answer is here already. */
const LATE_ACCEPT_MS = 5_000;

export interface SseLinkOptions {
  /** On the dispatcher for requests. */
  readonly wire: HttpWire;
  /** The same server, by the dispatcher for streams. */
  readonly streamWire: HttpWire;
  /** A notification that belongs to no request. */
  readonly notification: (method: string, text: string) => void;
  /** One that belongs to some request, and does not say which. */
  readonly unattributed: (method: string, text: string) => void;
  /** Something that belongs to nobody, or a request that nobody can be asked. */
  readonly ignored: (question?: RefusedQuestion) => void;
  /** The server asks for the address of messages to be used; called once. */
  readonly ready: () => void;
  /** Called once, when the stream has ended without our doing. */
  readonly down: (error: UpstreamError) => void;
}

interface Call extends AskableCall {
  readonly sink: ForwardSink;
  /** The client's own progress token as raw JSON. */
  readonly token: string | undefined;
  /** What to do when the server does not know the session: true when it has taken the call over. */
  readonly recover: (error: UpstreamError) => boolean;
  message: SentMessage | undefined;
}

/** One session of the HTTP+SSE transport: its stream, its endpoint, and the calls that wait for answers. */
export class SseLink {
  /** Shown in errors until the handshake is through. */
  phase: ConnectorPhase = 'connect';
  readonly #options: SseLinkOptions;
  readonly #stream: SseStream;
  readonly #calls = new NumberedCalls<Call>();
  readonly #questions: ServerRequests;
  #poster: SsePoster | undefined;
  #failure: UpstreamError | undefined;
  #unaccepted: ((error: UpstreamError) => void) | undefined;
  #nextId = 0;

  constructor(options: SseLinkOptions) {
    this.#options = options;
    this.#questions = new ServerRequests({
      send: (text, call) => this.#answer(text, call),
      refused: (why) => options.ignored(why),
    });
    const inbox: SseInbox = {
      answer: (id, answer) => this.#answered(id, answer),
      question: (id, method, paramsText) => this.#questions.take({ id, method, paramsText }),
      questionCancelled: (id) => this.#questions.cancelled(id),
      progress: (token, text) => this.#progress(token, text),
      unasked: (method, text) => options.notification(method, text),
      unattributed: (method, text) => options.unattributed(method, text),
      unreadable: (id, why) => this.#unreadable(id, why),
      ignored: () => options.ignored(),
    };
    this.#stream = new SseStream(options.streamWire, {
      endpoint: (path) => {
        this.#poster = new SsePoster(options.wire, path);
        options.ready();
      },
      message: (text) => readSseMessages(text, inbox),
      ended: (error) => this.#down(error),
    });
  }

  /** Why the link is over. */
  get failure(): UpstreamError | undefined {
    return this.#failure;
  }

  /** Whose link it is, and how far it has come. */
  get where(): Where {
    return { connectorId: this.#options.wire.connectorId, phase: this.phase };
  }

  open(): void {
    this.#stream.start();
  }

  /** Adds headers to every message from now on. */
  setHeaders(headers: readonly string[]): void {
    if (this.#poster !== undefined) this.#poster.headers = headers;
  }

  /** A message that nobody waits for. */
  notice(text: string): void {
    this.#poster?.notice(text);
  }

  /** As `notice`, and resolves when the server has accepted it; one at a time. @throws UpstreamError */
  async noticed(text: string): Promise<void> {
    const poster = this.#poster;
    if (poster === undefined)
      throw this.#failure ?? this.#error('CLOSED', 'the stream is not open');
    await new Promise<void>((resolve, reject) => {
      // A message that is given up with the stream is not heard of again.
      this.#unaccepted = reject;
      poster.post(text, {
        accepted: resolve,
        refused: (refusal) => reject(this.#refusalError(refusal)),
        failed: reject,
      });
    });
  }

  /**
   * Sends a request under an id and a progress token of our own.
   * @param recover asked when the server rejected it because it does not know the session.
   */
  send(
    request: ForwardRequest,
    sink: ForwardSink,
    recover: (error: UpstreamError) => boolean = () => false,
  ): ForwardHandle {
    const id = this.#nextId++;
    const { method, members, meta } = request;
    const call: Call = {
      id,
      method,
      callerId: request.caller.id,
      ask: (question) => sink.request(question),
      undelivered: (error) => {
        if (this.#take(id) !== undefined) sink.fail(error);
      },
      sink,
      token: progressTokenOf(meta),
      recover,
      message: undefined,
    };
    if (this.#failure !== undefined || this.#poster === undefined) {
      const { code, message } = this.#failure ?? this.#error('CLOSED', 'the stream is not open');
      sink.fail(this.#error(code, message, true));
    } else {
      this.#calls.set(id, call);
      this.#questions.join(call);
      this.#post(this.#poster, call, requestText(String(id), method, members, metaOf(request, id)));
    }
    // Other calls share the stream: they are not held up because one client reads slowly.
    return {
      cancel: (reason) => this.#cancel(call, reason),
      pause: () => undefined,
      resume: () => undefined,
    };
  }

  /** Ends it for a reason of ours: everything under way fails with it. Idempotent. */
  end(error: UpstreamError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#unaccepted?.(error);
    this.#stream.close();
    this.#questions.abandon();
    const calls = this.#calls.all();
    this.#calls.clear();
    for (const call of calls) {
      const unsent = call.message?.sent === false;
      call.sink.fail(unsent ? this.#error(error.code, error.message, true) : error);
    }
    this.#poster?.close();
  }

  #post(poster: SsePoster, call: Call, text: string): void {
    const message = poster.post(text, {
      accepted: () => undefined,
      refused: (refusal) => this.#refused(call, refusal),
      failed: (error) => {
        if (this.#take(call.id) !== undefined) call.sink.fail(error);
      },
    });
    call.message = message;
    // Answered, or failed, while it was being sent.
    if (this.#calls.get(call.id) === undefined) message.giveUpAfter(LATE_ACCEPT_MS);
  }

  /** What a client answered must not be lost in silence: the server would wait for ever. */
  #answer(text: string, call: AskableCall | undefined): undefined {
    if (call === undefined) {
      this.notice(text);
      return undefined;
    }
    this.#poster?.post(text, {
      accepted: () => undefined,
      refused: (refusal) => call.undelivered(refusalError(refusal, this.where)),
      failed: (error) => {
        // One that left and was not acknowledged may have arrived.
        if (error.unsent) call.undelivered(error);
      },
    });
    return undefined;
  }

  #refused(call: Call, refusal: Refusal): void {
    if (this.#take(call.id) === undefined) return;
    const error = this.#refusalError(refusal);
    if (isSessionLost(refusal.status, refusal.rpc, refusal.body, true)) {
      if (call.recover(error)) return;
      call.sink.fail(this.#error('SESSION_LOST', 'the server does not know our session', true));
    } else if (refusal.rpc !== undefined && isAnswer(refusal)) {
      call.sink.error(refusal.rpc.text, 'legacy');
    } else {
      call.sink.fail(error);
    }
  }

  #cancel(call: Call, reason: string): void {
    if (this.#take(call.id) === undefined) return;
    if (call.message?.sent === true) {
      const params = { requestId: call.id, reason };
      this.notice(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }));
    } else {
      call.message?.giveUp();
    }
  }

  /** Forgets a call that is over; undefined when it was before. */
  #take(id: unknown): Call | undefined {
    const call = typeof id === 'number' ? this.#calls.get(id) : undefined;
    if (call === undefined) return undefined;
    this.#calls.delete(call.id);
    this.#questions.leave(call);
    call.message?.giveUpAfter(LATE_ACCEPT_MS);
    return call;
  }

  #down(error: UpstreamError): void {
    if (this.#failure !== undefined) return;
    const { code, message, httpStatus } = error;
    const shown = this.phase === 'connect' ? error : this.#error(code, message, false, httpStatus);
    this.end(shown);
    this.#options.down(shown);
  }

  #answered(id: JsonRpcId, answer: RpcAnswer): void {
    const call = this.#take(id);
    if (call === undefined) this.#options.ignored();
    else if (answer.kind === 'result') call.sink.result(answer.text, 'legacy');
    else call.sink.error(answer.text, 'legacy');
  }

  #unreadable(id: JsonRpcId | undefined, why: string): void {
    const call = this.#take(id);
    if (call === undefined) this.#options.ignored();
    else call.sink.fail(this.#error('BAD_RESPONSE', `the answer is unusable: ${why}`));
  }

  #progress(token: unknown, text: string): boolean {
    const call = typeof token === 'number' ? this.#calls.get(token) : undefined;
    const params = findMember(objectMembers(text), 'params');
    const span = params && findMember(objectMembers(text, params.start), 'progressToken');
    if (call?.token === undefined || span === undefined) return false;
    call.sink.notification(replaceSpan(text, span, call.token));
    return true;
  }

  #refusalError(refusal: Refusal): UpstreamError {
    return refusalError(refusal, this.where);
  }

  #error(
    code: UpstreamErrorCode,
    message: string,
    unsent = false,
    httpStatus?: number,
  ): UpstreamError {
    return new UpstreamError(code, message, {
      ...this.where,
      unsent,
      ...(httpStatus === undefined ? {} : { httpStatus }),
    });
  }
}

/** Without the modern envelope, and with our progress token for the client's. */
function metaOf(request: ForwardRequest, id: number): readonly RawMember[] {
  return metaFor('legacy', request, id, []);
}
