import { HEADER } from '../../protocol/revision.ts';
import { LIST_SHAPES } from '../../protocol/list-kind.ts';
import type { JsonObject, JsonRpcId } from '../../protocol/message.ts';
import { bridgeExchange, type BridgeEnd, type BridgeTarget } from './bridge-exchange.ts';
import {
  POST_HEADERS,
  initializeAt,
  isObject,
  type Answered,
  type BridgeRoute,
} from './bridge-initialize.ts';
import type { BridgeLocator } from './bridge-locator.ts';

/** What a session needs of the bridge it belongs to. */
export interface BridgeSessionPorts {
  readonly locator: BridgeLocator;
  /** One message to the client. */
  send(text: string): void;
  /** The service has forgotten the session, and whatever it had asked. */
  lost(): void;
  /** The service has forgotten the session, and a new one is not wanted. Undefined: a new one is opened. */
  readonly ended: (() => void) | undefined;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

interface Current extends BridgeRoute {
  readonly abort: AbortController;
}

const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
/** How long the end of a session may take: the service may be gone. */
const LEAVE_MS = 1_000;
/** Waits between streams: this much, doubling up to the cap, plus as much jitter. */
const STREAM_PAUSE_MS = 250;
const STREAM_PAUSE_CAP_MS = 15_000;
/** A stream that was up this long has earned the shortest wait again. */
const STEADY_MS = 10_000;
/** Subscriptions that are asked for again in a new session. */
const MAX_REPLAYED = 1_000;

/** The legacy session of one client, over as many sessions of the service as it takes. */
export class BridgeSession {
  readonly #ports: BridgeSessionPorts;
  #initializeText: string | undefined;
  #isInitialized = false;
  #current: Current | undefined;
  #opening: Promise<Current> | undefined;
  /** Requests that a new session must be sent again: subscriptions by URI, and the log level. */
  readonly #replayed = new Map<string, string>();
  #closed = false;

  constructor(ports: BridgeSessionPorts) {
    this.#ports = ports;
  }

  /** True once the client has opened a session. */
  get exists(): boolean {
    return this.#initializeText !== undefined;
  }

  /**
   * Headers of the next message, and the way it goes; opens a new session when the last one is lost.
   * @throws Error naming why there is none.
   */
  async route(): Promise<BridgeRoute> {
    if (this.#current !== undefined) return this.#current;
    if (this.#initializeText === undefined) {
      return { target: await this.#ports.locator.target(), headers: POST_HEADERS };
    }
    this.#opening ??= this.#reopen(this.#initializeText).finally(() => {
      this.#opening = undefined;
    });
    return await this.#opening;
  }

  /** The client's own `initialize` was answered with a result. */
  opened(target: BridgeTarget, initializeText: string, answer: Answered): void {
    const before = this.#current;
    if (before !== undefined) {
      this.#ports.lost();
      void this.#leave(before);
    }
    this.#initializeText = initializeText;
    this.#isInitialized = false;
    this.#replayed.clear();
    this.#current = currentOf(target, answer);
  }

  /** The client has said `notifications/initialized`: from now on it is told what no request asked for. */
  initialized(): void {
    this.#isInitialized = true;
    if (this.#current !== undefined) void this.#listen(this.#current);
  }

  /** A request succeeded whose effect a new session must have as well. */
  succeeded(method: string, params: JsonObject, text: string): void {
    const uri = String(params['uri']);
    if (method === 'logging/setLevel') this.#replayed.set(' level', text);
    else if (method === 'resources/unsubscribe') this.#replayed.delete(uri);
    else if (method === 'resources/subscribe' && this.#replayed.size < MAX_REPLAYED) {
      this.#replayed.set(uri, text);
    }
  }

  /**
   * The service does not know the session that had these headers.
   * @returns whether a message sent with them is worth sending again.
   */
  invalidate(headers: BridgeRoute['headers']): boolean {
    const current = this.#current;
    if (current?.headers === headers) {
      this.#current = undefined;
      current.abort.abort();
      this.#ports.lost();
      this.#ports.ended?.();
    }
    return headers !== POST_HEADERS && this.#ports.ended === undefined;
  }

  /** Tells the service that nobody waits for a request any more. */
  cancel(requestId: JsonRpcId, reason: string): void {
    if (this.#current === undefined) return;
    const params = { requestId, reason };
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params });
    void this.#post(this.#current, text);
  }

