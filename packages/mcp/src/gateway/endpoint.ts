import type { IncomingMessage as HttpRequest, ServerResponse } from 'node:http';
import type { CatalogChange } from '../catalog/catalog.ts';
import { parseMessage, type IncomingMessage } from '../protocol/json-rpc.ts';
import { ProtocolError, RPC, errorObject, errorText, type JsonRpcId } from '../protocol/message.ts';
import { HEADER, LEGACY_VERSIONS } from '../protocol/revision.ts';
import { Answerer, type AnswererOptions } from './answerer.ts';
import { answerBatch, isBatch } from './batch.ts';
import { errorStatus } from './bridge.ts';
import type { EventLogLimits } from './event-log.ts';
import { createHttpReply } from './http-reply.ts';
import { announceChange, answerLegacy, initialize, noteLegacy } from './legacy.ts';
import { answerModern, isModern, modernStatus } from './modern.ts';
import { BodyError, readBody } from './read-body.ts';
import { acceptedBy } from './session-reply.ts';
import { SessionStore, type LegacySession, type SessionLimits } from './session-store.ts';
import { SessionStreams } from './session-streams.ts';

export interface EndpointOptions extends AnswererOptions {
  readonly sessionLimits?: SessionLimits;
  readonly eventLogLimits?: EventLogLimits;
  /** Told of failures that are ours: a bug, not a bad request. */
  readonly onInternalError: (error: unknown) => void;
}

/** `/mcp` and `/mcp/{connector}` for clients of both eras. */
export interface Endpoint {
  /**
   * Answers one HTTP request. Never throws, never rejects.
   * @param owner who sends it, as the listener knows him; sessions and states of one owner are worth nothing to others.
   */
  handle(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    owner?: string,
  ): void;
  readonly answerer: Answerer;
  readonly sessionStore: SessionStore;
  /** Legacy sessions open now. */
  readonly sessions: number;
  /** Cancels calls, ends streams, forgets sessions. */
  close(): void;
}

/** One HTTP request on its way. */
interface Exchange {
  readonly request: HttpRequest;
  readonly response: ServerResponse;
  readonly connectorId: string | undefined;
  readonly owner: string;
}

function sendError(
  response: ServerResponse,
  status: number,
  id: JsonRpcId | null,
  error: string,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const body = errorText(JSON.stringify(id), error);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  // What was not read of the body would be taken for the next request.
  const close = status === 413 ? { connection: 'close' } : {};
  response.writeHead(status, { ...headers, ...close }).end(body);
}

