import type { IncomingMessage as HttpRequest, ServerResponse } from 'node:http';
import type { Principal } from '../auth/principal.ts';
import { changedKinds, type CatalogChange } from '../catalog/catalog-change.ts';
import type { IncomingMessage } from '../protocol/json-rpc.ts';
import { RPC, errorObject, type JsonRpcId } from '../protocol/message.ts';
import { isBatch, readBodyMessage } from '../protocol/read-body-message.ts';
import { HEADER } from '../protocol/revision.ts';
import { Answerer } from './answerer.ts';
import { ANONYMOUS } from './reply/anonymous.ts';
import { answerBatch } from './batch.ts';
import { noteRefusal, NO_SESSION } from './call/call-refusal.ts';
import type { EndpointOptions } from './endpoint-options.ts';
import { Exchange, type ExchangeHandler } from './reply/http-exchange.ts';
import { createHttpReply } from './reply/http-reply.ts';
import {
  announceChange,
  answerLegacy,
  assertLegacyVersion,
  initialize,
  noteLegacy,
} from './legacy.ts';
import { answerModern, isModern } from './modern.ts';
import { collectBody } from './reply/read-body.ts';
import { acceptedBy } from './session/session-reply.ts';
import { SessionReturn } from './session/session-return.ts';
import { sendError } from './reply/send-error.ts';
import { sendFailure } from './reply/send-failure.ts';
import { SessionStore, type LegacySession } from './session/session-store.ts';
import { SessionStreams } from './session/session-streams.ts';

/** `/mcp` and `/mcp/{connector}` for clients of both eras. */
export interface Endpoint {
  /**
   * Answers one HTTP request. Never throws, never rejects.
   * @param principal who sends it, as the listener knows him; sessions and states of one are worth nothing to others.
   *   Default: anonymous.
   */
  handle(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    principal?: Principal,
  ): void;
  readonly answerer: Answerer;
  readonly sessionStore: SessionStore;
  /** Legacy sessions open now. */
  readonly sessions: number;
  /** Cancels calls, ends streams, forgets sessions. */
  close(): void;
  /** Resolves when what outlives the process is kept. */
  settled(): Promise<void>;
}

