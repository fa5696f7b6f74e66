import { parseMessage, type IncomingMessage } from '../../protocol/json-rpc.ts';
import { ProtocolError, errorObject, errorText, type JsonRpcId } from '../../protocol/message.ts';
import { oneLine } from '../../protocol/one-line.ts';
import { bridgeError, createBridgeCall, type BridgeCall } from './bridge-call.ts';
import { bridgeExchange, type BridgeTarget } from './bridge-exchange.ts';
import { createBridgeLocator, type BridgeLocator } from './bridge-locator.ts';
import { BridgeParams } from './bridge-params.ts';
import { BridgeQuestions } from './bridge-questions.ts';
import { BridgeRequestRun, type BridgeRequestPorts } from './bridge-request.ts';
import { BridgeSession } from './bridge-session.ts';

export type { BridgeTarget, HttpBridgeTarget } from './bridge-exchange.ts';

export interface MessageBridgeOptions {
  /**
   * A way to the service. Asked again after the last one was found to lead nowhere, which is then handed over.
   * @throws Error whose message the client is told.
   */
  readonly locate: (lost: BridgeTarget | undefined) => Promise<BridgeTarget>;
  /** One message to the client, as JSON text without raw line breaks. */
  readonly send: (text: string) => void;
  /** Called when the service has forgotten the session. Default: a new one is opened, unseen by the client. */
  readonly sessionEnded?: (() => void) | undefined;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** One client's messages, passed on to an endpoint over streamable HTTP and back, in whichever era it speaks. */
export interface MessageBridge {
  /** One message of the client, or a batch, as JSON text. Never throws: failures are answers. */
  receive(text: string): void;
  /** Resolves when nothing but subscriptions is under way, or after `maxMs`. */
  drain(maxMs: number): Promise<void>;
  /** Gives up what is under way and ends the session. Idempotent. */
  close(): Promise<void>;
}

/** Requests, and notifications, of one client under way at a time. */
const MAX_UNDER_WAY = 1_000;

class Bridge implements MessageBridge {
  readonly #options: MessageBridgeOptions;
  readonly #locator: BridgeLocator;
  readonly #session: BridgeSession;
  readonly #ports: BridgeRequestPorts;
  readonly #questions = new BridgeQuestions();
  readonly #calls = new Set<BridgeCall>();
  readonly #idle = new Set<() => void>();
  readonly #abort = new AbortController();
  /** Notifications keep their order among each other, and no request overtakes one. */
  #order: Promise<void> = Promise.resolve();
  #queued = 0;
  #closing: Promise<void> | undefined;

  constructor(options: MessageBridgeOptions) {
    this.#options = options;
    this.#locator = createBridgeLocator(options.locate);
    const { random } = options;
    const send = (text: string, isAnswer?: boolean): void => this.#send(text, isAnswer);
    const locator = this.#locator;
    const lost = (): void => this.#questions.clear();
    this.#session = new BridgeSession({ locator, send, lost, ended: options.sessionEnded, random });
    const params = new BridgeParams();
    this.#ports = { session: this.#session, params, locator, send, random };
  }

