import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'undici';
import { modernBody, modernHeaders, openSession } from '../gateway/raw-client.ts';

/** How many clients of each kind are there at the same time. */
export interface LoadPlan {
  /** On a connection of their own that they keep; most of the time it is idle. */
  readonly keepAlive: number;
  /** With a connection for each request. */
  readonly oneShot: number;
  /** Calls that take so long, one after the other, in milliseconds. */
  readonly longCallsMs: readonly number[];
  /** Clients of a legacy session that they open once. */
  readonly sessions: number;
  /** `subscriptions/listen`, and as many GET streams of legacy sessions; opened again when they end. */
  readonly streams: number;
  /** When a request without an answer has failed; not of sessions and streams. Default: 60 s. */
  readonly timeoutMs?: number;
}

export interface LoadReport {
  readonly requests: number;
  /** Accepted calls by the id they were given. */
  readonly calls: ReadonlySet<string>;
  /** Times each kind of stream was ended in order, and opened again. */
  readonly reopened: { readonly listen: number; readonly session: number };
  /** All of them, and the first few in words. */
  readonly failed: number;
  readonly failures: readonly string[];
}

export interface Load {
  readonly requests: number;
  readonly failures: readonly string[];
  /** Ends it when all requests under way have been answered. */
  stop(): Promise<LoadReport>;
}

const GAP_MS = 120;
const TOOL = 'one__count';
const HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
};
const MAX_FAILURES = 50;

interface Answer {
  readonly status: number;
  readonly text: string;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

class LoadClients implements Load {
  readonly failures: string[] = [];
  readonly #origin: string;
  readonly #timeoutMs: number;
  readonly #calls = new Set<string>();
  readonly #running: Promise<void>[] = [];
  readonly #streams = new Set<AbortController>();
  readonly #reopened = { listen: 0, session: 0 };
  #stopping = false;
  #failed = 0;
  requests = 0;

  constructor(origin: string, plan: LoadPlan) {
    this.#origin = origin;
    this.#timeoutMs = plan.timeoutMs ?? 60_000;
    const start = (count: number, run: (index: number) => Promise<void>): void => {
      for (let index = 0; index < count; index += 1) this.#running.push(run(index));
    };
    start(plan.keepAlive, async (index) => await this.#keepAlive(index));
    start(plan.oneShot, async (index) => await this.#oneShot(index));
    start(plan.longCallsMs.length, async (index) => {
      await this.#long(index, plan.longCallsMs[index] ?? 0);
    });
    start(plan.sessions, async (index) => await this.#session(index));
    start(plan.streams, async () => await this.#listen());
    start(plan.streams, async () => await this.#sessionStream());
  }

  async stop(): Promise<LoadReport> {
    this.#stopping = true;
    for (const stream of this.#streams) stream.abort();
    await Promise.all(this.#running);
    const { requests, failures } = this;
    const failed = this.#failed;
    return { requests, calls: this.#calls, reopened: this.#reopened, failed, failures };
  }

  #fail(who: string, why: unknown): void {
    this.#failed += 1;
    if (this.failures.length < MAX_FAILURES) this.failures.push(`${who}: ${String(why)}`);
  }

  /** Runs one request, and notes what became of it. */
  async #ask(who: string, send: () => Promise<Answer>): Promise<void> {
    this.requests += 1;
    try {
      const { status, text } = await send();
      if (status !== 200 || text.includes('"error"')) this.#fail(who, `${status} ${text}`);
    } catch (error) {
      this.#fail(who, reasonOf(error));
    }
  }

  async #modern(client: Client, method: string, params: object): Promise<Answer> {
    const name = method === 'tools/call' ? TOOL : undefined;
    const { statusCode, body } = await client.request({
      path: '/mcp',
      method: 'POST',
      headers: { ...HEADERS, ...modernHeaders(method, name) },
      body: modernBody(method, { ...params }),
      headersTimeout: this.#timeoutMs,
    });
    return { status: statusCode, text: await body.text() };
  }

  async #call(client: Client, id: string, ms: number = 0): Promise<Answer> {
    const answer = await this.#modern(client, 'tools/call', {
      name: TOOL,
      arguments: { id, ms },
    });
    if (answer.status === 200) this.#calls.add(id);
    return answer;
  }

  async #keepAlive(index: number): Promise<void> {
    const client = new Client(this.#origin);
    // Spread over the gap.
    await wait((index * 7) % GAP_MS);
    for (let turn = 0; !this.#stopping; turn += 1) {
      await this.#ask('keep-alive', async () =>
        turn % 4 === 0
          ? await this.#call(client, `k${index}-${turn}`)
          : await this.#modern(client, 'tools/list', {}),
      );
      await wait(GAP_MS);
    }
    await client.close();
  }

  async #oneShot(index: number): Promise<void> {
    for (let turn = 0; !this.#stopping; turn += 1) {
      const client = new Client(this.#origin);
      await this.#ask('one-shot', async () =>
        turn % 4 === 0
          ? await this.#call(client, `o${index}-${turn}`)
          : await this.#modern(client, 'tools/list', {}),
      );
      await client.destroy();
      await wait(GAP_MS);
    }
  }

