import { RPC, requestText, type RawMember } from '../protocol/message.ts';
import type { ExchangeRequest } from './http-exchange.ts';
import { isJsonObject, isUnasked, type ServerMessage } from './http-message.ts';
import { HttpStream, type HttpStreamOptions } from './http-stream.ts';
import type { StreamEnd } from './notification-stream.ts';
import type { ChangingList } from './notification-stream-lists.ts';

/** Errors that say that the server does not listen to such requests, now or later. */
const LASTING: ReadonlySet<number> = new Set([
  RPC.methodNotFound,
  RPC.invalidParams,
  RPC.invalidRequest,
  RPC.headerMismatch,
  RPC.missingClientCapability,
  RPC.unsupportedVersion,
]);

export interface ModernListenOptions extends HttpStreamOptions {
  readonly headers: readonly string[];
  /** Differs from attempt to attempt. */
  readonly id: string;
  readonly envelope: readonly RawMember[];
  readonly lists: readonly ChangingList[];
  /** How long the server may take to say what it will tell. */
  readonly acknowledgeTimeoutMs: number;
  readonly unasked: (method: string, text: string) => void;
}

/** Whether the server agreed to tell of anything. */
function honoursSomething(text: string): boolean {
  const message: unknown = JSON.parse(text);
  const params = isJsonObject(message) ? message['params'] : undefined;
  const honoured = isJsonObject(params) ? params['notifications'] : undefined;
  return isJsonObject(honoured) && Object.values(honoured).includes(true);
}

/** One `subscriptions/listen` request (spec 2026-07-28, SEP-2575). */
export class ModernListen extends HttpStream {
  readonly #options: ModernListenOptions;
  #timer: NodeJS.Timeout | undefined;
  #acknowledged = false;

  constructor(options: ModernListenOptions) {
    super(options);
    this.#options = options;
  }

  override start(): void {
    this.#timer = setTimeout(
      () => this.abandon({ kind: 'ended' }),
      this.#options.acknowledgeTimeoutMs,
    );
    this.#timer.unref();
    super.start();
  }

  override close(): void {
    clearTimeout(this.#timer);
    super.close();
  }

  protected request(): Pick<ExchangeRequest, 'method' | 'headers' | 'body'> {
    const { id, envelope, headers, lists } = this.#options;
    const filter = Object.fromEntries(lists.map((list) => [`${list}ListChanged`, true]));
    const members = [{ key: 'notifications', text: JSON.stringify(filter) }];
    const body = requestText(JSON.stringify(id), 'subscriptions/listen', members, envelope);
    return { method: 'POST', headers: [...headers], body };
  }

  protected began(): void {
    // The acknowledgement says whether it is a stream.
  }

  protected take(message: ServerMessage): void {
    const { id, ignored, unasked } = this.#options;
    if (message.kind === 'notification') {
      if (message.method === 'notifications/subscriptions/acknowledged') {
        this.#acknowledge(message.text);
      } else if (isUnasked(message.method)) {
        unasked(message.method, message.text);
      } else {
        ignored();
      }
    } else if (message.kind === 'result' && message.id === id) {
      // A graceful end; before anything was promised, it is the answer of a server that does not listen.
      this.abandon({ kind: this.#acknowledged ? 'ended' : 'declined' });
    } else if (message.kind === 'error' && (message.id === id || message.id === undefined)) {
      this.abandon({ kind: LASTING.has(message.code) ? 'declined' : 'ended' });
    } else {
      ignored();
    }
  }

  protected isLost(): boolean {
    return false;
  }

  protected override finish(end: StreamEnd): void {
    clearTimeout(this.#timer);
    super.finish(end);
  }

  #acknowledge(text: string): void {
    if (this.#acknowledged) return;
    if (!honoursSomething(text)) {
      this.abandon({ kind: 'declined' });
      return;
    }
    this.#acknowledged = true;
    clearTimeout(this.#timer);
    this.#options.listener.opened();
  }
}