class HttpEndpoint implements Endpoint, ExchangeHandler {
  readonly answerer: Answerer;
  readonly sessionStore: SessionStore;
  readonly #options: EndpointOptions;
  readonly #streams: SessionStreams;
  readonly #return: SessionReturn | undefined;
  readonly #unsubscribe: () => void;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.answerer = new Answerer(options);
    this.sessionStore = new SessionStore(options.sessionLimits);
    this.#streams = new SessionStreams(options.eventLogLimits);
    const { memory, link } = options;
    const { answerer, sessionStore: store } = this;
    this.#return = memory && new SessionReturn({ memory, link, store, answerer });
    this.#unsubscribe = options.catalog.subscribe((change) => this.#announce(change));
  }

  get sessions(): number {
    return this.sessionStore.size;
  }

  handle(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    principal: Principal = ANONYMOUS,
  ): void {
    const exchange = new Exchange(this, request, response, { connectorId, principal });
    const id = request.headers[HEADER.sessionId];
    const looked =
      typeof id === 'string' && this.#return !== undefined
        ? this.#return.bringBack({ id, connectorId, principal })
        : undefined;
    if (looked === undefined) this.#handle(exchange);
    else void looked.then(() => this.#handle(exchange));
  }

  #handle(exchange: Exchange): void {
    const { request, response, connectorId, principal } = exchange;
    if (connectorId !== undefined && !this.#knows(connectorId, principal)) {
      const message = `No connector is called ${JSON.stringify(connectorId)}`;
      sendError(response, 404, null, errorObject(RPC.invalidRequest, message));
    } else if (request.method === 'POST') {
      collectBody(request, exchange);
    } else if (request.method === 'GET') {
      this.#openStream(exchange);
    } else if (request.method === 'DELETE') {
      this.#endSession(exchange);
    } else {
      response.writeHead(405, { allow: 'POST, GET, DELETE' }).end();
    }
  }

  close(): void {
    this.#unsubscribe();
    this.answerer.close();
    this.sessionStore.close();
    this.#streams.close();
  }

  async settled(): Promise<void> {
    await this.#options.memory?.flush();
  }

  /** A connector that the client may not see is as unknown as one that does not exist. */
  #knows(connectorId: string, { policy }: Principal): boolean {
    if (policy?.connector(connectorId) === false) return false;
    return this.#options.directory.find(connectorId) !== undefined;
  }

  posted(body: Buffer, exchange: Exchange): void {
    try {
      if (isBatch(body)) {
        this.#batch(body.toString('utf8'), exchange);
        return;
      }
      const { adopt } = this.#options;
      const read = readBodyMessage(body);
      const message = adopt === undefined ? read : adopt(read, exchange.request.headers);
      exchange.message = message;
      exchange.modern = isModern(message, exchange.request.headers);
      const waits = exchange.modern
        ? this.#modern(message, exchange)
        : this.#legacy(message, exchange, body);
      // Most calls are sent in the turn in which they came.
      if (waits !== undefined) waits.catch((error: unknown) => this.failed(error, exchange));
    } catch (error) {
      this.failed(error, exchange);
    }
  }

  failed(error: unknown, exchange: Exchange): void {
    const { observer, onInternalError } = this.#options;
    const { message, modern, response } = exchange;
    noteRefusal(observer, message, exchange, error);
    sendFailure(error, response, { message, modern, onInternalError });
  }

  #modern(message: IncomingMessage, exchange: Exchange): Promise<unknown> | undefined {
    const { request, response, connectorId, principal } = exchange;
    if (message.kind !== 'request') {
      // Stateless: a notification has nothing it could refer to.
      response.writeHead(202).end();
      return undefined;
    }
    return answerModern(message, {
      headers: request.headers,
      connectorId,
      principal,
      answerer: this.answerer,
      reply: createHttpReply(response, acceptedBy(request.headers).stream),
      demand: this.#options.demand,
    });
  }

  #legacy(
    message: IncomingMessage,
    exchange: Exchange,
    body: Buffer,
  ): Promise<unknown> | undefined {
    const { request, response } = exchange;
    if (message.kind === 'request' && message.method === 'initialize') {
      const known = this.answerer.known(exchange.connectorId);
      if (known !== undefined) return known.then(() => this.#initialize(message, exchange));
      this.#initialize(message, exchange);
      return undefined;
    }
    const requestId = message.kind === 'request' ? message.id : null;
    const session = this.#sessionOf(exchange, requestId);
    if (session === undefined) {
      noteRefusal(this.#options.observer, message, exchange, NO_SESSION);
      return undefined;
    }
    assertLegacyVersion(request.headers);
    if (message.kind === 'request') {
      // Hanging up does not cancel here: only notifications/cancelled does.
      const reply = this.#streams.reply(session, response, acceptedBy(request.headers));
      return answerLegacy(message, session, this.answerer, reply);
    }
    this.#return?.passOn(session, body);
    if (message.kind === 'notification') noteLegacy(message, session);
    else session.questions.take(message);
    response.writeHead(202).end();
    return undefined;
  }

  #initialize(
    message: Extract<IncomingMessage, { kind: 'request' }>,
    { request, response, connectorId, principal }: Exchange,
  ): void {
    const sessions = this.sessionStore;
    const { answerer } = this;
    const { session, body } = initialize(message, { connectorId, principal, sessions, answerer });
    this.#return?.opened(session);
    const extraHeaders = { [HEADER.sessionId]: session.id };
    createHttpReply(response, acceptedBy(request.headers).stream, { extraHeaders }).answer(
      200,
      body,
    );
  }

  #batch(text: string, exchange: Exchange): void {
    const { request, response } = exchange;
    const known = request.headers[HEADER.sessionId] !== undefined;
    const session = known ? this.#sessionOf(exchange, null) : undefined;
    if (known && session === undefined) return;
    const reply = createHttpReply(response, acceptedBy(request.headers).stream);
    const { answerer } = this;
    answerBatch(text, session, {
      reply,
      answer: async (message, to, part) => await answerLegacy(message, to, answerer, part),
      note: noteLegacy,
      accept: () => void response.writeHead(202).end(),
      onInternalError: this.#options.onInternalError,
      onRefused: (message, error) =>
        noteRefusal(
          this.#options.observer,
          message,
          { principal: exchange.principal, connectorId: exchange.connectorId, session },
          error,
        ),
    });
  }

  /** The session a request names; when there is none, the answer that makes clients open a new one is sent. */
  #sessionOf(
    { request, response, connectorId, principal }: Exchange,
    requestId: JsonRpcId | null = null,
  ): LegacySession | undefined {
    const id = request.headers[HEADER.sessionId];
    const session =
      typeof id === 'string' ? this.sessionStore.use(id, connectorId, principal) : undefined;
    if (session !== undefined) return session;
    const [status, why] =
      id === undefined
        ? [400, 'Bad Request: Mcp-Session-Id is missing; send initialize first']
        : [404, 'Session not found; send initialize to open a new one'];
    sendError(response, status, requestId, errorObject(RPC.invalidRequest, why));
    return undefined;
  }

  #openStream(exchange: Exchange): void {
    const { request, response } = exchange;
    if (request.headers[HEADER.sessionId] === undefined) {
      // The modern revision has no GET, and a legacy one makes no sense without a session.
      response.writeHead(405, { allow: 'POST' }).end();
      return;
    }
    const session = this.#sessionOf(exchange);
    if (session === undefined) return;
    const { 'last-event-id': lastEventId } = request.headers;
    const last = typeof lastEventId === 'string' ? lastEventId : undefined;
    const refusal = this.#streams.open(session, response, last);
    if (refusal === undefined) {
      this.#return?.listens(session);
      return;
    }
    const [status, why] =
      refusal === 'taken'
        ? [409, 'Conflict: the session has a stream already']
        : [400, 'Bad Request: nothing is left of the stream of that Last-Event-ID'];
    sendError(response, status, null, errorObject(RPC.invalidRequest, why));
  }

  #endSession(exchange: Exchange): void {
    const { request, response } = exchange;
    if (request.headers[HEADER.sessionId] === undefined) {
      response.writeHead(405, { allow: 'POST' }).end();
      return;
    }
    const session = this.#sessionOf(exchange);
    if (session === undefined) return;
    this.sessionStore.end(session, 'the client ended the session');
    response.writeHead(204).end();
  }

  #announce(change: CatalogChange): void {
    announceChange(this.sessionStore, (id, policy) => changedKinds(change, id, policy));
  }
}

/** Serves the catalog to clients of both eras. Opens no socket: `handle` is given to a listener. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  return new HttpEndpoint(options);
}
