import type { Reply } from './reply.ts';

/** A reply for a caller in this process: collects the answer. */
export interface InProcessReply extends Reply {
  /** The whole JSON-RPC answer; rejects when it was cut short. */
  readonly answered: Promise<string>;
}

/** @param onNotification gets each notification ahead of the answer, as JSON text. */
export function createInProcessReply(
  onNotification: (text: string) => void = () => undefined,
): InProcessReply {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  return {
    answered: promise,
    notify: (text) => {
      onNotification(text);
      return 'sent';
    },
    answer: (_status, body) => resolve(body.toString()),
    answerParts: (parts) => resolve(Buffer.concat(parts).toString('utf8')),
    open: () => undefined,
    chunk: (bytes) => {
      chunks.push(bytes);
      return true;
    },
    end: () => resolve(Buffer.concat(chunks).toString('utf8')),
    abort: () => reject(new Error('the answer was cut short')),
    drop: () => reject(new Error('the call was cancelled')),
    keepAlive: () => undefined,
    onDrain: () => undefined,
    onGone: () => undefined,
  };
}
