import type { JsonRpcId } from '../../protocol/message.ts';
import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import type { Era } from '../../protocol/revision.ts';
import { textContainers } from '../../protocol/text-containers.ts';
import type { ChannelHost, HttpChannel, LossReason, OpenCall } from './http-channel.ts';
import type { Where } from './http-error.ts';
import { HttpExchange, type ExchangeReceiver } from './http-exchange.ts';
import { isUnasked, readMessages, type ServerMessage } from './http-message.ts';
import { largeResult } from './large-result.ts';
import { plainResult } from './plain-result.ts';
import { isAnswer, refusalError, type Refusal } from './http-refusal.ts';
import type { HttpWire } from './http-wire.ts';
import type { ForwardHandle, ForwardRequest, ForwardSink } from '../upstream.ts';
import { UpstreamError, type ConnectorPhase } from '../upstream-error.ts';

export type Notification = Extract<ServerMessage, { kind: 'notification' }>;
export type RequestMessage = Extract<ServerMessage, { kind: 'request' }>;

export interface CallOptions {
  readonly request: ForwardRequest;
  readonly sink: ForwardSink;
  /** The id on the wire. */
  readonly id: JsonRpcId;
  readonly era: Era;
  readonly mayRecover: boolean;
}

export function phaseOf(method: string): ConnectorPhase {
  return LIST_BY_METHOD.has(method) ? 'list' : 'ready';
}

function idTextOf(id: JsonRpcId): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
}

/** What a client is told of a session that was lost; nothing of the request was executed. */
export function sessionLost(cause: UpstreamError): UpstreamError {
  return new UpstreamError('SESSION_LOST', 'the server does not know our session any more', {
    connectorId: cause.connectorId,
    phase: cause.phase,
    cause,
    unsent: true,
    ...(cause.httpStatus === undefined ? {} : { httpStatus: cause.httpStatus }),
  });
}

/** One forwarded request, from its dispatch to the sink's last call. Subclasses know the ways of an era. */
export abstract class HttpCall implements ExchangeReceiver, ForwardHandle, OpenCall {
  protected readonly host: ChannelHost;
  protected readonly options: CallOptions;
  place = -1;
  readonly #channel: HttpChannel;
  #exchange: HttpExchange;
  #finished = false;
  #paused = false;
  /** Some exchange of this call has reached the server. */
  #sent = false;
  #successor: ForwardHandle | undefined;

  constructor(host: ChannelHost, channel: HttpChannel, options: CallOptions) {
    this.host = host;
    this.#channel = channel;
    this.options = options;
    this.#exchange = new HttpExchange(host.wire, this, phaseOf(options.request.method));
    host.calls.add(this);
  }

  /** Why a refusal means that the request was not executed and that another channel is needed. */
  protected abstract lossOf(
    status: number,
    rpc: Refusal['rpc'],
    body: string,
  ): LossReason | undefined;
  /** The text of a notification as the client must see it; undefined when it belongs to nobody. */
  protected abstract relay(notification: Notification): string | undefined;
  /** A request of the server. */
  protected abstract serverRequest(message: RequestMessage): void;
  /** The server wants no answer to a request of its own any more; the text of its notification. */
  protected abstract serverCancelled(text: string): void;
  /** The client gave up after the request was sent. */
  protected abstract cancelled(reason: string): void;

  send(headers: string[], body: string | Buffer): void {
    const { method, traceHeaders } = this.options.request;
    const all = traceHeaders === undefined ? headers : [...headers, ...traceHeaders];
    this.#exchange.start({ method: 'POST', headers: all, body, phase: phaseOf(method) });
  }

  /** The exchange whose answer is awaited now. */
  protected get exchange(): HttpExchange {
    return this.#exchange;
  }

  protected get where(): Where {
    const { request } = this.options;
    return { connectorId: this.host.wire.connectorId, phase: phaseOf(request.method) };
  }

