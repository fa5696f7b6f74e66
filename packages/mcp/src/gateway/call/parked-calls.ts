import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { objectMembers } from '../../protocol/json-scan.ts';
import { ProtocolError, RPC, type RawMember } from '../../protocol/message.ts';
import type { ClientQuestion } from './client-questions.ts';
import type { ClientRequest } from '../client-request.ts';
import { inputRequired, stateBinding } from './input-required.ts';
import type { Reply } from '../reply/reply.ts';
import type { RequestStates } from './request-state.ts';

/** A call that can go on without a request of its client. */
export interface ParkableCall {
  readonly connectorId: string;
  readonly done: boolean;
  /** The request that is being answered, or was last. */
  readonly current: ClientRequest;
  park(resultText: string): void;
  rejoin(request: ClientRequest, reply: Reply): void;
  cancel(reason: string): void;
}

export interface ParkingLimits {
  /** How long a call waits for its client. Default 5 min. */
  readonly ttlMs: number;
  /** Calls that wait, all together; the longest waiting gives way. Default 1000. */
  readonly maxCalls: number;
  /** Of one connector, so that clients that never return do not use up its bulkhead. Default 16. */
  readonly maxPerConnector: number;
}
export const DEFAULT_PARKING_LIMITS: ParkingLimits = {
  ttlMs: 300_000,
  maxCalls: 1_000,
  maxPerConnector: 16,
};

/** Questions that come within this time go to the client together. */
const GATHER_MS = 10;

/** The questions of one call to a modern client: they are the answer to its request, and its next request answers them. */
export interface CallParking {
  ask(question: ClientQuestion): void;
  /** The call is over. */
  close(): void;
}

interface Parked<C> {
  readonly call: C;
  readonly parkedAtMs: number;
  resume(answers: readonly RawMember[], request: ClientRequest, reply: Reply): void;
}

/**
 * Calls to legacy servers that wait for a modern client to come back with what the server asked (mcp-protocol.md §4.9).
 * Each is found by a state that only its client has and that is good for one retry of the same request.
 */
export class ParkedCalls<C extends ParkableCall> {
  readonly #limits: ParkingLimits;
  readonly #states: RequestStates;
  readonly #parked = new Map<string, Parked<C>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(states: RequestStates, limits: ParkingLimits = DEFAULT_PARKING_LIMITS) {
    this.#states = states;
    this.#limits = limits;
  }

  get size(): number {
    return this.#parked.size;
  }

  /** The way of one call's questions to its client. */
  forCall(call: C): CallParking {
    const open = new Map<string, ClientQuestion>();
    let asked = 0;
    let away = false;
    let gathering: NodeJS.Timeout | undefined;
    const park = (): void => {
      gathering = undefined;
      if (open.size === 0 || call.done) return;
      away = true;
      const id = this.#add({ call, parkedAtMs: performance.now(), resume });
      const state = this.#states.seal(id, stateBinding(call.current));
      call.park(inputRequired(open, state));
    };
    const resume: Parked<C>['resume'] = (answers, request, reply) => {
      away = false;
      call.rejoin(request, reply);
      for (const { key, text } of answers) {
        const question = open.get(key);
        open.delete(key);
        question?.answer({ kind: 'result', text });
      }
      // What was not answered is asked again.
      if (open.size > 0) gathering ??= setTimeout(park, GATHER_MS);
    };
    return {
      ask: (question) => {
        asked += 1;
        const key = `question-${asked}`;
        open.set(key, question);
        question.onWithdrawn(() => open.delete(key));
        if (!away) gathering ??= setTimeout(park, GATHER_MS);
      },
      close: () => clearTimeout(gathering),
    };
  }

  /**
   * Goes on with the call that a retry names.
   * @returns undefined when its `requestState` is none of ours.
   * @throws ProtocolError `-32602` when the call no longer waits, or the retry is not of the same request.
   */
  resume(request: ClientRequest, reply: Reply): C | undefined {
    const id = this.#open(request);
    if (id === undefined) return undefined;
    const parked = this.#parked.get(id);
    if (parked === undefined) {
      throw refused(request, 'requestState has expired or was used before: send the request anew');
    }
    if (!sameArguments(parked.call.current, request)) {
      throw refused(request, 'requestState belongs to a request with other arguments');
    }
    const answers = readAnswers(request);
    this.#parked.delete(id);
    parked.resume(answers, request, reply);
    return parked.call;
  }

  /** Nobody comes back any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const id of this.#parked.keys()) this.#evict(id, 'the gateway is closing');
  }

  #open(request: ClientRequest): string | undefined {
    const { requestState } = request.params.value;
    if (typeof requestState !== 'string') return undefined;
    const payload = this.#states.open(requestState, stateBinding(request));
    return payload?.startsWith(ID_PREFIX) === true ? payload : undefined;
  }

  #add(parked: Parked<C>): string {
    const { maxCalls, maxPerConnector } = this.#limits;
    const all = [...this.#parked.keys()];
    const same = all.filter(
      (other) => this.#parked.get(other)?.call.connectorId === parked.call.connectorId,
    );
    const full = same.length >= maxPerConnector ? same : all.length >= maxCalls ? all : [];
    const [oldest] = full;
    if (oldest !== undefined) this.#evict(oldest, 'too many calls wait for their clients');
    const id = `${ID_PREFIX}${randomBytes(16).toString('base64url')}`;
    this.#parked.set(id, parked);
    this.#schedule();
    return id;
  }

  #evict(id: string, reason: string): void {
    const parked = this.#parked.get(id);
    this.#parked.delete(id);
    parked?.call.cancel(reason);
  }

  /** One timer, for the call that has waited longest. */
  #schedule(): void {
    const [first] = this.#parked.values();
    if (this.#timer !== undefined || first === undefined) return;
    const dueMs = first.parkedAtMs + this.#limits.ttlMs - performance.now();
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, dueMs)).unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const before = performance.now() - this.#limits.ttlMs;
    for (const [id, { parkedAtMs }] of this.#parked) {
      if (parkedAtMs > before) break;
      this.#evict(id, 'the client did not come back with what the server asked');
    }
    this.#schedule();
  }
}

/** Tells these states from others that are sealed with the same key. */
const ID_PREFIX = 'call-';

function refused({ id }: ClientRequest, why: string): ProtocolError {
  return new ProtocolError(RPC.invalidParams, `Invalid params: ${why}`, { id });
}

function sameArguments(first: ClientRequest, retry: ClientRequest): boolean {
  const [a, b] = [first, retry].map(
    ({ params }) => params.members.find(({ key }) => key === 'arguments')?.text,
  );
  // A client may write the same value in another way.
  return (
    a === b ||
    (a !== undefined && b !== undefined && isDeepStrictEqual(JSON.parse(a), JSON.parse(b)))
  );
}

/** The client's answers as raw JSON, by the keys of the questions. */
function readAnswers(request: ClientRequest): readonly RawMember[] {
  const text = request.params.members.find(({ key }) => key === 'inputResponses')?.text;
  if (text === undefined) return [];
  if (!text.startsWith('{')) throw refused(request, 'inputResponses must be an object');
  return objectMembers(text).map(({ key, start, end }) => {
    const answer = text.slice(start, end);
    if (!answer.startsWith('{')) {
      throw refused(request, `inputResponses[${JSON.stringify(key)}] must be an object`);
    }
    return { key, text: answer };
  });
}
