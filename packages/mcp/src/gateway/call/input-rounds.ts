import type { RawJson } from '../../protocol/json-bytes.ts';
import { findMember, objectMembers, type Span } from '../../protocol/json-scan.ts';
import { membersText, type RawMember } from '../../protocol/message.ts';
import type { RpcAnswer, ServerRequest } from '../../upstream/upstream.ts';
import { randomUUID } from 'node:crypto';
import { QUESTION_METHODS } from './client-capabilities.ts';

/** How often a modern server may ask a legacy client before one call is given up. As the official server's shim. */
const MAX_ROUNDS = 8;
/** How long a round without questions waits, so that a server that only wants to be asked again is not hammered. */
const PACE_MS = 250;
/** Questions in one round. */
const MAX_QUESTIONS = 16;

/** What the rounds of one call need of it. */
export interface RoundsPorts {
  readonly ask: (request: ServerRequest) => void;
  /** Sends the request anew with these members added. */
  readonly again: (members: readonly RawMember[], round: number) => void;
  /** The call cannot be completed. */
  readonly giveUp: (why: string) => void;
}

/** True for a result that asks for input; looks no further than it must. */
export function asksForInput(result: RawJson): boolean {
  if (typeof result !== 'string' && result.members !== undefined) {
    const type = findMember(result.members, 'resultType');
    return type !== undefined && result.text(type.start, type.end) === '"input_required"';
  }
  if (!result.includes('input_required')) return false;
  const resultText = result.toString();
  const type = findMember(objectMembers(resultText), 'resultType');
  return type !== undefined && resultText.slice(type.start, type.end) === '"input_required"';
}

interface Asked {
  readonly key: string;
  readonly method: string;
  readonly paramsText: string | undefined;
}

/**
 * Drives the rounds of a modern server (MRTR) for a legacy client: its questions become requests in the session, their
 * answers `inputResponses` of the next try (mcp-protocol.md §4.9). `requestState` is passed back letter for letter.
 */
export class InputRounds {
  readonly #ports: RoundsPorts;
  #round = 0;
  #pace: NodeJS.Timeout | undefined;
  #over = false;

  constructor(ports: RoundsPorts) {
    this.#ports = ports;
  }

  /** Takes an `input_required` result. */
  next(text: string): void {
    this.#round += 1;
    const members = objectMembers(text);
    const rawOf = (key: string): string | undefined => {
      const span = findMember(members, key);
      return span && text.slice(span.start, span.end);
    };
    const stateText = rawOf('requestState');
    const state = stateText === undefined ? [] : [{ key: 'requestState', text: stateText }];
    const asked = readQuestions(rawOf('inputRequests') ?? '');
    if (this.#round > MAX_ROUNDS) {
      this.#giveUp(`the server still wanted input after ${MAX_ROUNDS} rounds`);
    } else if (typeof asked === 'string') {
      this.#giveUp(asked);
    } else if (asked.length > 0) {
      this.#ask(asked, state);
    } else if (state.length > 0) {
      this.#pace = setTimeout(() => this.#ports.again(state, this.#round), PACE_MS);
    } else {
      this.#giveUp('the server wanted input and did not say which');
    }
  }

  /** The call is over. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#pace);
  }

  #ask(asked: readonly Asked[], state: readonly RawMember[]): void {
    const answers = new Map<string, string>();
    const take = (key: string, answer: RpcAnswer): void => {
      if (this.#over) return;
      if (answer.kind === 'error') {
        this.#giveUp(`its question ${JSON.stringify(key)} was not answered: ${messageOf(answer)}`);
        return;
      }
      answers.set(key, answer.text);
      if (answers.size < asked.length) return;
      const responses = asked.map(({ key: name }) => ({
        key: name,
        text: answers.get(name) ?? '',
      }));
      const inputResponses = { key: 'inputResponses', text: `{${membersText(responses)}}` };
      this.#ports.again([inputResponses, ...state], this.#round);
    };
    for (const { key, method, paramsText } of asked) {
      // An answer may come at once and end the call.
      if (this.#over) return;
      this.#ports.ask({
        method,
        paramsText,
        respond: (answer) => take(key, answer),
        onCancelled: () => undefined,
      });
    }
  }

  #giveUp(why: string): void {
    if (this.#over) return;
    this.close();
    this.#ports.giveUp(why);
  }
}

/** The questions of `inputRequests`, or what is wrong with them. */
function readQuestions(text: string): readonly Asked[] | string {
  const entries = objectMembers(text);
  if (entries.length > MAX_QUESTIONS)
    return `the server asked more than ${MAX_QUESTIONS} questions`;
  // One answer could not be told from the other, and the round would never be complete.
  if (new Set(entries.map(({ key }) => key)).size < entries.length)
    return 'the server asked two questions under one key';
  const asked: Asked[] = [];
  for (const entry of entries) {
    const members = objectMembers(text, entry.start);
    const method = textOf(text, findMember(members, 'method'));
    const name: unknown = method === undefined ? undefined : JSON.parse(method);
    if (typeof name !== 'string' || !QUESTION_METHODS.has(name)) {
      return `the server asked something unknown: ${String(name).slice(0, 80)}`;
    }
    const paramsText = withElicitationId(name, textOf(text, findMember(members, 'params')));
    asked.push({ key: entry.key, method: name, paramsText });
  }
  return asked;
}

function textOf(text: string, span: Span | undefined): string | undefined {
  return span && text.slice(span.start, span.end);
}

/** A URL elicitation of 2025-11-25 has an id, one of 2026-07-28 has none. */
function withElicitationId(method: string, params: string | undefined): string | undefined {
  if (method !== 'elicitation/create' || params === undefined) return params;
  const members = objectMembers(params);
  const mode = textOf(params, findMember(members, 'mode'));
  if (mode !== '"url"' || findMember(members, 'elicitationId') !== undefined) return params;
  return `{"elicitationId":"${randomUUID()}",${params.slice(params.indexOf('{') + 1)}`;
}

function messageOf({ text }: RpcAnswer): string {
  const error: unknown = JSON.parse(text);
  const message = typeof error === 'object' && error !== null && Reflect.get(error, 'message');
  return typeof message === 'string' ? message : 'no reason given';
}
