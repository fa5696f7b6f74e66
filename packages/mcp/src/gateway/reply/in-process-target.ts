import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Readable, Writable } from 'node:stream';
import { OpenCalls, type Placed } from '../../protocol/open-calls.ts';
import {
  bridgeReader,
  type BridgeEnd,
  type BridgeReader,
  type BridgeRequest,
  type DirectBridgeTarget,
} from '../bridge/bridge-exchange.ts';

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** An endpoint of this process, spoken to as over HTTP without any. */
export interface InProcessTarget extends DirectBridgeTarget {
  /** Cuts every exchange. */
  close(): void;
}

/** What an endpoint uses of a request. */
class DirectRequest extends Readable {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly url = '/';

  constructor({ method, headers, body }: BridgeRequest) {
    super();
    this.method = method;
    this.headers = headers;
    if (body !== undefined) this.push(body, 'utf8');
    this.push(null);
  }

  /** All of it is there from the start. */
  get complete(): boolean {
    return true;
  }

  override _read(): void {
    // Nor does more come.
  }
}

type GivenHeaders = Readonly<Record<string, unknown>> | readonly unknown[] | undefined;

/** Headers as an answer has them: an object, or names and values in turn. */
function headersOf(given: GivenHeaders): IncomingHttpHeaders {
  const list = Array.isArray(given)
    ? (given as readonly unknown[])
    : Object.entries(given ?? {}).flat();
  const headers: IncomingHttpHeaders = {};
  for (let at = 0; at + 1 < list.length; at += 2) {
    headers[String(list[at]).toLowerCase()] = String(list[at + 1]);
  }
  return headers;
}

/** What an endpoint uses of a response. Hands over what is written in the turn in which it is. */
class DirectResponse extends Writable implements Placed {
  place = -1;
  headersSent = false;
  readonly req: DirectRequest;
  readonly #request: BridgeRequest;
  readonly #ended: (end: BridgeEnd) => void;
  #reader: BridgeReader | undefined;

  constructor(req: DirectRequest, request: BridgeRequest, ended: (end: BridgeEnd) => void) {
    super();
    this.req = req;
    this.#request = request;
    this.#ended = ended;
  }

  writeHead(status: number, headers?: GivenHeaders): this {
    this.headersSent = true;
    this.#reader = bridgeReader(status, headersOf(headers), this.#request);
    return this;
  }

  flushHeaders(): void {
    // They are there.
  }

  setTimeout(): this {
    // Nothing is left unread in here.
    return this;
  }

  override _write(chunk: Buffer, _encoding: string, taken: (error?: Error) => void): void {
    try {
      this.#reader?.take(chunk);
      taken();
    } catch (error) {
      taken(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _final(finished: () => void): void {
    if (this.#reader !== undefined) this.#ended(this.#reader.end());
    finished();
  }

  override _destroy(error: Error | null, destroyed: (error?: Error | null) => void): void {
    // Says nothing new of what has ended.
    const why = error?.message ?? 'the endpoint cut its answer';
    this.#ended(this.#request.signal.aborted ? { kind: 'aborted' } : { kind: 'cut', why });
    destroyed();
  }
}

/**
 * A client of another transport gets the very sessions, limits and answers that others get over the network: the endpoint
 * is handed a request and a response as Node makes them, of which nothing is ever written as HTTP.
 */
export function createInProcessTarget(handle: Handle): InProcessTarget {
  const open = new OpenCalls<DirectResponse>();
  let closed = false;
  return {
    async exchange(request) {
      const { signal } = request;
      if (signal.aborted) return { kind: 'aborted' };
      if (closed) return { kind: 'unreachable', why: 'the endpoint is closed' };
      const { promise, resolve } = Promise.withResolvers<BridgeEnd>();
      const incoming = new DirectRequest(request);
      const response = new DirectResponse(incoming, request, resolve);
      const abort = (): void => void response.destroy();
      open.add(response);
      signal.addEventListener('abort', abort, { once: true });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what an endpoint uses of them is there
      handle(incoming as unknown as IncomingMessage, response as unknown as ServerResponse);
      const end = await promise;
      signal.removeEventListener('abort', abort);
      open.delete(response);
      return end;
    },
    close() {
      closed = true;
      for (const response of open.all()) response.destroy();
    },
  };
}
