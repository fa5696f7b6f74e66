import { findMember, objectMembers, replaceSpan, type Span } from '../../protocol/json-scan.ts';
import type { RawMember } from '../../protocol/message.ts';
import { META, type Era } from '../../protocol/revision.ts';

/**
 * Tasks: of modern servers the extension `io.modelcontextprotocol/tasks` (SEP-2663), of those of 2025-11-25 the
 * experimental core tasks. On the shared endpoint a task is asked for long after it was made, maybe of another process,
 * so its id itself says which connector knows it.
 */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** Key of `_meta` of whatever belongs to a task (2025-11-25, basic/utilities/tasks). */
const RELATED = 'io.modelcontextprotocol/related-task';
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

/** Where the id of a task stands in the `result` of a request, beside `_meta`. */
export type TaskPlace = 'taskId' | 'task' | 'nowhere';

/** @returns undefined when the request has nothing to do with tasks. */
export function taskPlaceOf(
  era: Era,
  method: string,
  params: {
    readonly value: Readonly<Record<string, unknown>>;
    readonly meta: readonly RawMember[];
  },
): TaskPlace | undefined {
  if (method === 'tasks/result') return 'nowhere';
  if (method.startsWith('tasks/')) return 'taskId';
  if (method !== 'tools/call') return undefined;
  if (era === 'modern') return allowsTasks(params.meta) ? 'taskId' : undefined;
  return params.value['task'] === undefined ? undefined : 'task';
}

function memberAt(text: string, span: Span | undefined, key: string): Span | undefined {
  return span && findMember(objectMembers(text, span.start), key);
}

function stringAt(text: string, span: Span | undefined): string | undefined {
  const value: unknown = span && JSON.parse(text.slice(span.start, span.end));
  return typeof value === 'string' ? value : undefined;
}

/** The id of the task that an answer gives, as its server writes it; undefined when it gives none. */
export function taskIdIn(text: string, place: TaskPlace): string | undefined {
  return stringAt(text, placeIn(text, place));
}

function placeIn(text: string, place: TaskPlace): Span | undefined {
  const result = findMember(objectMembers(text), 'result');
  const holder = place === 'task' ? memberAt(text, result, 'task') : result;
  return place === 'nowhere' ? undefined : memberAt(text, holder, 'taskId');
}

/** A message with its task ids as the shared endpoint shows them. */
export function withSharedIds(text: string, connectorId: string, place: TaskPlace): string {
  const members = objectMembers(text);
  const body = findMember(members, 'result') ?? findMember(members, 'params');
  const related = memberAt(text, memberAt(text, memberAt(text, body, '_meta'), RELATED), 'taskId');
  // From the last to the first, so that the places of those before stay.
  const spans = [placeIn(text, place), related]
    .filter((span) => span !== undefined)
    .toSorted((a, b) => b.start - a.start);
  return spans.reduce((changed, span) => {
    const id = stringAt(text, span);
    if (id === undefined) return changed;
    return replaceSpan(changed, span, JSON.stringify(sharedTaskId(connectorId, id)));
  }, text);
}

/** Whether a message may say what task it belongs to. */
export function mayRelate(text: string): boolean {
  return text.includes(RELATED);
}
