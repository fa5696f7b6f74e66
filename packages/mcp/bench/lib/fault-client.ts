import { INITIALIZE, requestTemplate, type RequestTemplate } from './message-bytes.ts';
import { outcomeOf, type Outcome } from './outcome.ts';

/** How clients of the legacy era reach a gateway: with sessions, without, or over HTTP+SSE of 2024-11-05. */
export type Way = 'session' | 'plain' | 'sse';

/** One client that may have many requests under way, and says what became of each. */
export interface FaultClient {
  /** Never rejects. */
  ask(request: RequestTemplate, waitMs: number): Promise<Outcome>;
  /** Requests under way are silent at once. */
  close(): void;
}

const bodyOf = (id: number, { tail }: RequestTemplate): string =>
  `{"jsonrpc":"2.0","id":${id}${tail}`;

function headersOf({ headers }: RequestTemplate, session: string | undefined): Headers {
  const pairs = headers.map((line) => line.split(': ', 2) as [string, string]);
  const made = new Headers(pairs);
  if (session !== undefined) made.set('mcp-session-id', session);
  return made;
}

/** The reason below `fetch failed`. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message || message : message;
}

function failed(error: unknown, ms: number, isSilent: boolean): Outcome {
  if (isSilent) return { kind: 'silent', ms };
  return { kind: 'error', ms, what: reasonOf(error), code: undefined };
}

const FIRST: RequestTemplate = requestTemplate({
  era: 'legacy',
  method: 'initialize',
  params: INITIALIZE,
});

class HttpClient implements FaultClient {
  readonly #url: string;
  readonly #ended = new AbortController();
  #session: string | undefined;
  #nextId = 1;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws Error when no session is opened in time. */
  async open(waitMs: number): Promise<void> {
    const signal = AbortSignal.timeout(waitMs);
    const response = await this.#post(FIRST, signal);
    const text = await response.text();
    this.#session = response.headers.get('mcp-session-id') ?? undefined;
    if (this.#session === undefined) throw new Error(`no session was opened: ${text}`);
  }

  async ask(request: RequestTemplate, waitMs: number): Promise<Outcome> {
    const startedAt = performance.now();
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(waitMs)]);
    try {
      const response = await this.#post(request, signal);
      const text = await response.text();
      return outcomeOf(response.status, text, performance.now() - startedAt);
    } catch (error) {
      return failed(error, performance.now() - startedAt, signal.aborted);
    }
  }

  close(): void {
    this.#ended.abort();
  }

  async #post(request: RequestTemplate, signal: AbortSignal): Promise<Response> {
    const headers = headersOf(request, this.#session);
    const body = bodyOf(this.#nextId++, request);
    return await fetch(this.#url, { method: 'POST', headers, body, signal });
  }
}

/** Requests are POSTed, answers come on one stream. */
class SseClient implements FaultClient {
  readonly #url: string;
  readonly #ended = new AbortController();
  readonly #waiting = new Map<number, (event: string) => void>();
  /** Where requests go. */
  #place = '';
  #found: (() => void) | undefined;
  #nextId = 1;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws Error when no stream is opened in time. */
  async open(waitMs: number): Promise<void> {
    const headers = { accept: 'text/event-stream' };
    const late = setTimeout(() => this.close(), waitMs);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#ended.signal.addEventListener('abort', () => reject(new Error('no stream was opened')));
    this.#found = resolve;
    fetch(this.#url, { headers, signal: this.#ended.signal })
      .then(async (response) => await this.#read(response))
      .catch(reject);
    await promise.finally(() => clearTimeout(late));
    const outcome = await this.ask(FIRST, waitMs);
    if (outcome.kind !== 'answered') throw new Error(`no session was opened: ${outcome.kind}`);
  }

  async ask(request: RequestTemplate, waitMs: number): Promise<Outcome> {
    const startedAt = performance.now();
    const id = this.#nextId++;
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(waitMs)]);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    signal.addEventListener('abort', () => reject(new Error('given up')));
    this.#waiting.set(id, resolve);
    try {
      const posted = this.#post(id, request, signal);
      posted.catch(reject);
      const event = await promise;
      return outcomeOf(200, event, performance.now() - startedAt);
    } catch (error) {
      return failed(error, performance.now() - startedAt, signal.aborted);
    } finally {
      this.#waiting.delete(id);
    }
  }

  close(): void {
    this.#ended.abort();
  }

  /** @throws Error for a status that says that no answer will come. */
  async #post(id: number, request: RequestTemplate, signal: AbortSignal): Promise<void> {
    const headers = headersOf(request, undefined);
    const body = bodyOf(id, request);
    const url = new URL(this.#place, this.#url);
    const response = await fetch(url, { method: 'POST', headers, body, signal });
    const text = await response.text();
    if (response.status >= 400) throw new Error(`${response.status} ${text}`);
  }

  /** @throws Error when the answer is no stream. */
  async #read({ status, body }: Response): Promise<void> {
    if (status !== 200 || body === null) throw new Error(`no stream was opened: ${status}`);
    let rest = '';
    try {
      for await (const text of body.pipeThrough(new TextDecoderStream())) {
        const events = (rest + text.replaceAll('\r', '')).split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) this.#take(event);
      }
    } catch {
      // It was closed, by us or by the other side: whoever waits hears of it by his time.
    }
  }

  #take(event: string): void {
    const data = /^data: ?(.*)$/m.exec(event)?.[1] ?? '';
    if (event.includes('event: endpoint')) {
      this.#place = data;
      this.#found?.();
      return;
    }
    // An id is near the start or the end of a message, and not in the middle of a list.
    const id = /"id":\s*(\d+)[,}]/.exec(data.slice(0, 200) + data.slice(-200))?.[1];
    this.#waiting.get(Number(id))?.(event);
  }
}

/** @throws Error when the gateway opens no session or stream in time. */
export async function openFaultClient(
  { url, way }: { readonly url: string; readonly way: Way },
  waitMs: number,
): Promise<FaultClient> {
  const client = way === 'sse' ? new SseClient(url) : new HttpClient(url);
  if (client instanceof SseClient || way === 'session') await client.open(waitMs);
  return client;
}
