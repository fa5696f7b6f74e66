import type { IncomingMessage as HttpRequest, ServerResponse } from 'node:http';
import type { CatalogChange } from '../catalog/catalog.ts';
import { parseMessage, type IncomingMessage } from '../protocol/json-rpc.ts';
import { ProtocolError, RPC, errorObject, errorText, type JsonRpcId } from '../protocol/message.ts';
import { HEADER, LEGACY_VERSIONS } from '../protocol/revision.ts';
import { Answerer, type AnswererOptions } from './answerer.ts';
import { errorStatus } from './bridge.ts';
import { STREAM_HEADERS, createHttpReply } from './http-reply.ts';
import { announceChange, answerLegacy, initialize, noteLegacy } from './legacy.ts';
import { answerModern, isModern, modernStatus } from './modern.ts';
import { BodyError, readBody } from './read-body.ts';
import { SessionStore, type LegacySession, type SessionLimits } from './session-store.ts';

export interface EndpointOptions extends AnswererOptions {
  readonly sessionLimits?: SessionLimits;
  /** Told of failures that are ours: a bug, not a bad request. */
  readonly onInternalError: (error: unknown) => void;
}

/** `/mcp` and `/mcp/{connector}` for clients of both eras. */
export interface Endpoint {
  /** Answers one HTTP request. Never throws, never rejects. */
  handle(request: HttpRequest, response: ServerResponse, connectorId: string | undefined): void;
  readonly answerer: Answerer;
  /** Legacy sessions open now. */
  readonly sessions: number;
  /** Cancels calls, ends streams, forgets sessions. */
  close(): void;
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
  readonly #options: EndpointOptions;
  readonly #sessions: SessionStore;
  readonly #unsubscribe: () => void;

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.answerer = new Answerer(options);
    this.#sessions = new SessionStore(options.sessionLimits);
    this.#unsubscribe = options.catalog.subscribe((change) => this.#announce(change));
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  handle(request: HttpRequest, response: ServerResponse, connectorId: string | undefined): void {
    if (connectorId !== undefined && this.#options.directory.find(connectorId) === undefined) {
      const message = `No connector is called ${JSON.stringify(connectorId)}`;
      sendError(response, 404, null, errorObject(RPC.invalidRequest, message));
    } else if (request.method === 'POST') {
      void this.#post(request, response, connectorId);
    } else if (request.method === 'GET') {
      this.#openStream(request, response, connectorId);
    } else if (request.method === 'DELETE') {
      this.#endSession(request, response, connectorId);
    } else {
      response.writeHead(405, { allow: 'POST, GET, DELETE' }).end();
    }
  }

  close(): void {
    this.#unsubscribe();
    this.answerer.close();
    this.#sessions.close();
  }