  async #long(index: number, ms: number): Promise<void> {
    const client = new Client(this.#origin);
    for (let turn = 0; !this.#stopping; turn += 1) {
      await this.#ask(`call of ${ms} ms`, async () => this.#call(client, `l${index}-${turn}`, ms));
    }
    await client.close();
  }

  async #session(index: number): Promise<void> {
    const session = await openSession(`${this.#origin}/mcp`);
    for (let turn = 0; !this.#stopping; turn += 1) {
      const id = `s${index}-${turn}`;
      await this.#ask('session', async () => {
        const params = { name: TOOL, arguments: { id } };
        const answer = await session.send('tools/call', params, turn + 1);
        if (answer.status === 200) this.#calls.add(id);
        return answer;
      });
      await wait(GAP_MS);
    }
  }

  async #listen(): Promise<void> {
    const method = 'subscriptions/listen';
    while (!this.#stopping) {
      const text = await this.#stream('listen', {
        method: 'POST',
        headers: { ...HEADERS, ...modernHeaders(method) },
        body: modernBody(method, { notifications: { toolsListChanged: true } }),
      });
      if (this.#stopping || text === undefined) continue;
      if (text.includes('"resultType":"complete"')) this.#reopened.listen += 1;
      else this.#fail('listen', `ended without a result: ${text}`);
    }
  }

  async #sessionStream(): Promise<void> {
    const { id } = await openSession(`${this.#origin}/mcp`);
    let lastEventId: string | undefined;
    while (!this.#stopping) {
      const text = await this.#stream('session stream', {
        method: 'GET',
        headers: {
          accept: 'text/event-stream',
          'mcp-session-id': id,
          'mcp-protocol-version': '2025-11-25',
          ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
        },
      });
      const ids = [...(text ?? '').matchAll(/^id: (\S+)$/gm)];
      lastEventId = ids.at(-1)?.[1] ?? lastEventId;
      if (!this.#stopping && text !== undefined) this.#reopened.session += 1;
    }
  }

  /** @returns all of a stream that was ended in order; undefined after a failure. */
  async #stream(who: string, init: RequestInit): Promise<string | undefined> {
    const abort = new AbortController();
    this.#streams.add(abort);
    this.requests += 1;
    try {
      const response = await fetch(`${this.#origin}/mcp`, { ...init, signal: abort.signal });
      const text = await response.text();
      if (response.status === 200) return text;
      throw new Error(`${response.status} ${text}`);
    } catch (error) {
      if (this.#stopping) return undefined;
      this.#fail(who, reasonOf(error));
      await wait(GAP_MS);
      return undefined;
    } finally {
      this.#streams.delete(abort);
    }
  }
}

/** Keeps a gateway at `origin` busy, whose connector `one` is a counting upstream. */
export function startLoad(origin: string, plan: LoadPlan): Load {
  return new LoadClients(origin, plan);
}
