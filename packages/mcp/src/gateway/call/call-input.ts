import type { RawMember } from '../../protocol/message.ts';
import type { ServerRequest } from '../../upstream/upstream.ts';
import type { CallClient } from './call-client.ts';
import { CallQuestions, type QuestionOutcome } from './call-questions.ts';
import type { ClientQuestion } from './client-questions.ts';
import { InputRounds } from './input-rounds.ts';
import type { CallParking } from './parked-calls.ts';

/** What a call gives for what it needs of its client. */
export interface CallInputPorts {
  readonly client: CallClient;
  /** The way of its questions to a modern client; made when there is a first one. */
  readonly park: () => CallParking;
  readonly count: (outcome: QuestionOutcome) => void;
  /** A question is closed: the call goes on. */
  readonly onProgress: () => void;
  /** Sends the request anew with these members added. */
  readonly again: (members: readonly RawMember[], round: number) => void;
  /** The call cannot be completed. */
  readonly giveUp: (why: string) => void;
}

/** What the server of one call wants of its client before it can answer. Most calls never have one. */
export class CallInput {
  readonly #ports: CallInputPorts;
  readonly #questions: CallQuestions;
  #parking: CallParking | undefined;
  #rounds: InputRounds | undefined;

  constructor(ports: CallInputPorts) {
    this.#ports = ports;
    this.#questions = new CallQuestions({
      capabilities: () => ports.client.request.caller.capabilities,
      ask: (question) => this.#ask(question),
      count: ports.count,
      onClosed: ports.onProgress,
    });
  }

  /** True while the client has something to answer. */
  get waiting(): boolean {
    return this.#questions.waiting;
  }

  /** A capability the server could have used and the client has not declared. */
  get missing(): string | undefined {
    return this.#questions.missing;
  }

  /** A legacy server asks. */
  ask(request: ServerRequest): void {
    this.#questions.ask(request);
  }

  /** A modern server has answered a legacy client with `input_required`. */
  round(resultText: string): void {
    const { again, giveUp } = this.#ports;
    this.#rounds ??= new InputRounds({ ask: (request) => this.ask(request), again, giveUp });
    this.#rounds.next(resultText);
  }

  /** The call is over. */
  close(reason: string): void {
    this.#rounds?.close();
    this.#parking?.close();
    this.#questions.close(reason);
  }

  /** A legacy client is asked in its session, a modern one with the answer to its request. */
  #ask(question: ClientQuestion): void {
    const { client, park } = this.#ports;
    const { era, session } = client.request;
    if (era === 'modern') {
      this.#parking ??= park();
      this.#parking.ask(question);
    } else {
      session?.questions.ask(question, (text) => client.send(text));
    }
  }
}
