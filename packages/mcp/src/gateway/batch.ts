import { notJson, type IncomingMessage } from '../protocol/json-rpc.ts';
import { arrayElements, nestsDeeper } from '../protocol/json-scan.ts';
import { afterSpace, afterValue } from '../protocol/json-strict.ts';
import { ProtocolError, RPC, errorObject, errorText, type JsonRpcId } from '../protocol/message.ts';
import { readBodyMessage } from '../protocol/read-body-message.ts';
import type { LegacySession } from './session/legacy-session.ts';
import type { Reply } from './reply/reply.ts';

type RefusedRequest = Pick<ProtocolError, 'rpcCode' | 'message' | 'data'> & {
  readonly id?: JsonRpcId | null | undefined;
};

/** Messages in one batch. */
const MAX_MESSAGES = 100;
/** Levels of brackets in the whole text; what one message may have is checked when it is read. */
const MAX_DEPTH = 70;

/** One message of a batch, or the answer to what could not be read. */
export type BatchEntry =
  | { readonly kind: 'message'; readonly message: IncomingMessage }
  | { readonly kind: 'bad'; readonly answer: string };

/**
 * Reads a batch (spec 2025-03-26, basic), each message as strictly as one that comes alone.
 * @throws ProtocolError for text that is no batch at all.
 */
export function parseBatch(text: string): readonly BatchEntry[] {
  if (nestsDeeper(text, MAX_DEPTH)) {
    throw new ProtocolError(RPC.invalidRequest, 'Invalid request: JSON nests too deep');
  }
  // Not parsed: of what is in there nothing may be wanted, and millions of small values hold up the event loop.
  const end = afterValue(text, afterSpace(text, 0), MAX_DEPTH);
  if (end === -1 || afterSpace(text, end) !== text.length) throw notJson();
  const elements = arrayElements(text, 0, Infinity, MAX_MESSAGES + 1);
  if (elements.length === 0) {
    throw new ProtocolError(RPC.invalidRequest, 'Invalid request: the batch is empty');
  }
  if (elements.length > MAX_MESSAGES) {
    const why = `Invalid request: more than ${MAX_MESSAGES} messages in a batch`;
    throw new ProtocolError(RPC.invalidRequest, why);
  }
  return elements.map((span) => readEntry(text.slice(span.start, span.end)));
}

function readEntry(text: string): BatchEntry {
  try {
    const message = readBodyMessage(Buffer.from(text));
    if (message.kind !== 'request' || message.method !== 'initialize') {
      return { kind: 'message', message };
    }
    const why = 'Invalid request: initialize must not be part of a batch';
    const { id } = message;
    return { kind: 'bad', answer: failureText(new ProtocolError(RPC.invalidRequest, why, { id })) };
  } catch (error) {
    if (error instanceof ProtocolError) return { kind: 'bad', answer: failureText(error) };
    throw error;
  }
}

/** The answer to a refused request. */
export function failureText({ id = null, rpcCode, message, data }: RefusedRequest): string {
  return errorText(JSON.stringify(id), errorObject(rpcCode, message, data));
}

/** Collects the answers of one batch: one array, or one stream as soon as there is something to say before them. */
export class BatchReply {
  readonly #reply: Reply;
  readonly #waiting: string[] = [];
  readonly #drained: (() => void)[] = [];
  #missing: number;
  #streaming = false;
  #over = false;

