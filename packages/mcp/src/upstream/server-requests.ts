import {
  RPC,
  errorObject,
  errorText,
  resultText,
  type JsonRpcId,
  type RawMember,
} from '../protocol/message.ts';
import { LIST_BY_METHOD } from '../protocol/list-kind.ts';
import { NumberedCalls } from '../protocol/open-calls.ts';
import type { RefusedQuestion, RpcAnswer, ServerRequest } from './upstream.ts';
import type { UpstreamError } from './upstream-error.ts';

/** A request of the server as it came. */
export interface IncomingRequest {
  readonly id: JsonRpcId;
  readonly method: string;
  /** Raw JSON of `params`. */
  readonly paramsText: string | undefined;
}

/** A call whose client the server may ask. */
export interface AskableCall {
  /** Its own in the session or process, and larger than of those before. */
  readonly id: number;
  readonly method: string;
  /** The client's session; the empty string is a client of its own. */
  readonly callerId: string;
  /** The task whose result it waits for, if it does. */
  readonly taskId?: string | undefined;
  ask(request: ServerRequest): void;
  /** The client's answer did not reach the server, which goes on waiting for it. */
  undelivered(error: UpstreamError): void;
}

export interface ServerRequestPorts {
  /**
   * Sends a message to the server; `call` is the one whose client answers with it, if a client does.
   * @returns when the server has it, where messages could overtake each other; undefined where they cannot. Never rejects.
   */
  readonly send: (text: string, call: AskableCall | undefined) => Promise<void> | undefined;
  /** A request was answered without asking a client. */
  readonly refused: (why: RefusedQuestion) => void;
}

/** What servers may ask of clients (spec 2025-11-25, client features). */
const FOR_CLIENTS: ReadonlySet<string> = new Set([
  'sampling/createMessage',
  'elicitation/create',
  'roots/list',
]);
/** Requests in the course of which no client is asked, beside lists. */
const QUIET: ReadonlySet<string> = new Set([
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'tasks/get',
  'tasks/cancel',
]);
/** Requests of the server that one call may have waiting for its client at a time. */
const MAX_PENDING = 16;

/** The task whose result a request wants (2025-11-25, basic/utilities/tasks); undefined for any other. */
export function awaitedTask(method: string, members: readonly RawMember[]): string | undefined {
  if (method !== 'tasks/result') return undefined;
  const text = members.find(({ key }) => key === 'taskId')?.text;
  const taskId: unknown = text === undefined ? undefined : JSON.parse(text);
  return typeof taskId === 'string' ? taskId : undefined;
}

const RELATED = 'io.modelcontextprotocol/related-task';

/** The task that a question says it belongs to. */
function relatedTask(paramsText: string | undefined): string | undefined {
  if (paramsText?.includes(RELATED) !== true) return undefined;
  const { [RELATED]: related } = Object(Object(JSON.parse(paramsText))['_meta']);
  const { taskId } = Object(related);
  return typeof taskId === 'string' ? taskId : undefined;
}

interface Pending {
  readonly idText: string;
  readonly call: AskableCall;
  /** The server has lost interest: nothing is sent, and the client need not be asked any more. */
  cancel(): void;
}

/**
 * The requests a legacy server makes over one session or process. `ping` is answered here. What concerns a client goes to
 * the call it belongs to: the one on whose stream it came, else the only client's that has calls under way; which client
 * is meant cannot be told otherwise, and a wrong guess would show one client's question to another (contract.md,
 * isolation).
 */
export class ServerRequests {
  /** False for servers of the modern revision, which has no requests to clients (spec 2026-07-28, changelog). */
  relays = true;
  readonly #ports: ServerRequestPorts;
  readonly #calls = new NumberedCalls<AskableCall>();
  readonly #pending = new Set<Pending>();

  constructor(ports: ServerRequestPorts) {
    this.#ports = ports;
  }

  /** Requests that wait for a client. */
  get pending(): number {
    return this.#pending.size;
  }

  /** A call has begun. */
  join(call: AskableCall): void {
    if (!LIST_BY_METHOD.has(call.method) && !QUIET.has(call.method)) this.#calls.set(call.id, call);
  }