  /** Ends the session at the service. Bounded; never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const current = this.#current;
    this.#current = undefined;
    if (current !== undefined) await this.#leave(current);
  }

  async #leave(current: Current): Promise<void> {
    current.abort.abort();
    const { target, headers } = current;
    const signal = AbortSignal.timeout(LEAVE_MS);
    await bridgeExchange(target, { method: 'DELETE', headers, signal, message: () => undefined });
  }

  async #reopen(initializeText: string): Promise<Current> {
    if (this.#ports.ended !== undefined) throw new Error('the session has ended');
    let target = await this.#ports.locator.target();
    let answer = await initializeAt(target, initializeText);
    if (answer.kind === 'unreachable') {
      this.#ports.locator.lost(target);
      target = await this.#ports.locator.target();
      answer = await initializeAt(target, initializeText);
    }
    if (answer.kind !== 'answered') throw new Error(`a new session was not opened: ${answer.why}`);
    const current = currentOf(target, answer);
    if (this.#closed) {
      await this.#leave(current);
      throw new Error('the bridge is closed');
    }
    if (this.#isInitialized) await this.#post(current, INITIALIZED);
    await Promise.all(Array.from(this.#replayed.values(), (text) => this.#post(current, text)));
    this.#current = current;
    if (this.#isInitialized) {
      void this.#listen(current);
      this.#announce(answer.capabilities);
    }
    return current;
  }

  /** Whatever happened in between was not heard. */
  #announce(capabilities: JsonObject): void {
    const shapes = Object.values(LIST_SHAPES).filter(({ capability }) => {
      const offered = capabilities[capability];
      return isObject(offered) && offered['listChanged'] === true;
    });
    for (const method of new Set(shapes.map(({ changed }) => changed))) {
      this.#ports.send(JSON.stringify({ jsonrpc: '2.0', method }));
    }
  }

  async #post({ target, headers, abort }: Current, body: string): Promise<void> {
    const { signal } = abort;
    await bridgeExchange(target, {
      method: 'POST',
      headers,
      body,
      signal,
      message: () => undefined,
    });
  }

  /** The session's own stream, opened again for as long as the session lasts. */
  async #listen(current: Current): Promise<void> {
    const { target, headers, abort } = current;
    const { signal } = abort;
    let lastEventId: string | undefined;
    let short = 0;
    while (this.#current === current && !signal.aborted) {
      const openedAtMs = performance.now();
      const resume = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
      const end = await bridgeExchange(target, {
        method: 'GET',
        headers: { ...headers, accept: 'text/event-stream', ...resume },
        signal,
        message: (text) => this.#ports.send(text),
        eventId: (id) => {
          lastEventId = id;
        },
      });
      if (signal.aborted || this.#isOver(current, end)) return;
      short = performance.now() - openedAtMs >= STEADY_MS ? 0 : short + 1;
      await this.#pause(short, signal);
    }
  }

  /** Whether a stream that ended so is not to be opened again. */
  #isOver(current: Current, end: BridgeEnd): boolean {
    if (end.kind === 'unreachable') {
      this.#ports.locator.lost(current.target);
      this.invalidate(current.headers);
    } else if (end.kind === 'refused' && end.status === 404) {
      this.invalidate(current.headers);
    } else {
      // A service that gives no stream will not give one the next time.
      return end.kind === 'refused' && end.status < 500;
    }
    if (this.#ports.ended === undefined) void this.#keepTrying();
    return true;
  }

  /** Opens a new session although the client asks for nothing: it may be waiting to be told something. */
  async #keepTrying(): Promise<void> {
    for (let failures = 1; !this.#closed && this.#current === undefined; failures += 1) {
      try {
        await this.route();
      } catch {
        // The client's next request is told; until then it is tried again.
        await this.#pause(failures, undefined);
      }
    }
  }

  async #pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
    const cap = Math.min(STREAM_PAUSE_CAP_MS, STREAM_PAUSE_MS * 2 ** Math.min(failures - 1, 10));
    const ms = Math.max(0, cap) * (1 + this.#ports.random());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      signal?.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}

function currentOf(target: BridgeTarget, { sessionId, protocolVersion }: Answered): Current {
  const headers = {
    ...POST_HEADERS,
    [HEADER.protocolVersion]: protocolVersion,
    ...(sessionId !== undefined && { [HEADER.sessionId]: sessionId }),
  };
  return { target, headers, abort: new AbortController() };
}
