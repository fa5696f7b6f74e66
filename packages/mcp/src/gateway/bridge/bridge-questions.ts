import type { JsonRpcId } from '../../protocol/message.ts';

/** Questions of the service that one client may have before it at a time. */
const MAX_QUESTIONS = 1_000;

/**
 * What the service has asked the client, so that every answer to it can be passed on, however many there are, and
 * nothing that is none.
 */
export class BridgeQuestions {
  readonly #open = new Set<unknown>();

  /**
   * Notes what a message to the client asks or takes back.
   * @returns the id of a question that is one too many for the client; undefined for everything it may get.
   */
  note(text: string): JsonRpcId | undefined {
    // Most messages are neither, and none of them is read for this.
    if (!text.includes('"method"')) return undefined;
    if (text.includes('"notifications/cancelled"')) this.#open.delete(cancelled(text));
    const id = text.includes('"id"') ? questionId(text) : undefined;
    if (id === undefined) return undefined;
    if (this.#open.size >= MAX_QUESTIONS) return id;
    this.#open.add(id);
    return undefined;
  }

  /** Takes the client's answer; false when it answers nothing. */
  take(id: JsonRpcId): boolean {
    return this.#open.delete(id);
  }

  /** The session is over, and nobody waits for an answer. */
  clear(): void {
    this.#open.clear();
  }
}

function read(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {}; // it is passed on unread; what is wrong with it is for the client to find
  }
}

function cancelled(text: string): unknown {
  return Object(read(text)['params']).requestId;
}

function questionId(text: string): JsonRpcId | undefined {
  const { id, method } = read(text);
  if (typeof method !== 'string') return undefined;
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}
