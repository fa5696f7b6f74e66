import type { IncomingHttpHeaders } from 'node:http';
import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import { RPC, membersText } from '../../protocol/message.ts';
import {
  bridgeError,
  modernPostHeaders,
  readAnswer,
  refusalAnswer,
  type BridgeCall,
} from './bridge-call.ts';
import { bridgeExchange, type BridgeEnd, type BridgeTarget } from './bridge-exchange.ts';
import type { BridgeLocator } from './bridge-locator.ts';
import type { BridgeParams } from './bridge-params.ts';
import { POST_HEADERS, readInitialized, type BridgeRoute } from './bridge-initialize.ts';
import type { BridgeSession } from './bridge-session.ts';
import { watchSilence, type Silence } from './bridge-silence.ts';

/** What the requests of one client have in common. */
export interface BridgeRequestPorts {
  readonly session: BridgeSession;
  readonly params: BridgeParams;
  readonly locator: BridgeLocator;
  /** `isAnswer`: beyond doubt it is one, and asks nothing. */
  readonly send: (text: string, isAnswer?: boolean) => void;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
}

/** How often a request is sent, and how often it may reach nobody: once more when the first does no harm twice. */
const ATTEMPTS = 2;
const REPEATABLE: ReadonlySet<string> = new Set([
  ...LIST_BY_METHOD.keys(),
  'initialize',
  'ping',
  'server/discover',
]);
const LISTEN = 'subscriptions/listen';
const ACKNOWLEDGED = '"notifications/subscriptions/acknowledged"';
/** Before something is tried again, unless the service says how long. */
const PAUSE_MS = 250;
/** Pages of `tools/list` that are searched for the headers of a tool. */
const MAX_PAGES = 100;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

/** Sends one request of the client until it is answered, as often as is safe. */
export class BridgeRequestRun {
  readonly #call: BridgeCall;
  readonly #ports: BridgeRequestPorts;
  readonly #resultStart: string;
  #hasLearned = false;

  constructor(call: BridgeCall, ports: BridgeRequestPorts) {
    this.#call = call;
    this.#resultStart = `{"jsonrpc":"2.0","id":${JSON.stringify(call.request.id)},"result":`;
    this.#ports = ports;
  }

  /**
   * @returns the answer to give when the service gave none.
   * @throws Error when there is no service.
   */
  async run(): Promise<string | undefined> {
    const { request, abort } = this.#call;
    // A way that leads nowhere costs nothing: after a cut the old one often does, and then the new one must be tried.
    const tries = { reached: 0, unreached: 0 };
    for (;;) {
      const route = await this.#route();
      const { silence, end } = await this.#watched(route);
      if (silence !== undefined) return silence;
      if (this.#call.answered || abort.signal.aborted) return undefined;
      const kind = end.kind === 'unreachable' ? 'unreached' : 'reached';
      tries[kind] += 1;
      const mayRepeat = tries[kind] < ATTEMPTS || request.method === LISTEN;
      if (mayRepeat && (await this.#recovered(end, route))) continue;
      return this.#failure(end);
    }
  }

  /** @returns the answer to give when the service sent nothing for too long. */
  async #watched(
    route: BridgeRoute,
  ): Promise<{ readonly silence: string | undefined; readonly end: BridgeEnd }> {
    const { request, abort } = this.#call;
    const watch = watchSilence(request.method, route.target.silence, () => abort.abort());
    const end = await this.#exchange(route, watch);
    watch.stop();
    const ms = watch.brokenAfterMs;
    if (ms === undefined || this.#call.answered || this.#call.cancelled) {
      return { silence: undefined, end };
    }
    // Only this tells a service of an older revision; to a newer one the closed request says it.
    if (this.#call.era === 'legacy') this.#ports.session.cancel(request.id, 'deadline exceeded');
    const why = `the service sent nothing for ${Math.round(ms / 1000)} s`;
    return { silence: bridgeError(request.id, 'TIMEOUT', why), end };
  }

  #failure(end: BridgeEnd): string | undefined {
    const { request, cancelled } = this.#call;
    if (cancelled) return undefined;
    if (end.kind === 'refused') return refusalAnswer(request.id, end.status, end.text);
    if (end.kind === 'unreachable') return bridgeError(request.id, 'UNREACHABLE', end.why);
    const why = 'the connection to the service was lost before the answer';
    return bridgeError(request.id, 'STREAM_CUT', why);
  }

  async #route(): Promise<BridgeRoute> {
    const { request, era } = this.#call;
    const { session, params, locator } = this.#ports;
    if (era === 'legacy' && request.method !== 'initialize') return await session.route();
    const target = await locator.target();
    if (era === 'legacy') return { target, headers: POST_HEADERS };
    const { name, arguments: args } = request.params.value;
    const extra = request.method === 'tools/call' ? params.headers(name, args) : {};
    return { target, headers: { ...modernPostHeaders(request), ...extra } };
  }

  async #exchange(route: BridgeRoute, silence: Silence): Promise<BridgeEnd> {
    const { target, headers } = route;
    const call = this.#call;
    const { signal } = call.abort;
    let began: IncomingHttpHeaders = {};
    const taken = {
      signal,
      heard: () => silence.heard(),
      begun: (given: IncomingHttpHeaders) => {
        began = given;
      },
      eventId: (id: string) => {
        call.lastEventId = id;
      },
      retry: (ms: number) => {
        call.retryMs = ms;
      },
      message: (text: string) => this.#take(text, target, began),
    };
    call.lastEventId = undefined;
    let end = await bridgeExchange(target, { ...taken, method: 'POST', headers, body: call.text });
    // A stream with ids may be cut on purpose, to be taken up again (spec 2025-11-25, basic/transports, polling).
    while (this.#isSuspended(end)) {
      await pause(Math.max(call.retryMs, PAUSE_MS), signal);
      const lastEventId = { 'last-event-id': call.lastEventId ?? '' };
      const resumed = { ...headers, accept: 'text/event-stream', ...lastEventId };
      end = await bridgeExchange(target, { ...taken, method: 'GET', headers: resumed });
    }
    return end;
  }

