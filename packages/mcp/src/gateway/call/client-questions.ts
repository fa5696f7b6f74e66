import type { RequestParams } from '../../protocol/json-rpc.ts';
import { findMember, objectMembers, replaceSpan } from '../../protocol/json-scan.ts';
import { RPC, errorObject, membersText, type JsonRpcId } from '../../protocol/message.ts';
import { META } from '../../protocol/revision.ts';
import type { RpcAnswer } from '../../upstream/upstream.ts';

/** Something a server wants to know of the client of a call. */
export interface ClientQuestion {
  readonly method: string;
  /** Raw JSON of `params`; undefined when it has none. */
  readonly paramsText: string | undefined;
  /** The client's answer, or why there is none. Only the first counts. */
  answer(answer: RpcAnswer): void;
  /** The client says how far it is, under the server's own token; the text of the notification. */
  progress?(text: string): void;
  /** Called once, when nobody waits for the answer any more. */
  onWithdrawn(listener: (reason: string) => void): void;
}

/** Questions one client may have before it at a time; more are refused. */
const MAX_QUESTIONS = 64;

/** What a client gets instead of an answer, as raw JSON of an `error`. */
export function noAnswer(message: string): RpcAnswer {
  return { kind: 'error', text: errorObject(RPC.internalError, message) };
}

/** A question before the client. */
interface Open {
  readonly question: ClientQuestion;
  /** The progress token that the server gave, as raw JSON; undefined when it wants no progress. */
  readonly token: string | undefined;
}

/**
 * `params` with a progress token of ours, as servers that do not know of each other may give the same one.
 * @returns also the server's own token as raw JSON, if it gave one.
 */
function withOwnToken(
  params: string,
  id: number,
): { readonly text: string; readonly token: string | undefined } {
  if (!params.includes('"progressToken"')) return { text: params, token: undefined };
  const meta = findMember(objectMembers(params), '_meta');
  const span = meta && findMember(objectMembers(params, meta.start), META.progressToken);
  if (span === undefined) return { text: params, token: undefined };
  const token = params.slice(span.start, span.end);
  return { text: replaceSpan(params, span, String(id)), token };
}

/** The questions a legacy client has not answered yet, by ids of ours. No other session can answer them. */
export class ClientQuestions {
  /** Undefined while there are none, as nearly always. */
  #open: Map<JsonRpcId, Open> | undefined;
  #lastId: number;

  /** @param lastId number before the first; ids of one client's questions must not come twice. */
  constructor(lastId: number = 0) {
    this.#lastId = lastId;
  }

  get size(): number {
    return this.#open?.size ?? 0;
  }

  /**
   * Puts a question to the client.
   * @param send passes a message on to the client; false when it cannot be reached.
   */
  ask(question: ClientQuestion, send: (text: string) => boolean): void {
    if (this.size >= MAX_QUESTIONS) {
      question.answer(noAnswer('the client has too many questions before it'));
      return;
    }
    const id = ++this.#lastId;
    const { method, paramsText } = question;
    const own = paramsText === undefined ? undefined : withOwnToken(paramsText, id);
    this.#open ??= new Map();
    this.#open.set(id, { question, token: own?.token });
    question.onWithdrawn((reason) => {
      if (this.#take(id) === undefined) return;
      const params = { requestId: id, reason };
      send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }));
    });
    const params = own === undefined ? '' : `,"params":${own.text}`;
    const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`;
    if (send(`${head}${params}}`)) return;
    this.#take(id);
    question.answer(noAnswer('the client cannot be asked: it has no stream open'));
  }

  /** Takes a response of the client; one that answers nothing is ignored. */
  take(response: {
    readonly id: JsonRpcId;
    readonly resultText: string | undefined;
    readonly errorText: string | undefined;
  }): void {
    const question = this.#take(response.id)?.question;
    if (question === undefined) return;
    const { resultText: result, errorText: error } = response;
    if (result?.startsWith('{')) question.answer({ kind: 'result', text: result });
    else if (error?.startsWith('{')) question.answer({ kind: 'error', text: error });
    else question.answer(noAnswer('the client answered with something that is no object'));
  }

  /** Takes a `notifications/progress` of the client; one that belongs to no open question is ignored. */
  progress({ members, meta, value }: RequestParams): void {
    const { progressToken: id } = value;
    const open = typeof id === 'number' ? this.#open?.get(id) : undefined;
    const token = open?.token;
    if (token === undefined) return;
    const own = members.map((one) =>
      one.key === META.progressToken ? { ...one, text: token } : one,
    );
    const all =
      meta.length === 0 ? own : [...own, { key: '_meta', text: `{${membersText(meta)}}` }];
    const params = membersText(all);
    open?.question.progress?.(
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{${params}}}`,
    );
  }

  /** The client is gone: whoever waits is told. */
  close(reason: string): void {
    const open = this.#open;
    this.#open = undefined;
    for (const { question } of open?.values() ?? []) question.answer(noAnswer(reason));
  }

  /** It is open no longer. */
  #take(id: JsonRpcId): Open | undefined {
    const found = this.#open?.get(id);
    if (this.#open?.delete(id) === true && this.#open.size === 0) this.#open = undefined;
    return found;
  }
}
