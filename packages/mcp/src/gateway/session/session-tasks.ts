import type { CatalogView } from '../../catalog/catalog.ts';
import { objectMembers } from '../../protocol/json-scan.ts';
import type { IncomingMessage } from '../../protocol/json-rpc.ts';
import { ProtocolError, RPC, membersText, resultText } from '../../protocol/message.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { UpstreamAccess } from '../../upstream/upstream.ts';
import { taskClientOf } from '../call/call-tasks.ts';
import type { LegacySession } from './legacy-session.ts';
import type { Reply } from '../reply/reply.ts';
import type { TaskOwners } from '../call/task-owners.ts';
import { sharedTaskId } from '../call/tasks.ts';
import { readUpdate } from '../listen/updates.ts';

type Request = Extract<IncomingMessage, { kind: 'request' }>;
type Task = ReturnType<TaskOwners['of']>[number];

export interface SessionTasksOptions {
  readonly owners: TaskOwners;
  /** What the session's endpoint offers its client. */
  readonly view: (session: LegacySession) => CatalogView<UpstreamAccess>;
  /** What the endpoint says of its tasks in `initialize`; undefined: there are none. */
  readonly capability: (session: LegacySession) => unknown;
}

/** The only revision with tasks in its core; experimental, and gone from the next. */
const SINCE = '2025-11-25';
const METHODS: ReadonlySet<string> = new Set([
  'tasks/get',
  'tasks/result',
  'tasks/cancel',
  'tasks/list',
]);
/** Tasks on one page of `tasks/list`; each is asked for. */
const PAGE_SIZE = 20;
/** How long a server may take to say how one task is. */
const ASK_MS = 5_000;
const NEVER: AbortSignal = new AbortController().signal;

/**
 * Tasks of sessions: `tasks/get`, `tasks/result` and `tasks/cancel` go to the server of the task like any call, while
 * `tasks/list` is answered here. A server lists the tasks of a connection, and clients share it.
 */
export class SessionTasks {
  readonly #options: SessionTasksOptions;

  constructor(options: SessionTasksOptions) {
    this.#options = options;
  }

  /** Whether a session may ask this about tasks. */
  handles(method: string, session: LegacySession): boolean {
    if (!METHODS.has(method) || session.client.protocolVersion < SINCE) return false;
    const capability = this.#options.capability(session);
    if (typeof capability !== 'object' || capability === null) return false;
    return method !== 'tasks/list' || Object.hasOwn(capability, 'list');
  }

  /**
   * The tasks that the client has made, and its servers still know, each as its server tells it now.
   * @throws ProtocolError `-32602` for a cursor that is none of ours.
   */
  async list({ id, params }: Request, session: LegacySession, reply: Reply): Promise<void> {
    const { cursor } = params.value;
    const all = this.#options.owners.of(
      taskClientOf({ session, principal: session.principal }),
      session.connectorId,
    );
    const from = cursor === undefined ? 0 : all.findIndex((task) => cursorOf(task) === cursor) + 1;
    if (cursor !== undefined && from === 0) {
      throw new ProtocolError(RPC.invalidParams, 'Invalid params: unknown cursor', { id });
    }
    const page = all.slice(from, from + PAGE_SIZE);
    const asked = await Promise.all(page.map(async (task) => await this.#ask(task, session)));
    if (session.ended) {
      reply.drop();
      return;
    }
    const tasks = asked.filter((text) => text !== undefined).join(',');
    const last = page.at(-1);
    const more = last !== undefined && from + PAGE_SIZE < all.length;
    const next = more ? `,"nextCursor":${JSON.stringify(cursorOf(last))}` : '';
    reply.answer(200, resultText(JSON.stringify(id), `{"tasks":[${tasks}]${next}}`));
  }

  /** For which session a `notifications/tasks/status` is, in that session's terms; undefined when it is for none. */
  statusFor(
    connectorId: string,
    text: string,
  ): { readonly sessionId: string; readonly text: string } | undefined {
    const update = readUpdate(text, 'taskId');
    const owned = update && this.#options.owners.find(connectorId, update.name);
    if (update === undefined || owned?.sessionId === undefined) return undefined;
    const { sessionId, shared } = owned;
    return { sessionId, text: shared ? update.as(sharedTaskId(connectorId, update.name)) : text };
  }

  /** The raw JSON of one task; undefined when it cannot be had now. */
  async #ask(task: Task, session: LegacySession): Promise<string | undefined> {
    const { connectorId, taskId } = task;
    const server = this.#options
      .view(session)
      .servers.find((candidate) => candidate.connectorId === connectorId);
    if (server === undefined) return undefined;
    const upstream = server.target.acquire(session.caller);
    try {
      const params = [{ key: 'taskId', text: JSON.stringify(taskId) }];
      const options = { signal: NEVER, timeoutMs: ASK_MS };
      const text = await upstream.request('tasks/get', params, options);
      return shown(
        text,
        session.connectorId === undefined ? sharedTaskId(connectorId, taskId) : taskId,
      );
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      // One that has expired is no more; one whose server is away may be there again later.
      if (error.rpcCode === RPC.invalidParams) this.#options.owners.forget(connectorId, taskId);
      return undefined;
    }
  }
}

function cursorOf({ connectorId, taskId }: Task): string {
  return Buffer.from(JSON.stringify([connectorId, taskId])).toString('base64url');
}

function shown(resultOfGet: string, taskId: string): string | undefined {
  if (!/^\s*\{/.test(resultOfGet)) return undefined;
  const members = objectMembers(resultOfGet)
    .filter(({ key }) => key !== '_meta')
    .map(({ key, start, end }) => ({
      key,
      text: key === 'taskId' ? JSON.stringify(taskId) : resultOfGet.slice(start, end),
    }));
  return `{${membersText(members)}}`;
}
