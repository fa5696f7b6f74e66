import type { Route } from '../../catalog/catalog.ts';
import { ProtocolError, RPC } from '../../protocol/message.ts';
import { taskTopic } from '../../upstream/upstream.ts';
import { ANONYMOUS } from '../reply/anonymous.ts';
import type { CallTarget } from './call-target.ts';
import type { ClientRequest } from '../client-request.ts';
import type { Reply } from '../reply/reply.ts';
import { TaskOwners, type TaskClient } from './task-owners.ts';
import { createTaskReply } from './task-reply.ts';
import { taskPlaceOf } from './tasks.ts';

/** A client by what its tasks are bound to. */
export function taskClientOf({
  principal,
  session,
}: Pick<ClientRequest, 'principal' | 'session'>): TaskClient {
  const principalId = principal.id === ANONYMOUS.id ? undefined : principal.id;
  return { principalId, sessionId: session?.id };
}

/** What calls have to do with tasks; most have nothing. */
export class CallTasks {
  readonly owners: TaskOwners = new TaskOwners();
  readonly #sessions = new WeakSet();

  /**
   * A task is its client's alone. Of modern ones nobody is told apart without a principal, and ids outlive this process:
   * there the server decides, whose ids nobody can guess (SEP-2663).
   * @throws ProtocolError `-32602`, as for a task that does not exist.
   */
  assertOwn({ kind, name }: CallTarget, request: ClientRequest, route: Route<unknown>): void {
    if (kind !== 'tasks') return;
    const verdict = this.#judge(request, route);
    const mayAsk = request.era === 'modern' ? verdict !== 'foreign' : verdict === 'own';
    if (mayAsk) return;
    throw new ProtocolError(RPC.invalidParams, `Unknown task: ${name}`, { id: request.id });
  }

  /** Where a modern client listens for a task; undefined when it is another's. */
  listenTo<R extends Route<unknown>>(
    request: Pick<ClientRequest, 'principal'>,
    route: R | undefined,
  ): R | undefined {
    if (route === undefined || this.#judge(request, route) === 'foreign') return undefined;
    return { ...route, upstreamName: taskTopic(route.upstreamName) };
  }

  #judge(
    request: Pick<ClientRequest, 'principal' | 'session'>,
    { connectorId, upstreamName }: Route<unknown>,
  ): ReturnType<TaskOwners['judge']> {
    return this.owners.judge(connectorId, upstreamName, taskClientOf(request));
  }

  /** The way back of a call: notes the task that it makes, whose id is the shared endpoint's there. */
  replyFor(reply: Reply, request: ClientRequest, { connectorId }: Route<unknown>): Reply {
    const { era, method, params } = request;
    const place = taskPlaceOf(era, method, params);
    if (place === undefined) return reply;
    const shared = request.connectorId === undefined;
    const client = taskClientOf(request);
    const isOwned = client.principalId !== undefined || client.sessionId !== undefined;
    const created =
      method === 'tools/call' && isOwned
        ? (taskId: string) => this.#note({ connectorId, taskId, shared }, request, client)
        : undefined;
    if (!shared && created === undefined) return reply;
    return createTaskReply(reply, {
      connectorId: shared ? connectorId : undefined,
      place,
      created,
    });
  }

  #note(
    task: Parameters<TaskOwners['note']>[0],
    { session }: ClientRequest,
    client: TaskClient,
  ): void {
    this.owners.note(task, client);
    if (session === undefined || this.#sessions.has(session)) return;
    this.#sessions.add(session);
    session.onEnd(() => this.owners.forgetSession(session.id));
  }
}
