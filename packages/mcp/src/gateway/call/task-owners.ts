/** A client as tasks know it. */
export interface TaskClient {
  /** Undefined where nobody has to say who he is: then only the session tells clients apart. */
  readonly principalId: string | undefined;
  /** Undefined for modern clients, which have none. */
  readonly sessionId: string | undefined;
}

interface Owned extends TaskClient {
  readonly connectorId: string;
  readonly taskId: string;
  /** It was made on the shared endpoint. */
  readonly shared: boolean;
}

export interface TaskOwnerLimits {
  /** Tasks that are known, all together; the oldest give way. Default 10000. */
  readonly maxTasks: number;
  /** Longer ids are not noted, in characters. Default 1024. */
  readonly maxIdLength: number;
}
const DEFAULT_LIMITS: TaskOwnerLimits = { maxTasks: 10_000, maxIdLength: 1_024 };

/**
 * Who made which task. Clients that share a connection to a server share its tasks as far as the server knows, so it is
 * we who keep them apart (contract.md, isolation).
 */
export class TaskOwners {
  readonly #limits: TaskOwnerLimits;
  readonly #tasks = new Map<string, Owned>();

  constructor(limits: TaskOwnerLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#tasks.size;
  }

  note(task: Omit<Owned, keyof TaskClient>, { principalId, sessionId }: TaskClient): void {
    if (task.taskId.length > this.#limits.maxIdLength) return;
    const key = keyOf(task.connectorId, task.taskId);
    // A server that gives an id again has forgotten the task that had it, and so must its client.
    this.#tasks.delete(key);
    this.#tasks.set(key, { ...task, principalId, sessionId });
    const [oldest] = this.#tasks.keys();
    if (this.#tasks.size > this.#limits.maxTasks && oldest !== undefined) {
      this.#tasks.delete(oldest);
    }
  }

  /** Whether a task is known to be a client's, or somebody else's. */
  judge(connectorId: string, taskId: string, client: TaskClient): 'own' | 'foreign' | 'unknown' {
    const task = this.#tasks.get(keyOf(connectorId, taskId));
    if (task === undefined) return 'unknown';
    return isOf(task, client) ? 'own' : 'foreign';
  }

  /** The tasks of a client, the oldest first; of one connector, or of all on the shared endpoint. */
  of(client: TaskClient, connectorId: string | undefined): readonly Owned[] {
    return [...this.#tasks.values()].filter(
      (task) =>
        isOf(task, client) &&
        (connectorId === undefined ? task.shared : task.connectorId === connectorId),
    );
  }

  /** The session in which a task was made, if it was in one. */
  find(connectorId: string, taskId: string): Pick<Owned, 'sessionId' | 'shared'> | undefined {
    return this.#tasks.get(keyOf(connectorId, taskId));
  }

  forget(connectorId: string, taskId: string): void {
    this.#tasks.delete(keyOf(connectorId, taskId));
  }

  /** A session is over: nobody can ask for the tasks it alone could. */
  forgetSession(sessionId: string): void {
    for (const [key, task] of this.#tasks) {
      if (task.sessionId === sessionId && task.principalId === undefined) this.#tasks.delete(key);
    }
  }
}

function keyOf(connectorId: string, taskId: string): string {
  return `${connectorId} ${taskId}`;
}

function isOf(task: TaskClient, { principalId, sessionId }: TaskClient): boolean {
  if (task.principalId !== principalId) return false;
  return principalId !== undefined || task.sessionId === sessionId;
}
