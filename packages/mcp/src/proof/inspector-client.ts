import { z } from 'zod';
import { CommandError } from '../protocol/command-error.ts';

/** The protocol of V8's inspector, spoken to another process. */
export interface InspectorClient {
  /** @throws Error when the method failed, or the connection ended before its answer. */
  post(method: string, params?: object): Promise<unknown>;
  /** Hears notifications of one method. */
  on(method: string, listener: (params: unknown) => void): void;
  /** Resolves with the end of the connection. */
  readonly ended: Promise<void>;
  close(): void;
}

const messageSchema = z.object({
  id: z.number().optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
});

interface Waiting {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The process ended, or closed its inspector. */
const LOST = 'the connection to the inspector ended: was the service stopped?';
const OPEN_MS = 5_000;

class SocketClient implements InspectorClient {
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, (params: unknown) => void>();
  #nextId = 1;
  #isOver = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
    socket.addEventListener('close', () => {
      this.#isOver = true;
      for (const { method, reject } of this.#waiting.values())
        reject(new CommandError('INSPECTOR_LOST', `${method}: ${LOST}`));
      this.#waiting.clear();
      resolve();
    });
  }

  async post(method: string, params: object = {}): Promise<unknown> {
    if (this.#isOver) throw new CommandError('INSPECTOR_LOST', `${method}: ${LOST}`);
    const id = this.#nextId;
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { method, resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await promise;
  }

  on(method: string, listener: (params: unknown) => void): void {
    this.#listeners.set(method, listener);
  }

  close(): void {
    this.#socket.close();
  }

  #take(text: string): void {
    const message = messageSchema.safeParse(JSON.parse(text));
    // What is not understood belongs to a later protocol: whoever waits for it is told by the end.
    if (!message.success) return;
    const { id, method, params, result, error } = message.data;
    if (method !== undefined) this.#listeners.get(method)?.(params);
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (id === undefined || waiting === undefined) return;
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new CommandError('PROFILE_INVALID', `${waiting.method}: ${error.message}`));
  }
}

/** @throws Error when nobody accepts within 5 s. */
export async function connectInspector(url: string): Promise<InspectorClient> {
  const socket = new WebSocket(url);
  const client = new SocketClient(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (): void =>
    reject(
      new CommandError('INSPECTOR_LOST', `the inspector at ${new URL(url).host} does not answer`),
    );
  const timer = setTimeout(fail, OPEN_MS);
  socket.addEventListener('open', () => resolve());
  socket.addEventListener('error', fail);
  try {
    await promise;
    return client;
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const evaluated = z.object({ result: z.object({ value: z.unknown().optional() }) });

/** The value of an expression in the other process. */
export async function evaluate(client: InspectorClient, expression: string): Promise<unknown> {
  const answer = await client.post('Runtime.evaluate', { expression, returnByValue: true });
  return evaluated.parse(answer).result.value;
}
