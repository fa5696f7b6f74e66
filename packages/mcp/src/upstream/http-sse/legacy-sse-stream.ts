import { createParser, type EventSourceParser } from 'eventsource-parser';
import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher } from 'undici';
import { translateError, type Where } from '../streamable-http/http-error.ts';
import { MAX_RESPONSE_BYTES } from '../streamable-http/http-exchange.ts';
import {
  headerOf,
  readRefusal,
  refusalError,
  type ResponseHeaders,
} from '../streamable-http/http-refusal.ts';
import type { HttpWire } from '../streamable-http/http-wire.ts';
import { StreamNoise } from '../streamable-http/sse-reader.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream-error.ts';

/** How much of a refusal's body is read: enough for an error object. */
const MAX_REFUSAL_BYTES = 65_536;
/** An endpoint longer than this is no address. */
const MAX_ENDPOINT_CHARS = 8_192;

/** What a stream of the HTTP+SSE transport says. Any number of `message`, at most one `endpoint`, at last `ended`. */
export interface SseStreamListener {
  /** Path and query that messages are sent to; on the stream's own origin. */
  endpoint(path: string): void;
  message(text: string): void;
  /** The stream is over without our doing, or never came to be. */
  ended(error: UpstreamError): void;
}

/** The headers of a request without a body that wants events. */
function streamHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2);
    if (name === 'accept') kept.push(name, 'text/event-stream');
    else if (name !== 'content-type') kept.push(name, value);
  }
  return kept;
}

/**
 * The event stream of the HTTP+SSE transport (MCP 2024-11-05, basic/transports): a GET that does not end, whose
 * first event names where messages are posted. An event may hold a whole answer, so it may be as long as one.
 */
export class SseStream implements Dispatcher.DispatchHandler {
  readonly #wire: HttpWire;
  readonly #listener: SseStreamListener;
  readonly #where: Where;
  readonly #decoder = new StringDecoder('utf8');
  readonly #parser: EventSourceParser;
  readonly #noise = new StreamNoise(MAX_RESPONSE_BYTES);
  #controller: Dispatcher.DispatchController | undefined;
  #refused:
    | { status: number; headers: ResponseHeaders; chunks: Buffer[]; bytes: number }
    | undefined;
  #hasEndpoint = false;
  #over = false;

  /** @param wire on the dispatcher for streams. */
  constructor(wire: HttpWire, listener: SseStreamListener) {
    this.#wire = wire;
    this.#listener = listener;
    this.#where = { connectorId: wire.connectorId, phase: 'connect' };
    this.#parser = createParser({
      maxBufferSize: MAX_RESPONSE_BYTES,
      onEvent: ({ event, data }) => this.#take(event, data),
      onError: ({ type }) => {
        // Unknown fields are legal to ignore (WHATWG HTML, event stream interpretation).
        if (type === 'max-buffer-size-exceeded') this.#tooLarge();
      },
    });
  }

  start(): void {
    const { dispatcher, origin, path, headers } = this.#wire;
    dispatcher.dispatch({ origin, path, method: 'GET', headers: streamHeaders(headers) }, this);
  }

  /** Ends it at once; nothing is reported any more. */
  close(): void {
    this.#over = true;
    this.#controller?.abort(new Error('the stream was given up'));
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
    if (this.#over || status < 200) return;
    if (status >= 300) {
      this.#refused = { status, headers, chunks: [], bytes: 0 };
      return;
    }
    const encoding = headerOf(headers, 'content-encoding') ?? 'identity';
    const type = headerOf(headers, 'content-type') ?? '';
    if (encoding.toLowerCase() !== 'identity') {
      this.#fail(
        'BAD_RESPONSE',
        'the server compressed its stream although identity was asked for',
      );
    } else if (!/^\s*text\/event-stream\s*(?:;|$)/i.test(type)) {
      this.#fail('BAD_RESPONSE', 'the server answered with no event stream');
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#over) return;
    const refused = this.#refused;
    if (refused === undefined) {
      if (this.#noise.add(bytes)) this.#tooLarge();
      else this.#parser.feed(this.#decoder.write(bytes));
      return;
    }
    refused.chunks.push(bytes);
    refused.bytes += bytes.length;
    if (refused.bytes > MAX_REFUSAL_BYTES) this.#refuse();
  }

  onResponseEnd(): void {
    if (this.#over) return;
    if (this.#refused !== undefined) this.#refuse();
    else this.#fail('STREAM_CUT', 'the server ended its event stream');
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.ended(translateError(error, this.#where, this.#controller !== undefined));
  }

  #take(event: string | undefined, data: string): void {
    if (this.#over) return;
    if (event === 'endpoint') this.#endpoint(data);
    else if (data.length > MAX_RESPONSE_BYTES) this.#tooLarge();
    else if (data !== '' && (event === undefined || event === 'message')) {
      this.#noise.reset();
      this.#listener.message(data);
    }
  }

  #endpoint(data: string): void {
    if (this.#hasEndpoint) return;
    this.#hasEndpoint = true;
    const { origin, path } = this.#wire;
    const url = data.length > MAX_ENDPOINT_CHARS ? null : URL.parse(data.trim(), origin + path);
    if (url === null) this.#fail('BAD_RESPONSE', 'the endpoint that the server names is no URL');
    else if (url.origin !== origin) {
      // What is posted there carries our credentials for this server (MCP 2024-11-05, HTTP with SSE).
      this.#fail('BAD_RESPONSE', 'the server names an endpoint of another origin');
    } else this.#listener.endpoint(url.pathname + url.search);
  }

  #tooLarge(): void {
    this.#fail(
      'TOO_LARGE',
      `an event of the stream is larger than ${MAX_RESPONSE_BYTES} characters`,
    );
  }

  #refuse(): void {
    if (this.#refused === undefined) return;
    const { status, headers, chunks } = this.#refused;
    const body = Buffer.concat(chunks).toString('utf8', 0, MAX_REFUSAL_BYTES);
    this.close();
    this.#listener.ended(refusalError(readRefusal(status, headers, body), this.#where));
  }

  #fail(code: UpstreamErrorCode, message: string): void {
    if (this.#over) return;
    this.close();
    this.#listener.ended(new UpstreamError(code, message, this.#where));
  }
}
