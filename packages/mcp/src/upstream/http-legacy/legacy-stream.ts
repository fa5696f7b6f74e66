import type { ExchangeRequest } from '../streamable-http/http-exchange.ts';
import type { Notification, RequestMessage } from '../streamable-http/http-forward.ts';
import { isUnasked, type ServerMessage } from '../streamable-http/http-message.ts';
import type { Refusal } from '../streamable-http/http-refusal.ts';
import { HttpStream, type HttpStreamOptions } from '../streamable-http/http-stream.ts';
import { usableEventId } from './legacy-resumption.ts';

/** Where a stream is to be taken up again (spec 2025-11-25, basic/transports, resumability). */
export const LAST_EVENT_ID = 'last-event-id';

export interface LegacyStreamOptions extends HttpStreamOptions {
  /** Everything the request says of itself. */
  readonly headers: readonly string[];
  readonly isLost: (refusal: Refusal) => boolean;
  readonly unasked: (method: string, text: string) => void;
  /** Hands progress to the call it belongs to; false when there is none. */
  readonly progress: (notification: Notification) => boolean;
  /** Takes a request of the server. */
  readonly request: (message: RequestMessage) => void;
  /** The server wants no answer to a request of its own any more. */
  readonly cancelled: (text: string) => void;
  /** A notification that belongs to somebody, and it cannot be told to whom. */
  readonly unattributed: (method: string, text: string) => void;
  /** The last event an earlier stream brought; the server is asked for those after it. */
  readonly lastEventId: string | undefined;
  /** Told of each event that a later stream can go on after, and undefined when there is none. */
  readonly reached: (eventId: string | undefined) => void;
}

/** The headers of a request without a body that wants events. */
export function streamHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const [name = '', value = ''] = headers.slice(at, at + 2);
    if (name === 'accept') kept.push(name, 'text/event-stream');
    else if (name !== 'content-type') kept.push(name, value);
  }
  return kept;
}

/** The standalone stream of a session: a GET that does not end (spec 2025-11-25, basic/transports). */
export class LegacyStream extends HttpStream {
  readonly #options: LegacyStreamOptions;

  constructor(options: LegacyStreamOptions) {
    super(options);
    this.#options = options;
  }

  eventId(id: string): void {
    this.#options.reached(usableEventId(id));
  }

  override refused(refusal: Refusal): void {
    // What the server has forgotten must not keep the stream from being opened.
    this.#options.reached(undefined);
    super.refused(refusal);
  }

  protected request(): Pick<ExchangeRequest, 'method' | 'headers' | 'body'> {
    const { lastEventId } = this.#options;
    const headers = streamHeaders(this.#options.headers);
    if (lastEventId !== undefined) headers.push(LAST_EVENT_ID, lastEventId);
    return { method: 'GET', headers, body: undefined };
  }

  protected began(isStream: boolean): void {
    if (isStream) this.#options.listener.opened();
    // A page for people, or a server that takes GET for something else.
    else this.abandon({ kind: 'declined' });
  }

  protected take(message: ServerMessage): void {
    if (message.kind === 'request') this.#options.request(message);
    else if (message.kind === 'notification') this.#notified(message);
    else this.#options.ignored();
  }

  protected isLost(refusal: Refusal): boolean {
    return this.#options.isLost(refusal);
  }

  #notified(notification: Notification): void {
    const { unasked, progress, cancelled, unattributed } = this.#options;
    const { method, text } = notification;
    if (isUnasked(method)) unasked(method, text);
    else if (method === 'notifications/cancelled') cancelled(text);
    // Logs that cannot be attributed go to nobody (contract.md, isolation).
    else if (!progress(notification)) unattributed(method, text);
  }
}
