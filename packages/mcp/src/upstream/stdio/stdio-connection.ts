import { parseMessage, type IncomingMessage } from '../../protocol/json-rpc.ts';
import { arrayElements, findMember, objectMembers } from '../../protocol/json-scan.ts';
import {
  RPC,
  errorObject,
  requestBody,
  type JsonObject,
  type RawMember,
} from '../../protocol/message.ts';
import { NumberedCalls } from '../../protocol/open-calls.ts';
import { obituary, type ChildExit, type ChildHandle } from '../process/child-process.ts';
import { createLineWriter, type LineWriter, type OutgoingLine } from './framing.ts';
import { createLineReader } from './line-reader.ts';
import { numberedResponse } from '../streamable-http/plain-result.ts';
import { isUnasked, withProgressToken } from '../streamable-http/http-message.ts';
import { readAcknowledgement } from '../http-modern/modern-listen.ts';
import { ServerRequests, awaitedTask, type AskableCall } from '../server-requests.ts';
import type { ConnectionOptions, PendingCall } from './stdio-call.ts';
import { largeResponse, type StdioResponse } from './stdio-response.ts';
import { glimpse } from '../unreadable-message.ts';
import { UpstreamError, type ConnectorPhase, type UpstreamErrorCode } from '../upstream-error.ts';

/** How much sooner than its end a process may be seen to close its pipes. */
const PIPE_GRACE_MS = 300;
/** Messages waiting for a program that does not read: 16 Mi characters. */
const MAX_QUEUED_CHARS = 16 * 1024 * 1024;
/** More messages than this in one batch are not looked at. */
const MAX_BATCH = 1000;

interface Sent {
  readonly call: PendingCall;
  readonly line: OutgoingLine;
  /** For calls whose client the server may ask. */
  readonly askable: AskableCall | undefined;
}

/** JSON-RPC with one running program: ids are ours, so any number of clients can share it. */
export class StdioConnection {
  readonly child: ChildHandle;
  /** Shown in errors until the handshake is through. */
  phase: ConnectorPhase = 'handshake';
  readonly #options: ConnectionOptions;
  readonly #writer: LineWriter;
  readonly #pending = new NumberedCalls<Sent>();
  /** What the server asks. */
  readonly requests: ServerRequests;
  #nextId = 1;
  #failure: UpstreamError | undefined;

  constructor(child: ChildHandle, options: ConnectionOptions) {
    this.child = child;
    this.#options = options;
    this.#writer = createLineWriter(child.stdin, MAX_QUEUED_CHARS);
    this.requests = new ServerRequests({
      refused: (why) => options.refused(why),
      send: (text, call) => {
        if (this.#writer.write(text) === undefined) call?.undelivered(this.#deaf());
        return undefined;
      },
    });
    const reader = createLineReader({
      maxLineBytes: options.maxLineBytes,
      onLine: (line, bytes) => this.#line(line, bytes),
      onLarge: (pieces) => this.#large(pieces),
      onTooLong: () =>
        this.#down('TOO_LARGE', `a message is longer than ${options.maxLineBytes} bytes`),
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.#failure === undefined) reader.push(chunk);
    });
    // A program that ends closes its pipes as well: how it ended says more, and is known within this time.
    const cut = (which: string) => (): void => {
      const broken = (): void =>
        this.#down('STREAM_CUT', `the server process closed its ${which} without ending`);
      setTimeout(broken, PIPE_GRACE_MS).unref();
    };
    child.stdout.once('end', cut('output'));
    child.stdin.once('error', cut('input'));
    void child.exited.then((exit) =>
      this.#down('PROCESS_EXITED', obituary(exit, this.phase, child.stderr.lastLine()), exit),
    );
  }

  /** Why the connection is over. */
  get failure(): UpstreamError | undefined {
    return this.#failure;
  }

  /**
   * Sends a request and returns its id; `meta` gets that id, which is also its progress token.
   * Failures reach `call`, at once when the connection is over.
   */
  send(
    method: string,
    members: readonly RawMember[],
    meta: (id: number) => readonly RawMember[],
    call: PendingCall,
  ): number {
    const id = this.#nextId++;
    if (this.#failure !== undefined) {
      const { code, message } = this.#failure;
      call.fail(this.#error(code, message, true));
      return id;
    }
    const line = this.#writer.write(requestBody(String(id), method, members, meta(id)));
    if (line === undefined) {
      call.fail(this.#deaf());
      return id;
    }
    const askable = call.client && this.#askable(id, { method, members }, call.client);
    this.#pending.set(id, { call, line, askable });
    if (askable !== undefined) this.requests.join(askable);
    return id;
  }

  notify(method: string, params: string): void {
    this.tell(`{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${params}}`);
  }

  /** Sends a message that nobody waits for, as raw JSON text. */
  tell(text: string): void {
    this.#writer.write(text);
  }

  /** Forgets a request and tells the server, unless it has never left. */
  cancel(id: number, reason: string): void {
    const pending = this.#take(id);
    if (pending === undefined) return;
    if (this.#writer.drop(pending.line)) return;
    this.notify('notifications/cancelled', JSON.stringify({ requestId: id, reason }));
  }

  /** Ends the connection for a reason of ours: everything under way fails, the process group goes. */
  async fail(error: UpstreamError, patient: boolean): Promise<void> {
    if (this.#failure === undefined) {
      this.#failure = error;
      const calls = this.#pending.all();
      this.#pending.clear();
      this.requests.abandon();
      for (const { call, line } of calls) {
        call.fail(line.sent ? error : this.#error(error.code, error.message, true));
      }
    }
    return this.child.stop(patient ? {} : { closeGraceMs: 0, termGraceMs: 500 });
  }

  #down(code: UpstreamErrorCode, message: string, exit?: ChildExit): void {
    if (this.#failure !== undefined) return;
    const error = this.#error(code, message, false, exit);
    void this.fail(error, false);
    this.#options.down(error);
  }

  #error(code: UpstreamErrorCode, message: string, unsent = false, end?: ChildExit): UpstreamError {
    const { phase } = this;
    const { connectorId } = this.#options;
    // No client's request leaves before the handshake is through.
    const details = { connectorId, phase, exit: end, unsent: unsent || phase !== 'ready' };
    return new UpstreamError(code, message, details);
  }

  #line(line: string, bytes: Buffer): void {
    if (this.#failure !== undefined) return;
    const response = numberedResponse(line, bytes);
    if (response !== undefined) {
      this.#response(response);
      return;
    }
    const text = line.trimStart();
    if (text.startsWith('{')) this.#message(text);
    else if (text.startsWith('[')) this.#batch(text);
    else this.#options.counters.noiseLines += 1;
  }

  #large(pieces: readonly Buffer[]): boolean {
    const response = this.#failure === undefined ? largeResponse(pieces) : undefined;
    if (response !== undefined) this.#response(response);
    return response !== undefined;
  }

  #batch(text: string): void {
    try {
      JSON.parse(text);
    } catch {
      this.#options.counters.noiseLines += 1; // `[info] …` is a log line, not a batch
      return;
    }
    for (const { start, end } of arrayElements(text, 0, Infinity, MAX_BATCH)) {
      this.#message(text.slice(start, end));
    }
  }

  #message(text: string): void {
    let message: IncomingMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      this.#unreadable(text, error);
      return;
    }
    switch (message.kind) {
      case 'response':
        this.#response({ ...message, result: message.resultText });
        break;
      case 'request':
        this.#serverRequest(message, text);
        break;
      case 'notification':
        this.#notification(message.method, message.params.value, text);
        break;
    }
  }

