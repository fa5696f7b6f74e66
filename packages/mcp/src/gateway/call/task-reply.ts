import { JsonBytes } from '../../protocol/json-bytes.ts';
import type { Reply } from '../reply/reply.ts';
import { mayRelate, taskIdIn, withSharedIds, type TaskPlace } from './tasks.ts';

export interface TaskReplyOptions {
  /** Whose ids are shown as the shared endpoint's; undefined leaves them as they are. */
  readonly connectorId: string | undefined;
  readonly place: TaskPlace;
  /** Told of the task that the answer gives, by its server's own id. */
  readonly created: ((taskId: string) => void) | undefined;
}

/** A reply that knows of tasks. Answers too large to hold are none. */
export function createTaskReply(
  reply: Reply,
  { connectorId, place, created }: TaskReplyOptions,
): Reply {
  const inOwnTerms = (text: string, where: TaskPlace): string =>
    connectorId === undefined ? text : withSharedIds(text, connectorId, where);
  const answer = (status: number, body: Buffer | string): void => {
    if (!body.includes('"taskId"')) {
      reply.answer(status, body);
      return;
    }
    const text = body.toString();
    const taskId = created && taskIdIn(text, place);
    if (taskId !== undefined) created?.(taskId);
    reply.answer(status, inOwnTerms(text, place));
  };
  return {
    notify: (text) => reply.notify(mayRelate(text) ? inOwnTerms(text, 'nowhere') : text),
    answer,
    answerParts: (parts) => {
      const isPlain = !new JsonBytes(parts).includes('"taskId"');
      if (isPlain) reply.answerParts(parts);
      else answer(200, Buffer.concat(parts));
    },
    open: (bytes) => reply.open(bytes),
    chunk: (bytes) => reply.chunk(bytes),
    end: () => reply.end(),
    abort: () => reply.abort(),
    drop: () => reply.drop(),
    keepAlive: () => reply.keepAlive(),
    onDrain: (listener) => reply.onDrain(listener),
    onGone: (listener) => reply.onGone(listener),
    tick: (nowMs) => reply.tick?.(nowMs),
    suspend: (retryMs) => reply.suspend?.(retryMs),
  };
}
