import type { JsonRpcId } from '../protocol/message.ts';
import type { ExchangeRequest } from './http-exchange.ts';
import { isUnasked, type ServerMessage } from './http-message.ts';
import type { Refusal } from './http-refusal.ts';
import { HttpStream, type HttpStreamOptions } from './http-stream.ts';

export interface LegacyStreamOptions extends HttpStreamOptions {
  /** Everything the request says of itself. */
  readonly headers: readonly string[];
  readonly isLost: (refusal: Refusal) => boolean;
  readonly unasked: (method: string, text: string) => void;
  /** Hands progress to the call it belongs to; false when there is none. */
  readonly progress: (notification: Extract<ServerMessage, { kind: 'notification' }>) => boolean;
  /** Answers a request of the server. */
  readonly reply: (id: JsonRpcId, method: string) => void;
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

/** The standalone stream of a session: a GET that does not end (spec 2025-11-25, basic/transports). */
export class LegacyStream extends HttpStream {
  readonly #options: LegacyStreamOptions;

  constructor(options: LegacyStreamOptions) {
    super(options);
    this.#options = options;
  }

  protected request(): Pick<ExchangeRequest, 'method' | 'headers' | 'body'> {
    return { method: 'GET', headers: streamHeaders(this.#options.headers), body: undefined };
  }

  protected began(isStream: boolean): void {
    if (isStream) this.#options.listener.opened();
    // A page for people, or a server that takes GET for something else.
    else this.abandon({ kind: 'declined' });
  }

  protected take(message: ServerMessage): void {
    const { unasked, progress, reply, ignored } = this.#options;
    if (message.kind === 'request') {
      if (message.method !== 'ping') ignored();
      reply(message.id, message.method);
    } else if (message.kind === 'notification' && isUnasked(message.method)) {
      unasked(message.method, message.text);
    } else if (message.kind !== 'notification' || !progress(message)) {
      // Logs that cannot be attributed go to nobody (contract.md, isolation).
      ignored();
    }
  }

  protected isLost(refusal: Refusal): boolean {
    return this.#options.isLost(refusal);
  }
}