  /** A message we cannot use: whoever waits for it must not wait any longer. */
  #unreadable(text: string, error: unknown): void {
    const { id, hasMethod, isAnswer } = glimpse(text);
    const why = error instanceof Error ? error.message : String(error);
    if (hasMethod && (typeof id === 'number' || typeof id === 'string')) {
      this.requests.unreadable(id, { code: RPC.invalidRequest, message: why });
      return;
    }
    // An answer that does not say to what is one to the only request there is.
    const alone = isAnswer && (id === null || id === undefined) && this.#pending.size === 1;
    const only = alone ? this.#pending.first() : id;
    // The server numbers its own messages as it likes: an id beside a method is none of ours.
    const call = hasMethod ? undefined : this.#take(only)?.call;
    if (call === undefined) this.#options.counters.noiseLines += 1;
    else call.fail(this.#error('BAD_RESPONSE', `the answer is unusable: ${why}`, false));
  }

  /** A request of ours is over. */
  #take(id: unknown): Sent | undefined {
    if (typeof id !== 'number') return undefined;
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending?.askable !== undefined) this.requests.leave(pending.askable);
    return pending;
  }

  #response({ id, result, errorText }: StdioResponse): void {
    const call = this.#take(id)?.call;
    if (call === undefined) this.#options.counters.lateMessages += 1;
    else if (result !== undefined) call.result(result);
    else call.error(errorText ?? errorObject(RPC.internalError, 'no result'));
  }

  #askable(
    id: number,
    { method, members }: { readonly method: string; readonly members: readonly RawMember[] },
    client: NonNullable<PendingCall['client']>,
  ): AskableCall {
    return {
      id,
      method,
      callerId: client.callerId,
      taskId: awaitedTask(method, members),
      ask: (request) => client.ask(request),
      undelivered: (error) => this.#take(id)?.call.fail(error),
    };
  }

  #serverRequest(
    { id, method }: Extract<IncomingMessage, { kind: 'request' }>,
    text: string,
  ): void {
    const span = findMember(objectMembers(text), 'params');
    const paramsText = span && text.slice(span.start, span.end);
    this.requests.take({ id, method, paramsText });
  }

  #notification(method: string, params: JsonObject, text: string): void {
    const { counters, notification, sole } = this.#options;
    if (method === 'notifications/progress') this.#progress(params['progressToken'], text);
    else if (method === 'notifications/cancelled') this.requests.cancelled(params['requestId']);
    else if (method === 'notifications/subscriptions/acknowledged') this.#acknowledged(text);
    else if (sole || isUnasked(method)) notification(method, text);
    else if (method === 'notifications/message') counters.droppedLogs += 1;
    else counters.strayNotifications += 1;
  }

  #acknowledged(text: string): void {
    const id = readAcknowledgement(text).subscriptionId;
    if (typeof id === 'number') this.#pending.get(id)?.call.acknowledged?.(text);
  }

  #progress(token: unknown, text: string): void {
    const call = typeof token === 'number' ? this.#pending.get(token)?.call : undefined;
    if (call?.progressToken === undefined) this.#options.counters.lateMessages += 1;
    else call.notification(withProgressToken(text, call.progressToken));
  }

  #deaf(): UpstreamError {
    return this.#error('CONNECT_FAILED', 'the server does not read its input', true);
  }
}
