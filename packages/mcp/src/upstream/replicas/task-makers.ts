import { JsonBytes, type RawJson } from '../../protocol/json-bytes.ts';
import { META } from '../../protocol/revision.ts';
import { taskOfTopic, type ForwardRequest } from '../upstream.ts';

const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** Tasks whose maker is known; the oldest give way. */
const MAX_TASKS = 10_000;
/** Longer ids are not noted, in characters. */
const MAX_ID_LENGTH = 1_024;

/** Whether a call may be answered with a task. */
export function mayMakeTask({ method, clientEra, meta, members }: ForwardRequest): boolean {
  if (method !== 'tools/call') return false;
  return clientEra === 'modern'
    ? meta.some(
        ({ key, text }) => key === META.clientCapabilities && text.includes(TASKS_EXTENSION),
      )
    : members.some(({ key }) => key === 'task');
}

/** The value of JSON text; undefined when it is none: that is for others to find out. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

/** The task that a request is about; undefined for most. */
function askedTask({ method, members }: ForwardRequest): unknown {
  if (!method.startsWith('tasks/')) return undefined;
  return parsed(members.find(({ key }) => key === 'taskId')?.text);
}

/** Which of several servers made which task: no other knows it. */
export class TaskMakers<R> {
  readonly #makers = new Map<string, R>();

  /** A server has answered a call that may make a task. */
  note(result: RawJson, maker: R): void {
    if (result.includes('"taskId"')) this.#note(parsed(result.toString()), maker);
  }

  /** As `note`, for a whole message, which may be in pieces. */
  noteMessage(body: Buffer | readonly Buffer[], maker: R): void {
    const message = new JsonBytes(Buffer.isBuffer(body) ? [body] : body);
    if (!message.includes('"taskId"')) return;
    this.#note(memberOf(parsed(message.toString()), 'result'), maker);
  }

  /** `taskId` of a result (2026-07-28), or of its `task` (2025-11-25). */
  #note(result: unknown, maker: R): void {
    const taskId = memberOf(result, 'taskId') ?? memberOf(memberOf(result, 'task'), 'taskId');
    if (typeof taskId !== 'string' || taskId.length > MAX_ID_LENGTH) return;
    this.#makers.delete(taskId);
    this.#makers.set(taskId, maker);
    const [oldest] = this.#makers.keys();
    if (this.#makers.size > MAX_TASKS && oldest !== undefined) this.#makers.delete(oldest);
  }

  /** Who has to be asked; undefined when it is not known, or anybody may be. */
  askedBy(request: ForwardRequest): R | undefined {
    if (this.#makers.size === 0) return undefined;
    const taskId = askedTask(request);
    return typeof taskId === 'string' ? this.#makers.get(taskId) : undefined;
  }

  /** Who tells of a resource or task that is followed; undefined when anybody may. */
  tellsOf(topic: string): R | undefined {
    const taskId = this.#makers.size === 0 ? undefined : taskOfTopic(topic);
    return taskId === undefined ? undefined : this.#makers.get(taskId);
  }
}