  /** @param answers how many there will be; at least 1. */
  constructor(reply: Reply, answers: number) {
    this.#reply = reply;
    this.#missing = answers;
    reply.onDrain(() => {
      this.#pump();
      for (const listener of this.#drained) listener();
    });
  }

  /** One answer that is known already. */
  add(answer: string): void {
    this.#missing -= 1;
    this.#waiting.push(answer);
    this.#pump();
  }

  /** The way back for one request of the batch. */
  part(): Reply {
    const chunks: Buffer[] = [];
    const give = (answer: string): void => this.add(answer);
    const leave = (): void => {
      this.#missing -= 1;
      this.#pump();
    };
    return {
      notify: (text) => {
        const taken = this.#reply.notify(text);
        if (taken !== 'dropped') this.#streaming = true;
        return taken;
      },
      answer: (_status, body) => give(body.toString()),
      answerParts: (parts) => give(Buffer.concat(parts).toString('utf8')),
      open: () => undefined,
      chunk: (bytes) => {
        chunks.push(bytes);
        return true;
      },
      end: () => give(Buffer.concat(chunks).toString('utf8')),
      abort: leave,
      drop: leave,
      keepAlive: () => this.#reply.keepAlive(),
      onDrain: (listener) => void this.#drained.push(listener),
      onGone: () => undefined,
      tick: (nowMs) => this.#reply.tick?.(nowMs),
    };
  }

  #pump(): void {
    const waiting = this.#waiting;
    if (this.#over || (this.#missing > 0 && !this.#streaming)) return;
    while (this.#streaming && waiting.length > (this.#missing > 0 ? 0 : 1)) {
      // A client that reads slowly gets the rest when it has caught up.
      if (this.#reply.notify(waiting[0] ?? '') === 'dropped') return;
      waiting.shift();
    }
    if (this.#missing > 0) return;
    this.#over = true;
    const [last] = waiting;
    if (last === undefined) this.#reply.drop();
    else this.#reply.answer(200, this.#streaming ? last : `[${waiting.join(',')}]`);
  }
}

type Incoming<K extends IncomingMessage['kind']> = Extract<IncomingMessage, { kind: K }>;

/** What a batch needs of the endpoint. */
export interface BatchPorts {
  readonly reply: Reply;
  readonly answer: (
    message: Incoming<'request'>,
    session: LegacySession,
    reply: Reply,
  ) => Promise<void>;
  readonly note: (message: Incoming<'notification'>, session: LegacySession) => void;
  /** Nothing in it wants an answer. */
  readonly accept: () => void;
  readonly onInternalError: (error: unknown) => void;
  /** Told of every request that was refused, and why. */
  readonly onRefused: (message: Incoming<'request'>, error: unknown) => void;
}

/** The only revision that has batches. */
const BATCH_REVISION = '2025-03-26';

/**
 * Answers a batch of a session of 2025-03-26.
 * @throws ProtocolError `-32600` in any other session, and for text that is no batch.
 */
export function answerBatch(
  text: string,
  session: LegacySession | undefined,
  ports: BatchPorts,
): void {
  if (session?.client.protocolVersion !== BATCH_REVISION) {
    const why = `Invalid request: expected a JSON object; only ${BATCH_REVISION} has batches`;
    throw new ProtocolError(RPC.invalidRequest, why);
  }
  const entries = parseBatch(text);
  const wanted = entries.filter(
    (entry) => entry.kind === 'bad' || entry.message.kind === 'request',
  ).length;
  if (wanted === 0) ports.accept();
  const replies = wanted === 0 ? undefined : new BatchReply(ports.reply, wanted);
  for (const entry of entries) {
    if (entry.kind === 'bad') replies?.add(entry.answer);
    else if (entry.message.kind === 'notification') ports.note(entry.message, session);
    else if (entry.message.kind === 'response') session.questions.take(entry.message);
    else if (replies !== undefined) void answerOne(entry.message, session, replies, ports);
  }
}

async function answerOne(
  message: Incoming<'request'>,
  session: LegacySession,
  replies: BatchReply,
  { answer, onInternalError, onRefused }: BatchPorts,
): Promise<void> {
  try {
    await answer(message, session, replies.part());
  } catch (error) {
    onRefused(message, error);
    const { id } = message;
    const known = error instanceof ProtocolError;
    if (!known) onInternalError(error);
    const refused = known ? error : new ProtocolError(RPC.internalError, 'Internal error');
    const { rpcCode, message: why, data } = refused;
    replies.add(failureText({ rpcCode, message: why, data, id }));
  }
}
