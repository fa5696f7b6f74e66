import { RPC, errorObject, type JsonRpcId } from '../protocol/message.ts';
import type { RpcAnswer } from '../upstream/upstream.ts';

/** Something a server wants to know of the client of a call. */
export interface ClientQuestion {
  readonly method: string;
  /** Raw JSON of `params`; undefined when it has none. */
  readonly paramsText: string | undefined;
  /** The client's answer, or why there is none. Only the first counts. */
  answer(answer: RpcAnswer): void;
  /** Called once, when nobody waits for the answer any more. */
  onWithdrawn(listener: (reason: string) => void): void;
}

/** Questions one client may have before it at a time; more are refused. */
const MAX_QUESTIONS = 64;

/** What a client gets instead of an answer, as raw JSON of an `error`. */
export function noAnswer(message: string): RpcAnswer {
  return { kind: 'error', text: errorObject(RPC.internalError, message) };
}

/** The questions a legacy client has not answered yet, by ids of ours. No other session can answer them. */
export class ClientQuestions {
  readonly #open = new Map<JsonRpcId, ClientQuestion>();
  #lastId = 0;

  get size(): number {
    return this.#open.size;
  }

  /**
   * Puts a question to the client.
   * @param send passes a message on to the client; false when it cannot be reached.
   */
  ask(question: ClientQuestion, send: (text: string) => boolean): void {
    if (this.#open.size >= MAX_QUESTIONS) {
      question.answer(noAnswer('the client has too many questions before it'));
      return;
    }
    const id = ++this.#lastId;
    this.#open.set(id, question);
    question.onWithdrawn((reason) => {
      if (!this.#open.delete(id)) return;
      const params = { requestId: id, reason };
      send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params }));
    });
    const { method, paramsText } = question;
    const params = paramsText === undefined ? '' : `,"params":${paramsText}`;
    const head = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`;
    if (send(`${head}${params}}`)) return;
    this.#open.delete(id);
    question.answer(noAnswer('the client cannot be asked: it has no stream open'));
  }

  /** Takes a response of the client; one that answers nothing is ignored. */
  take(response: {
    readonly id: JsonRpcId;
    readonly resultText: string | undefined;
    readonly errorText: string | undefined;
  }): void {
    const question = this.#open.get(response.id);
    if (question === undefined) return;
    this.#open.delete(response.id);
    const { resultText: result, errorText: error } = response;
    if (result?.startsWith('{')) question.answer({ kind: 'result', text: result });
    else if (error?.startsWith('{')) question.answer({ kind: 'error', text: error });
    else question.answer(noAnswer('the client answered with something that is no object'));
  }

  /** The client is gone: whoever waits is told. */
  close(reason: string): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const question of open) question.answer(noAnswer(reason));
  }
}
