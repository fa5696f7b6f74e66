import { findMember, objectMembers, replaceSpan } from '../protocol/json-scan.ts';
import type { RawMember } from '../protocol/message.ts';
import { META } from '../protocol/revision.ts';
import type { Reply } from './reply.ts';

/**
 * Tasks of modern servers on the shared endpoint (extension `io.modelcontextprotocol/tasks`). A task is asked for long
 * after it was made, maybe of another process, so its id itself says which connector knows it.
 */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** Never part of a connector id. */
const SEPARATOR = ':';

/** A task's id as the shared endpoint shows it. */
export function sharedTaskId(connectorId: string, taskId: string): string {
  return `${connectorId}${SEPARATOR}${taskId}`;
}

/** Whose task an id of the shared endpoint names; undefined when it is none. */
export function ownTask(
  shared: string,
): { readonly connectorId: string; readonly taskId: string } | undefined {
  const at = shared.indexOf(SEPARATOR);
  if (at <= 0) return undefined;
  return { connectorId: shared.slice(0, at), taskId: shared.slice(at + 1) };
}

/** Whether a modern request allows its server to answer with a task. */
export function allowsTasks(meta: readonly RawMember[]): boolean {
  const declared = meta.find(({ key }) => key === META.clientCapabilities);
  return declared?.text.includes(TASKS_EXTENSION) === true;
}

/** An answer with the task id in it, if it has one, as the shared endpoint shows it. */
function withSharedId(body: string, connectorId: string): string {
  const result = findMember(objectMembers(body), 'result');
  const span = result && findMember(objectMembers(body, result.start), 'taskId');
  if (span === undefined) return body;
  const taskId: unknown = JSON.parse(body.slice(span.start, span.end));
  if (typeof taskId !== 'string') return body;
  return replaceSpan(body, span, JSON.stringify(sharedTaskId(connectorId, taskId)));
}

/** A reply in whose answer the id of a task is the shared endpoint's. Answers too large to hold are no tasks. */
export function taskReply(reply: Reply, connectorId: string): Reply {
  return {
    notify: (text) => reply.notify(text),
    answer: (status, body) => {
      const has = body.includes('"taskId"');
      reply.answer(status, has ? withSharedId(body.toString(), connectorId) : body);
    },
    answerParts: (parts) => reply.answerParts(parts),
    open: () => reply.open(),
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