  /** A call is over: what the server still waits for is answered with an error. Idempotent. */
  leave(call: AskableCall): void {
    this.#calls.delete(call.id);
    if (this.#pending.size === 0) return;
    for (const pending of this.#of(call)) {
      pending.cancel();
      this.#fail(pending.idText, RPC.invalidRequest, 'The call this belonged to is over');
    }
  }

  /**
   * Takes one request.
   * @param own the call on whose stream it came; undefined on a stream that calls share.
   */
  take({ id, method, paramsText }: IncomingRequest, own?: AskableCall): void {
    const idText = JSON.stringify(id);
    if (method === 'ping') {
      void this.#ports.send(resultText(idText, '{}'), undefined);
      return;
    }
    if (!this.relays || !FOR_CLIENTS.has(method)) {
      this.#ports.refused('unsupported');
      this.#fail(idText, RPC.methodNotFound, `Method not found: ${method}`);
      return;
    }
    if (paramsText !== undefined && !paramsText.startsWith('{')) {
      this.unreadable(id, { code: RPC.invalidParams, message: `${method}: params is no object` });
      return;
    }
    const call = own ?? this.#meant(paramsText);
    if (call === undefined) {
      const why = 'it cannot be told which client is meant: not exactly one has a call under way';
      this.#ports.refused('unattributed');
      this.#fail(idText, RPC.invalidRequest, `${method} is not passed on: ${why}`);
      return;
    }
    const waiting = this.#of(call);
    if (waiting.some((pending) => pending.idText === idText)) {
      // An answer now would be taken for that of the first.
      this.#ports.refused('excess');
    } else if (waiting.length >= MAX_PENDING) {
      const why = `${MAX_PENDING} requests of this call wait for its client`;
      this.#ports.refused('excess');
      this.#fail(idText, RPC.invalidRequest, `${method} is not passed on: ${why}`);
    } else {
      this.#ask(call, { id, method, paramsText });
    }
  }

  /** A request of the server that no client can be shown, as what is wrong with it says. */
  unreadable(
    id: JsonRpcId,
    { code, message }: { readonly code: number; readonly message: string },
  ): void {
    this.#ports.refused('malformed');
    this.#fail(JSON.stringify(id), code, message);
  }

  /** The server has cancelled a request of its own. */
  cancelled(id: unknown, own?: AskableCall): void {
    const idText = JSON.stringify(id);
    const all = [...this.#pending].filter((pending) => pending.idText === idText);
    // Ids are unique in a session; servers without one may repeat them from stream to stream.
    const found = all.find(({ call }) => call === own) ?? (all.length === 1 ? all[0] : undefined);
    found?.cancel();
  }

  /** The session or process is gone, and with it everybody who waits for an answer. */
  abandon(): void {
    for (const pending of this.#pending) pending.cancel();
    this.#calls.clear();
  }

  #of(call: AskableCall): Pending[] {
    return [...this.#pending].filter((pending) => pending.call === call);
  }

  /** The call that waits for the task a question names; without a task, that of the only client. */
  #meant(paramsText: string | undefined): AskableCall | undefined {
    const taskId = relatedTask(paramsText);
    if (taskId === undefined) return this.#onlyCall();
    // Whoever else has a call under way: the question is about somebody's task.
    return this.#calls.all().find((call) => call.taskId === taskId);
  }

  /** The latest call of the only client that has any. */
  #onlyCall(): AskableCall | undefined {
    let found: AskableCall | undefined;
    for (const call of this.#calls.all()) {
      if (found !== undefined && (call.callerId === '' || call.callerId !== found.callerId)) {
        return undefined;
      }
      found = call;
    }
    return found;
  }

  #ask(call: AskableCall, { id, method, paramsText }: IncomingRequest): void {
    const idText = JSON.stringify(id);
    const listeners: (() => void)[] = [];
    let state: 'open' | 'answered' | 'cancelled' = 'open';
    let told: Promise<void> | undefined;
    const pending: Pending = {
      idText,
      call,
      cancel: () => {
        if (state !== 'open') return;
        state = 'cancelled';
        this.#pending.delete(pending);
        for (const listener of listeners) listener();
      },
    };
    this.#pending.add(pending);
    call.ask({
      method,
      paramsText,
      respond: (answer: RpcAnswer) => {
        if (state !== 'open') return;
        state = 'answered';
        this.#pending.delete(pending);
        const toText = answer.kind === 'result' ? resultText : errorText;
        const send = (): void => void this.#ports.send(toText(idText, answer.text), call);
        // Progress must not come after the answer.
        if (told === undefined) send();
        else void told.then(send);
      },
      progress: (text: string) => {
        if (state === 'open') told = this.#ports.send(text, undefined) ?? told;
      },
      onCancelled: (listener: () => void) => {
        if (state === 'cancelled') listener();
        else if (state === 'open') listeners.push(listener);
      },
    });
  }

  #fail(idText: string, code: number, message: string): void {
    void this.#ports.send(errorText(idText, errorObject(code, message)), undefined);
  }
}