  /** Goes on listening for the answer on another stream, by a request without a body. */
  protected continueOn(wire: HttpWire, headers: string[]): void {
    const { phase } = this.where;
    this.#sent ||= this.#exchange.sent;
    this.#exchange = new HttpExchange(wire, this, phase);
    if (this.#paused) this.#exchange.pause();
    this.#exchange.start({ method: 'GET', headers, body: undefined, phase });
  }

  cancel(reason: string): void {
    if (this.#successor !== undefined) {
      this.#successor.cancel(reason);
    } else if (this.finish()) {
      const sent = this.#sent || this.#exchange.sent;
      this.#exchange.destroy();
      if (sent) this.cancelled(reason);
    }
  }

  pause(): void {
    this.#paused = true;
    if (this.#successor === undefined) this.#exchange.pause();
    else this.#successor.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#successor === undefined) this.#exchange.resume();
    else this.#successor.resume();
  }

  closed(error: UpstreamError): void {
    if (!this.finish()) return;
    this.#exchange.destroy();
    this.options.sink.fail(error);
  }

  message(text: string, bytes?: Buffer): void {
    const { id, sink, era } = this.options;
    const containers = bytes && textContainers(text, bytes);
    const result = this.#finished ? undefined : plainResult(text, idTextOf(id), containers);
    if (result !== undefined) {
      this.#settle();
      sink.result(result, era);
      return;
    }
    let messages: ServerMessage[];
    try {
      messages = readMessages(text);
    } catch (cause) {
      this.#exchange.fail('BAD_RESPONSE', 'the server sent no valid JSON-RPC message', cause);
      return;
    }
    for (const message of messages) this.#take(message);
  }

  large(pieces: readonly Buffer[]): boolean {
    if (this.#finished) return true;
    const { id, sink, era } = this.options;
    const result = largeResult(pieces, idTextOf(id));
    if (result === undefined) return false;
    this.#settle();
    sink.result(result, era);
    return true;
  }

  ended(bare: boolean): void {
    if (this.#finished) return;
    const { where } = this;
    this.failed(
      bare
        ? new UpstreamError(
            'BAD_RESPONSE',
            'the server accepted the request without answering it',
            where,
          )
        : new UpstreamError('STREAM_CUT', 'the response ended before the answer', where),
    );
  }

  refused(refusal: Refusal): void {
    if (this.#finished) return;
    const { sink, era } = this.options;
    const error = refusalError(refusal, this.where);
    const loss = this.lossOf(refusal.status, refusal.rpc, refusal.body);
    if (this.#recover(loss, error)) return;
    this.finish();
    if (loss === 'session') sink.fail(sessionLost(error));
    else if (refusal.rpc !== undefined && isAnswer(refusal)) sink.error(refusal.rpc.text, era);
    else sink.fail(error);
  }

  failed(error: UpstreamError): void {
    if (this.finish()) this.options.sink.fail(error);
  }

  /** True for the first caller: from then on the sink hears nothing but what that caller tells it. */
  protected finish(): boolean {
    if (this.#finished) return false;
    this.#finished = true;
    this.host.calls.delete(this);
    return true;
  }

  protected get finished(): boolean {
    return this.#finished;
  }

  #take(message: ServerMessage): void {
    if (this.#finished) return;
    const { sink, id, era } = this.options;
    switch (message.kind) {
      case 'notification':
        this.#notify(message);
        break;
      case 'request':
        this.serverRequest(message);
        break;
      case 'result':
        if (message.id !== id) {
          this.host.ignored();
          break;
        }
        this.#settle();
        sink.result(message.text, era);
        break;
      case 'error':
        if (message.id !== id && message.id !== undefined) {
          this.host.ignored();
          break;
        }
        this.#takeError(message);
        break;
    }
  }

  #takeError(message: Extract<ServerMessage, { kind: 'error' }>): void {
    const { sink, era } = this.options;
    const loss = this.lossOf(200, message, '');
    if (loss !== undefined) {
      const details = {
        ...this.where,
        rpcCode: message.code,
        rpcErrorText: message.text,
      };
      const error = new UpstreamError('RPC_ERROR', message.message, details);
      this.#exchange.settle();
      if (this.#recover(loss, error)) return;
    }
    this.#settle();
    sink.error(message.text, era);
  }

  #notify(message: Notification): void {
    if (isUnasked(message.method)) {
      this.host.unasked(message.method, message.text);
      return;
    }
    if (message.method === 'notifications/cancelled') {
      this.serverCancelled(message.text);
      return;
    }
    const text = this.relay(message);
    if (text === undefined) this.host.unattributed(message.method, message.text);
    else this.options.sink.notification(text);
  }

  #settle(): void {
    this.finish();
    this.#exchange.settle();
    this.host.answered();
  }

  #recover(reason: LossReason | undefined, error: UpstreamError): boolean {
    const { request, sink, mayRecover } = this.options;
    if (reason === undefined || !mayRecover) return false;
    if (!this.host.mayReplace(this.#channel, reason)) return false;
    this.finish();
    this.#successor = this.host.rerun({ channel: this.#channel, reason, error }, request, sink);
    return true;
  }
}