  receive(text: string): void {
    if (this.#closing !== undefined) return;
    if (text.trimStart().startsWith('[')) {
      // Answers may be among it: it is refused rather than lost.
      if (this.#queued >= MAX_UNDER_WAY) this.#refuse(null);
      else this.#notify(text, 'batch');
      return;
    }
    let message: IncomingMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      const problem = errorObject(error.rpcCode, error.message, error.data);
      this.#send(errorText(JSON.stringify(error.id ?? null), problem));
      return;
    }
    if (message.kind === 'request') this.#begin(createBridgeCall(message, text));
    else if (message.kind === 'notification') this.#take(message, text);
    // Never dropped: a server waits for it, and there are no more of them than questions.
    else if (this.#questions.take(message.id)) this.#notify(text, 'response');
  }

  async drain(maxMs: number): Promise<void> {
    if (!this.#isBusy()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, maxMs);
    this.#idle.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#idle.delete(resolve);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#abort.abort();
    for (const call of this.#calls) call.abort.abort();
    await this.#session.close();
  }

  #send(text: string, isAnswer = false): void {
    if (this.#closing !== undefined) return;
    const tooMuch = isAnswer ? undefined : this.#questions.note(text);
    if (tooMuch !== undefined) {
      const why = 'the client has too many questions before it';
      this.#notify(bridgeError(tooMuch, 'TOO_MANY_REQUESTS', why), 'response');
      return;
    }
    this.#options.send(oneLine(text));
  }

  #isBusy(): boolean {
    if (this.#queued > 0) return true;
    return [...this.#calls].some(({ request }) => request.method !== 'subscriptions/listen');
  }

  #settled(): void {
    if (this.#isBusy()) return;
    for (const resolve of this.#idle) resolve();
  }

  #take(
    { method, params }: Extract<IncomingMessage, { kind: 'notification' }>,
    text: string,
  ): void {
    if (method === 'notifications/cancelled' && this.#cancel(params.value['requestId'])) return;
    this.#notify(text, method);
  }

  #begin(call: BridgeCall): void {
    const answered = this.#request(call);
    // A client may write on without waiting for the session that it opens.
    if (call.request.method === 'initialize') this.#order = answered;
  }

  /** @returns whether that was all: over HTTP a modern client cancels by closing its request. */
  #cancel(requestId: unknown): boolean {
    const call = [...this.#calls].find(({ request }) => request.id === requestId);
    if (call === undefined) return false;
    call.cancelled = true;
    if (call.era === 'legacy') return false;
    call.abort.abort();
    return true;
  }

  #refuse(id: JsonRpcId | null): void {
    const why = `more than ${MAX_UNDER_WAY} messages are under way`;
    this.#send(bridgeError(id, 'TOO_MANY_REQUESTS', why));
  }

  #notify(text: string, what: string): void {
    if (this.#queued >= MAX_UNDER_WAY && what !== 'response') return;
    this.#queued += 1;
    const before = this.#order;
    const posted = (async () => {
      await before;
      await this.#post(text, what);
      this.#queued -= 1;
      this.#settled();
    })();
    // An answer, or a batch, waits for what came before it; nothing waits for them.
    if (what !== 'response' && what !== 'batch') this.#order = posted;
  }

  /** A message that is no request of its own; what comes back all the same is passed on. */
  async #post(body: string, what: string): Promise<void> {
    // Modern clients have no session, and none of their notifications needs one.
    if (!this.#session.exists && what !== 'batch') return;
    try {
      const { target, headers } = await this.#session.route();
      const { signal } = this.#abort;
      const message = (text: string): void => this.#send(text);
      const end = await bridgeExchange(target, { method: 'POST', headers, body, signal, message });
      if (end.kind === 'unreachable') this.#locator.lost(target);
      const isLost = end.kind === 'unreachable' || (end.kind === 'refused' && end.status === 404);
      if (isLost) this.#session.invalidate(headers);
      else if (what === 'notifications/initialized') this.#session.initialized();
      if (what === 'batch' && end.kind === 'refused') this.#send(end.text);
    } catch {
      // There is no service; the next request is told why.
    }
  }

  async #request(call: BridgeCall): Promise<void> {
    const { id } = call.request;
    if (this.#calls.size >= MAX_UNDER_WAY || this.#queued >= MAX_UNDER_WAY) {
      this.#refuse(id);
      return;
    }
    this.#calls.add(call);
    try {
      if (call.era === 'legacy') await this.#order;
      const failure = await new BridgeRequestRun(call, this.#ports).run();
      if (failure !== undefined) this.#send(failure);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (!call.cancelled) this.#send(bridgeError(id, 'UNAVAILABLE', why));
    } finally {
      this.#calls.delete(call);
      this.#settled();
    }
  }
}

/** Opens nothing before the first message. */
export function createMessageBridge(options: MessageBridgeOptions): MessageBridge {
  return new Bridge(options);
}
