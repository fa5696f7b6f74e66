import { randomUUID } from 'node:crypto';
import type { IncomingMessage as HttpRequest, ServerResponse } from 'node:http';
import type { Principal } from '../../auth/principal.ts';
import { RPC, errorObject, errorText } from '../../protocol/message.ts';
import { ANONYMOUS } from '../reply/anonymous.ts';
import { STREAM_HEADERS, eventFrame } from '../reply/http-reply.ts';
import { createInProcessTarget, type InProcessTarget } from '../reply/in-process-target.ts';
import { createMessageBridge, type MessageBridge } from './message-bridge.ts';
import { BodyError, readBody } from '../reply/read-body.ts';

export interface SseEndpointOptions {
  /** The endpoint that answers: `/mcp`, or that of one connector. */
  readonly handle: (
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    principal: Principal,
  ) => void;
  readonly knows: (connectorId: string) => boolean;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  /** Streams at the same time; one more is answered with 503. Default 1000. */
  readonly maxStreams?: number;
  /** A comment is sent on every stream this often, so that no proxy takes it for dead. Default 15 s. */
  readonly keepAliveMs?: number;
  /** A stream on which nothing was asked for this long since it opened is ended. Default 30 s. */
  readonly silentMs?: number;
}

/** `/sse` and `/messages`: the HTTP+SSE transport of revision 2024-11-05, for clients that know no other. */
export interface SseEndpoint {
  /** GET: opens a stream. */
  open(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    principal?: Principal,
  ): void;
  /** POST of one message for a stream; one that somebody else opened is unknown. */
  post(request: HttpRequest, response: ServerResponse, principal?: Principal): void;
  /** Streams open now. */
  readonly streams: number;
  /** Ends all streams. Idempotent. */
  close(): Promise<void>;
}

interface Stream {
  readonly principal: Principal;
  readonly response: ServerResponse;
  readonly bridge: MessageBridge;
  asked: boolean;
}

/** The way into the endpoint for the streams of one principal. */
interface SharedTarget {
  readonly key: string;
  readonly target: InProcessTarget;
  principal: Principal;
  streams: number;
}

/** What a client may leave unread before it is cut off. */
const MAX_UNREAD_BYTES = 16 * 1_048_576;

function refuse(response: ServerResponse, status: number, why: string): void {
  const body = errorText('null', errorObject(RPC.invalidRequest, why));
  const close = status === 413 ? { connection: 'close' } : {};
  response.writeHead(status, { 'content-type': 'application/json', ...close }).end(body);
}