  async #post(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
  ): Promise<void> {
    let message: IncomingMessage | undefined;
    let modern = false;
    try {
      message = parseMessage(await readBody(request));
      modern = isModern(message, request.headers);
      if (modern) await this.#modern(message, request, response, connectorId);
      else await this.#legacy(message, request, response, connectorId);
    } catch (error) {
      this.#fail(error, response, { message, modern });
    }
  }

  async #modern(
    message: IncomingMessage,
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
  ): Promise<void> {
    if (message.kind !== 'request') {
      // Stateless: a notification has nothing it could refer to.
      response.writeHead(202).end();
      return;
    }
    const reply = createHttpReply(response, acceptsStream(request));
    await answerModern(message, {
      headers: request.headers,
      connectorId,
      answerer: this.answerer,
      reply,
      complete: (id) => this.#options.demand.complete(id),
    });
  }

  async #legacy(
    message: IncomingMessage,
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
  ): Promise<void> {
    if (message.kind === 'request' && message.method === 'initialize') {
      const sessions = this.#sessions;
      const { session, body } = initialize(message, {
        connectorId,
        sessions,
        answerer: this.answerer,
      });
      const headers = { [HEADER.sessionId]: session.id };
      createHttpReply(response, acceptsStream(request), headers).answer(200, body);
      return;
    }
    const session = this.#sessionOf(request, response, connectorId, message);
    if (session === undefined) return;
    assertLegacyVersion(request);
    if (message.kind === 'request') {
      // Hanging up does not cancel here: only notifications/cancelled does.
      const reply = createHttpReply(response, acceptsStream(request));
      await answerLegacy(message, session, this.answerer, reply);
      return;
    }
    if (message.kind === 'notification') noteLegacy(message, session);
    response.writeHead(202).end();
  }

  /** The session a request names; when there is none, the answer that makes clients open a new one is sent. */
  #sessionOf(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    message?: IncomingMessage,
  ): LegacySession | undefined {
    const id = request.headers[HEADER.sessionId];
    const session = typeof id === 'string' ? this.#sessions.use(id, connectorId) : undefined;
    if (session !== undefined) return session;
    const requestId = message?.kind === 'request' ? message.id : null;
    const [status, why] =
      id === undefined
        ? [400, 'Bad Request: Mcp-Session-Id is missing; send initialize first']
        : [404, 'Session not found; send initialize to open a new one'];
    sendError(response, status, requestId, errorObject(RPC.invalidRequest, why));
    return undefined;
  }

  #openStream(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
  ): void {
    if (request.headers[HEADER.sessionId] === undefined) {
      // The modern revision has no GET, and a legacy one makes no sense without a session.
      response.writeHead(405, { allow: 'POST' }).end();
      return;
    }
    const session = this.#sessionOf(request, response, connectorId);
    if (session === undefined) return;
    if (session.stream !== undefined) {
      const why = 'Conflict: the session has a stream already';
      sendError(response, 409, null, errorObject(RPC.invalidRequest, why));
      return;
    }
    session.stream = response;
    response.once('close', () => {
      session.stream = undefined;
      session.lastUsedAtMs = performance.now();
    });
    response.writeHead(200, STREAM_HEADERS);
    response.flushHeaders();
  }

  #endSession(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
  ): void {
    if (request.headers[HEADER.sessionId] === undefined) {
      response.writeHead(405, { allow: 'POST' }).end();
      return;
    }
    const session = this.#sessionOf(request, response, connectorId);
    if (session === undefined) return;
    this.#sessions.end(session, 'the client ended the session');
    response.writeHead(204).end();
  }

  #announce(change: CatalogChange): void {
    announceChange(this.#sessions, (id) =>
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
    if (error instanceof ProtocolError) {
      const known = message !== undefined && message.kind === 'request' ? message.id : null;
      const rejected = message === undefined || error.rpcCode === RPC.invalidRequest;
      const legacyStatus = rejected ? 400 : errorStatus(error.rpcCode, 'legacy');
      const status = modern ? modernStatus(error) : legacyStatus;
      const text = errorObject(error.rpcCode, error.message, error.data);
      sendError(response, status, error.id ?? known, text);
      return;
    }
    this.#options.onInternalError(error);
    sendError(response, 500, null, errorObject(RPC.internalError, 'Internal error'));
  }
}

/** The header is required since 2025-06-18; a revision we do not speak must be refused. */
function assertLegacyVersion(request: HttpRequest): void {
  const version = request.headers[HEADER.protocolVersion];
  if (version === undefined || LEGACY_VERSIONS.includes(String(version))) return;
  const why = `Bad Request: MCP-Protocol-Version ${String(version)} is not supported in a session`;
  throw new ProtocolError(RPC.invalidRequest, why, { data: { supported: LEGACY_VERSIONS } });
}

function acceptsStream(request: HttpRequest): boolean {
  const { accept = '' } = request.headers;
  return accept.includes('text/event-stream') || accept.includes('*/*');
}

/** Serves the catalog to clients of both eras. Opens no socket: `handle` is given to a listener. */
export function createEndpoint(options: EndpointOptions): Endpoint {
  return new HttpEndpoint(options);
}
