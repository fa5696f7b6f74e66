import type { RawJson } from '../../protocol/json-bytes.ts';
import { errorText, resultParts, resultText, type RawMember } from '../../protocol/message.ts';
import { META, type Era } from '../../protocol/revision.ts';
import type { ClientRequest } from '../client-request.ts';
import { wants } from '../listen/log-filter.ts';
import type { Reply } from '../reply/reply.ts';

/** An answer after it has been put into the client's era, as raw JSON. */
export type Bridged =
  | { readonly kind: 'result'; readonly text: RawJson }
  | { readonly kind: 'error'; readonly text: string };

type Delivery = ReturnType<Reply['notify']>;

/** An answer that waits for its client. */
interface Kept {
  readonly status: number;
  readonly answer: Bridged;
}

function textOf(meta: readonly RawMember[], key: string): string | undefined {
  return meta.find((member) => member.key === key)?.text;
}

/**
 * The client end of one call: the request that is being answered and the way back. A call that needs something of a
 * modern client outlives the request it began with, and goes on with the client's next one.
 */
export class CallClient {
  #request: ClientRequest;
  #reply: Reply;
  #parked = false;
  #kept: Kept | undefined;
  /** The progress token the upstream was given, once the client uses another. */
  #firstToken: string | undefined;
  #rejoined = false;

  constructor(request: ClientRequest, reply: Reply) {
    this.#request = request;
    this.#reply = reply;
  }

  /** The request that is being answered now. */
  get request(): ClientRequest {
    return this.#request;
  }

  get reply(): Reply {
    return this.#reply;
  }

  /** True while no request of the client is open. */
  get parked(): boolean {
    return this.#parked;
  }

  /** A notification of an upstream of that era, as far as the client wants it. */
  notify(text: string, from: Era | undefined): Delivery {
    if (this.#parked) return 'dropped';
    const { era } = this.#request;
    // Between modern peers the server has judged already.
    if (era === 'modern' && from === 'modern') return this.#reply.notify(text);
    const wanted = this.#wanted(text);
    return wanted === undefined ? 'dropped' : this.#reply.notify(wanted);
  }

  /** A message of ours to a legacy client: with its answer, else on its session's own stream. */
  send(text: string): boolean {
    if (!this.#parked && this.#reply.notify(text) !== 'dropped') return true;
    return this.#request.session?.channel?.send(text) ?? false;
  }

  /** The last word; kept when nobody is there to hear it. */
  answer(status: number, answer: Bridged): void {
    if (this.#parked) {
      this.#kept = { status, answer };
      return;
    }
    const id = JSON.stringify(this.#request.id);
    const { text } = answer;
    if (typeof text !== 'string') this.#reply.answerParts(resultParts(id, text));
    else if (answer.kind === 'result') this.#reply.answer(status, resultText(id, text));
    else this.#reply.answer(status, errorText(id, text));
  }

  /** As `answer`, of a whole answer that is the client's already. */
  pass(body: Buffer | readonly Buffer[], latin1?: string): void {
    if (Buffer.isBuffer(body)) this.#reply.answer(200, body, latin1);
    else this.#reply.answerParts(body);
  }

  /** Answers the request with what is wanted of the client; nothing reaches it until `rejoin`. */
  park(result: string): void {
    this.answer(200, { kind: 'result', text: result });
    this.#parked = true;
  }

  /** Goes on with another request of the client; what was kept is answered at once. */
  rejoin(request: ClientRequest, reply: Reply): void {
    if (!this.#rejoined) {
      this.#rejoined = true;
      this.#firstToken = textOf(this.#request.params.meta, META.progressToken);
    }
    this.#request = request;
    this.#reply = reply;
    this.#parked = false;
    if (this.#kept !== undefined) this.answer(this.#kept.status, this.#kept.answer);
  }

  /** A notification as this client gets it; undefined when it does not. */
  #wanted(text: string): string | undefined {
    const { era, session, params } = this.#request;
    if (text.includes('"notifications/message"')) {
      const levelText = era === 'modern' ? textOf(params.meta, META.logLevel) : undefined;
      const level: unknown = levelText === undefined ? session?.logLevel : JSON.parse(levelText);
      const wish = {
        level: typeof level === 'string' ? level : undefined,
        unsaid: era === 'modern' ? 'none' : 'all',
      } as const;
      if (!wants(JSON.parse(text), wish)) return undefined;
    }
    // Gone with 2026-07-28, where the client tries again instead.
    if (era === 'modern' && text.includes('"notifications/elicitation/complete"')) return undefined;
    return this.#rejoined ? this.#retokened(text) : text;
  }

  /** With the progress token of the request that is being answered now; undefined when that has none. */
  #retokened(text: string): string | undefined {
    const message: unknown = JSON.parse(text);
    if (!isProgress(message) || JSON.stringify(message.params.progressToken) !== this.#firstToken) {
      return text;
    }
    const token = textOf(this.#request.params.meta, META.progressToken);
    if (token === undefined) return undefined;
    const progressToken: unknown = JSON.parse(token);
    return JSON.stringify({ ...message, params: { ...message.params, progressToken } });
  }
}

interface ProgressMessage {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

function isProgress(message: unknown): message is ProgressMessage & {
  readonly params: { readonly progressToken: unknown };
} {
  if (typeof message !== 'object' || message === null) return false;
  const params: unknown = Reflect.get(message, 'params');
  return (
    Reflect.get(message, 'method') === 'notifications/progress' &&
    typeof params === 'object' &&
    params !== null
  );
}