class BridgedSseEndpoint implements SseEndpoint {
  readonly #options: SseEndpointOptions;
  readonly #streams = new Map<string, Stream>();
  readonly #targets = new Map<string, SharedTarget>();
  #timer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: SseEndpointOptions) {
    this.#options = options;
  }

  get streams(): number {
    return this.#streams.size;
  }

  open(
    request: HttpRequest,
    response: ServerResponse,
    connectorId: string | undefined,
    principal: Principal = ANONYMOUS,
  ): void {
    const { knows, maxStreams = 1_000 } = this.#options;
    if (request.method !== 'GET') {
      // A client that tries streamable HTTP first learns by this that it must not here (MCP 2025-03-26).
      response.writeHead(405, { allow: 'GET' }).end();
    } else if (connectorId !== undefined && !isShown(connectorId, principal, knows)) {
      refuse(response, 404, `No connector is called ${JSON.stringify(connectorId)}`);
    } else if (this.#streams.size >= maxStreams || this.#closing !== undefined) {
      response.writeHead(503, { 'retry-after': '5' }).end();
    } else {
      this.#begin(response, connectorId, principal);
    }
  }

  post(request: HttpRequest, response: ServerResponse, principal: Principal = ANONYMOUS): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const found = this.#streams.get(url.searchParams.get('sessionId') ?? '');
    const stream = found !== undefined && isSame(found.principal, principal) ? found : undefined;
    if (request.method !== 'POST') response.writeHead(405, { allow: 'POST' }).end();
    else if (stream === undefined) refuse(response, 404, 'Session not found; open a new stream');
    else void this.#take(request, response, stream);
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      clearInterval(this.#timer);
      for (const { response } of this.#streams.values()) response.end();
      const bridges = [...this.#streams.values()].map(async ({ bridge }) => await bridge.close());
      await Promise.all(bridges);
      for (const { target } of this.#targets.values()) target.close();
    })();
    await this.#closing;
  }

  #begin(response: ServerResponse, connectorId: string | undefined, principal: Principal): void {
    // Unguessable: whoever knows it may speak for this client.
    const id = randomUUID();
    const shared = this.#share(connectorId, principal);
    const bridge = createMessageBridge({
      locate: async () => await Promise.resolve(shared.target),
      send: (text) => this.#send(response, text),
      sessionEnded: () => response.end(),
      random: this.#options.random,
    });
    const stream: Stream = { principal, response, bridge, asked: false };
    this.#streams.set(id, stream);
    this.#timer ??= setInterval(() => this.#tick(), this.#options.keepAliveMs ?? 15_000).unref();
    const silence = setTimeout(() => {
      if (!stream.asked) response.end();
    }, this.#options.silentMs ?? 30_000).unref();
    response.once('close', () => {
      clearTimeout(silence);
      this.#streams.delete(id);
      void bridge.close().finally(() => this.#leave(shared));
      if (this.#streams.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    });
    response.writeHead(200, STREAM_HEADERS);
    response.write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`);
  }

  async #take(request: HttpRequest, response: ServerResponse, stream: Stream): Promise<void> {
    try {
      const text = await readBody(request);
      stream.asked = true;
      stream.bridge.receive(text);
      response.writeHead(202, { 'content-type': 'text/plain' }).end('Accepted');
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      refuse(response, error.status, error.message);
    }
  }

  #send(response: ServerResponse, text: string): void {
    if (response.writableEnded || response.destroyed) return;
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
    else response.write(eventFrame(text));
  }

  #tick(): void {
    for (const { response } of this.#streams.values()) {
      if (!response.writableEnded) response.write(': keep-alive\n\n');
    }
  }

  /** One for all streams of a principal to an endpoint: what comes through it is his. */
  #share(connectorId: string | undefined, principal: Principal): SharedTarget {
    // Two tokens of one subject may allow different things.
    const key = `${connectorId ?? ''} ${principal.policy?.key ?? ''} ${principal.id}`;
    const shared = this.#targets.get(key) ?? this.#open(key, connectorId, principal);
    shared.streams += 1;
    // What he may do may have changed since.
    shared.principal = principal;
    return shared;
  }

  #open(key: string, connectorId: string | undefined, principal: Principal): SharedTarget {
    const target = createInProcessTarget((request, response) =>
      this.#options.handle(request, response, connectorId, shared.principal),
    );
    const shared: SharedTarget = { key, target, principal, streams: 0 };
    this.#targets.set(key, shared);
    return shared;
  }

  #leave(shared: SharedTarget): void {
    shared.streams -= 1;
    if (shared.streams > 0 || this.#closing !== undefined) return;
    this.#targets.delete(shared.key);
    shared.target.close();
  }
}

/** Whether somebody may do what the other may: the messages of a stream are judged as those of whoever opened it. */
function isSame(one: Principal, other: Principal): boolean {
  return one.id === other.id && one.policy?.key === other.policy?.key;
}

/** A connector that the client may not see is as unknown as one that does not exist. */
function isShown(
  connectorId: string,
  { policy }: Principal,
  knows: SseEndpointOptions['knows'],
): boolean {
  return policy?.connector(connectorId) !== false && knows(connectorId);
}

/** Serves nothing by itself: `open` and `post` are given to a listener. */
export function createSseEndpoint(options: SseEndpointOptions): SseEndpoint {
  return new BridgedSseEndpoint(options);
}