  #isSuspended(end: BridgeEnd): boolean {
    const { answered, cancelled, era, lastEventId, abort } = this.#call;
    if (answered || cancelled || abort.signal.aborted) return false;
    return end.kind === 'done' && era === 'legacy' && lastEventId !== undefined;
  }

  #take(text: string, target: BridgeTarget, headers: IncomingHttpHeaders): void {
    const call = this.#call;
    const { request } = call;
    const { session, send } = this.#ports;
    // The endpoint writes results so: a list of thousands is not parsed to learn that it is the answer.
    const answer = text.startsWith(this.#resultStart)
      ? { id: request.id, errorCode: undefined }
      : readAnswer(text);
    if (answer === undefined || answer.id !== request.id) {
      const isAcknowledgement = request.method === LISTEN && text.includes(ACKNOWLEDGED);
      // The client had one already when the subscription was opened the first time.
      if (!isAcknowledgement || !call.acknowledged) send(text);
      call.acknowledged ||= isAcknowledgement;
      return;
    }
    call.answered = true;
    if (answer.errorCode === undefined && call.era === 'legacy') {
      const opened = request.method === 'initialize' ? readInitialized(text, headers) : undefined;
      // Before the client hears of it: its next message belongs to the session.
      if (opened !== undefined) session.opened(target, call.text, opened);
      else session.succeeded(request.method, request.params.value, call.text);
    }
    send(text, true);
  }

  /** Whether the request may be sent again, now that what stood in the way is dealt with. */
  async #recovered(end: BridgeEnd, { target, headers }: BridgeRoute): Promise<boolean> {
    const { request, era, abort } = this.#call;
    const { session, locator, random } = this.#ports;
    if (end.kind === 'unreachable') {
      locator.lost(target);
      session.invalidate(headers);
      return true;
    }
    if (end.kind === 'refused') {
      if (era === 'modern') return await this.#learned(end.text, target);
      return end.status === 404 && session.invalidate(headers);
    }
    if (request.method !== LISTEN && !REPEATABLE.has(request.method)) return false;
    await pause(PAUSE_MS * (1 + random()), abort.signal);
    return !abort.signal.aborted;
  }

  /** Looks up the headers that the service wants with a call, once. */
  async #learned(refusal: string, target: BridgeTarget): Promise<boolean> {
    const { request } = this.#call;
    const wanted = readAnswer(refusal)?.errorCode === RPC.headerMismatch;
    if (!wanted || this.#hasLearned || request.method !== 'tools/call') return false;
    this.#hasLearned = true;
    const { params } = this.#ports;
    const { name, arguments: args } = request.params.value;
    params.forget(name);
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      cursor = params.learn(await this.#toolPage(target, cursor));
      if (Object.keys(params.headers(name, args)).length > 0) return true;
      if (cursor === undefined) return false;
    }
    return false;
  }

  /** One page of the tools, asked for under the envelope of the call. */
  async #toolPage(target: BridgeTarget, cursor: string | undefined): Promise<string> {
    const { request, abort } = this.#call;
    const { params } = request;
    const list = { ...request, method: 'tools/list', params: { ...params, value: {} } };
    const at = cursor === undefined ? '' : `"cursor":${JSON.stringify(cursor)},`;
    const body = `{"jsonrpc":"2.0","id":"cortex-tools","method":"tools/list","params":{${at}"_meta":{${membersText(params.meta)}}}}`;
    let answer = '{}';
    await bridgeExchange(target, {
      method: 'POST',
      headers: modernPostHeaders(list),
      body,
      signal: abort.signal,
      message: (text) => {
        if (readAnswer(text) !== undefined) answer = text;
      },
    });
    return answer;
  }
}
