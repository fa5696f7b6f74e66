import { RPC, errorObject, type JsonObject } from '../../protocol/message.ts';
import type { RpcAnswer, ServerRequest } from '../../upstream/upstream.ts';
import { missingCapability } from './client-capabilities.ts';
import { noAnswer, type ClientQuestion } from './client-questions.ts';

/** Questions one call may have open at a time. */
const MAX_QUESTIONS = 16;
const NOT_WANTED = 'the server wants no answer any more';

/** What became of a question of a server. */
export type QuestionOutcome = 'asked' | 'refused';

/** Where the questions of one call go. */
export interface QuestionPorts {
  /** What the client of the call has declared. */
  readonly capabilities: () => JsonObject;
  readonly ask: (question: ClientQuestion) => void;
  readonly count: (outcome: QuestionOutcome) => void;
  /** A question is closed: the call goes on. */
  readonly onClosed: () => void;
}

class Question implements ClientQuestion {
  readonly method: string;
  readonly paramsText: string | undefined;
  readonly #request: ServerRequest;
  readonly #onAnswer: (answer: RpcAnswer | undefined) => void;
  #withdrawn: ((reason: string) => void) | undefined;
  #closed = false;

  constructor(request: ServerRequest, onAnswer: (answer: RpcAnswer | undefined) => void) {
    this.method = request.method;
    this.paramsText = request.paramsText;
    this.#request = request;
    this.#onAnswer = onAnswer;
  }

  progress(text: string): void {
    if (!this.#closed) this.#request.progress?.(text);
  }

  answer(answer: RpcAnswer): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onAnswer(answer);
  }

  onWithdrawn(listener: (reason: string) => void): void {
    this.#withdrawn = listener;
  }

  /** Nobody waits for the client's answer any more; the server gets `instead`, if anything. */
  withdraw(reason: string, instead: RpcAnswer | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onAnswer(instead);
    this.#withdrawn?.(reason);
  }
}

/** What the servers behind one call want to know of its client. */
export class CallQuestions {
  readonly #ports: QuestionPorts;
  readonly #open = new Set<Question>();
  #over: string | undefined;
  #missing: string | undefined;

  constructor(ports: QuestionPorts) {
    this.#ports = ports;
  }

  /** True while the call waits for its client. */
  get waiting(): boolean {
    return this.#open.size > 0;
  }

  /** A capability the server could have used and the client has not declared, e.g. `sampling.tools`. */
  get missing(): string | undefined {
    return this.#missing;
  }

  /** Puts a question to the client, when it has declared that it can be asked such things; refuses it otherwise. */
  ask(request: ServerRequest): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      this.#ports.count('refused');
      request.respond(refusal);
      return;
    }
    const question = new Question(request, (answer) => {
      this.#open.delete(question);
      if (answer !== undefined) request.respond(answer);
      this.#ports.onClosed();
    });
    this.#open.add(question);
    this.#ports.count('asked');
    request.onCancelled(() => question.withdraw(NOT_WANTED, undefined));
    this.#ports.ask(question);
  }

  /** The call is over: the client is told to forget what it was asked, the server not to wait. */
  close(reason: string): void {
    this.#over = reason;
    for (const question of this.#open) {
      question.withdraw(reason, noAnswer(`the call is over: ${reason}`));
    }
  }

  #refusal({ method, paramsText }: ServerRequest): RpcAnswer | undefined {
    if (this.#over !== undefined) return noAnswer(`the call is over: ${this.#over}`);
    if (this.#open.size >= MAX_QUESTIONS) return noAnswer('the call has too many questions open');
    const params: unknown = paramsText === undefined ? undefined : JSON.parse(paramsText);
    const missing = missingCapability(method, params, this.#ports.capabilities());
    if (missing === undefined) return undefined;
    this.#missing = missing;
    const message = `Method not found: ${method}: the client has not declared ${missing}`;
    return { kind: 'error', text: errorObject(RPC.methodNotFound, message) };
  }
}