class HttpEndpoint implements Endpoint {
  readonly answerer: Answerer;
  readonly sessionStore: SessionStore;
  readonly #options: EndpointOptions;
  readonly #streams: SessionStreams;
  readonly #unsubscribe: () => void;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.answerer = new Answerer(options);
    this.sessionStore = new SessionStore(options.sessionLimits);
    this.#streams = new SessionStreams(options.eventLogLimits);
    this.#unsubscribe = options.catalog.subscribe((change) => this.#announce(change));
  }

  get sessions(): number {
    return this.sessionStore.size;
  }

  handle(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    owner: string = '',
  ): void {
    const exchange: Exchange = { request, response, connectorId, owner };
    if (connectorId !== undefined && this.#options.directory.find(connectorId) === undefined) {
      const message = `No connector is called ${JSON.stringify(connectorId)}`;
      sendError(response, 404, null, errorObject(RPC.invalidRequest, message));
    } else if (request.method === 'POST') {
      void this.#post(exchange);
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

  async #post(exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    let message: IncomingMessage | undefined;
    let modern = false;
    try {
      const text = await readBody(request);
      if (isBatch(text)) {
        this.#batch(text, exchange);
        return;
      }
      message = parseMessage(text);
      modern = isModern(message, request.headers);
      if (modern) await this.#modern(message, exchange);
      else await this.#legacy(message, exchange);
    } catch (error) {
      this.#fail(error, response, { message, modern });
    }
  }

  async #modern(message: IncomingMessage, exchange: Exchange): Promise<void> {
    const { request, response, connectorId, owner } = exchange;
    if (message.kind !== 'request') {
      // Stateless: a notification has nothing it could refer to.
      response.writeHead(202).end();
      return;
    }
    const reply = createHttpReply(response, acceptedBy(request.headers).stream);
    await answerModern(message, {
      headers: request.headers,
      connectorId,
      owner,
      answerer: this.answerer,
      reply,
      complete: (id) => this.#options.demand.complete(id),
    });
  }

  async #legacy(message: IncomingMessage, exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    if (message.kind === 'request' && message.method === 'initialize') {
      await this.answerer.known(exchange.connectorId);
      this.#initialize(message, exchange);
      return;
    }
    const requestId = message.kind === 'request' ? message.id : null;
    const session = this.#sessionOf(exchange, requestId);
    if (session === undefined) return;
    assertLegacyVersion(request);
    if (message.kind === 'request') {
      // Hanging up does not cancel here: only notifications/cancelled does.
      const reply = this.#streams.reply(session, response, acceptedBy(request.headers));
      await answerLegacy(message, session, this.answerer, reply);
      return;
    }
    if (message.kind === 'notification') noteLegacy(message, session);
    else session.questions.take(message);
    response.writeHead(202).end();
  }

  #initialize(
    message: Extract<IncomingMessage, { kind: 'request' }>,
    { request, response, connectorId, owner }: Exchange,
  ): void {
    const sessions = this.sessionStore;
    const { answerer } = this;
    const { session, body } = initialize(message, { connectorId, owner, sessions, answerer });
    const headers = { [HEADER.sessionId]: session.id };
    createHttpReply(response, acceptedBy(request.headers).stream, headers).answer(200, body);
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
    });
  }

  /** The session a request names; when there is none, the answer that makes clients open a new one is sent. */
  #sessionOf(
    { request, response, connectorId, owner }: Exchange,
    requestId: JsonRpcId | null = null,
  ): LegacySession | undefined {
    const id = request.headers[HEADER.sessionId];
    const session =
      typeof id === 'string' ? this.sessionStore.use(id, connectorId, owner) : undefined;
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
    if (refusal === undefined) return;
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
    announceChange(this.sessionStore, (id) =>
      id === undefined ? change.all : change.connectors.get(id),
    );
  }

  #fail(
    error: unknown,
    response: ServerResponse,
    {
      message,
      modern,
    }: { readonly message: IncomingMessage | undefined; readonly modern: boolean },
  ): void {
    if (error instanceof BodyError) {
      sendError(response, error.status, null, errorObject(RPC.invalidRequest, error.message));
      return;
    }
    const known = message?.kind === 'request' ? message.id : null;
    if (error instanceof ProtocolError) {
      const rejected = message === undefined || error.rpcCode === RPC.invalidRequest;
      const legacyStatus = rejected ? 400 : errorStatus(error.rpcCode, 'legacy');
      const status = modern ? modernStatus(error) : legacyStatus;
      const text = errorObject(error.rpcCode, error.message, error.data);
      sendError(response, status, error.id ?? known, text);
      return;
    }
    this.#options.onInternalError(error);
    sendError(response, 500, known, errorObject(RPC.internalError, 'Internal error'));
  }
}

/** The header is required since 2025-06-18; a revision we do not speak must be refused. */
function assertLegacyVersion(request: HttpRequest): void {
  const version = request.headers[HEADER.protocolVersion];
  if (version === undefined || LEGACY_VERSIONS.includes(String(version))) return;
  const why = `Bad Request: MCP-Protocol-Version ${String(version)} is not supported in a session`;
  throw new ProtocolError(RPC.invalidRequest, why, { data: { supported: LEGACY_VERSIONS } });
}

/** Serves the catalog to clients of both eras. Opens no socket: `handle` is given to a listener. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  return new HttpEndpoint(options);
}
