import { requestBody } from '../../protocol/message.ts';
import { NumberedCalls } from '../../protocol/open-calls.ts';
import type { ChannelHost, HttpChannel } from '../streamable-http/http-channel.ts';
import { LegacyCall, deliverProgress, legacyMeta, type LegacyState } from './legacy-call.ts';
import { cancelledId } from '../streamable-http/http-message.ts';
import { LegacyInterest } from './legacy-interest.ts';
import { isSessionLost, type LegacySession } from './legacy-session.ts';
import { LegacyStream } from './legacy-stream.ts';
import {
  createNotificationStream,
  type NotificationStream,
} from '../streamable-http/notification-stream.ts';
import { announceChanges, announcedLists } from '../streamable-http/notification-stream-lists.ts';
import { NEVER_ABORTED, askOver, toOwnRequest } from '../own-request.ts';
import { ServerRequests } from '../server-requests.ts';
import type { Caller, ForwardHandle, ForwardRequest, ForwardSink, Interest } from '../upstream.ts';

export { isSessionLost } from './legacy-session.ts';

/** The session's standalone stream; it stays closed until there is something to hear on it. */
function createStream(
  host: ChannelHost,
  state: LegacyState,
  missed: () => void,
): NotificationStream {
  const { session, channel, pending, requests } = state;
  const lists = announcedLists(session.info);
  let lastEventId: string | undefined;
  return createNotificationStream({
    createAttempt: (listener) =>
      new LegacyStream({
        wire: host.streamWire,
        listener,
        headers: session.headers(),
        lastEventId,
        isLost: ({ status, rpc, body }) => isSessionLost(status, rpc, body, session.hasId),
        ignored: () => host.ignored(),
        unasked: (method, text) => host.unasked(method, text),
        unattributed: (method, text) => host.unattributed(method, text),
        progress: (notification) => deliverProgress(pending, notification),
        request: (message) => requests.take(message),
        cancelled: (text) => requests.cancelled(cancelledId(text)),
        reached: (eventId) => {
          lastEventId = eventId;
        },
      }),
    reopened: () => {
      announceChanges(lists, (method, text) => host.unasked(method, text));
      missed();
    },
    lost: (error) => host.lost({ channel, reason: 'session', error }),
    random: host.random,
    policy: host.streamPolicy,
  });
}

function createRequests(host: ChannelHost, session: LegacySession): ServerRequests {
  return new ServerRequests({
    refused: (why) => host.ignored(why),
    send: (text, call) => {
      if (call === undefined) return session.notify(text);
      const deliver = async (): Promise<void> => {
        const failure = await session.answer(text);
        if (failure !== undefined) call.undelivered(failure);
      };
      return deliver();
    },
  });
}

/** Speaks the legacy revisions: all clients share one session, so ids and progress tokens are ours. */
class LegacyChannel implements HttpChannel {
  readonly info: LegacySession['info'];
  readonly #host: ChannelHost;
  readonly #session: LegacySession;
  readonly #state: LegacyState;
  readonly #stream: NotificationStream;
  readonly #interest: LegacyInterest;
  /** Something to tell without being asked: changes of lists, or how tasks go. */
  readonly #hasNews: boolean;
  /** Resources whose updates come on the stream. */
  #wanted: ReadonlySet<string> = new Set();
  // 0 was the handshake's.
  #nextId = 1;
  #unconfirmed: Promise<void> | undefined;

  constructor(host: ChannelHost, session: LegacySession) {
    const { connectorId } = host.wire;
    this.info = session.info;
    this.#host = host;
    this.#session = session;
    this.#unconfirmed = session.confirmation?.done;
    this.#unconfirmed?.then(
      () => void (this.#unconfirmed = undefined),
      () => undefined,
    );
    const requests = createRequests(host, session);
    this.#state = { channel: this, session, pending: new NumberedCalls(), requests };
    const { capabilities } = session.info;
    this.#hasNews = announcedLists(session.info).length > 0 || capabilities['tasks'] !== undefined;
    this.#stream = createStream(host, this.#state, () => this.#missed());
    const { listTimeoutMs: timeoutMs } = host.wire.timeouts;
    this.#interest = new LegacyInterest({
      connectorId,
      info: session.info,
      ask: async (method, members) =>
        await askOver(
          (request, sink) => this.forward(request, sink, true),
          { connectorId, phase: 'ready' },
          toOwnRequest(method, members),
          { signal: NEVER_ABORTED, timeoutMs },
        ),
    });
  }

  get isListening(): boolean {
    return this.#stream.isOpen;
  }

  get unconfirmed(): Promise<void> | undefined {
    return this.#unconfirmed;
  }

  forward(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle {
    const id = this.#nextId++;
    const { meta, token } = legacyMeta(request.meta, id);
    const options = { request, sink, id, era: 'legacy', mayRecover } as const;
    const call = new LegacyCall(this.#host, this.#state, options, token);
    const body = requestBody(String(id), request.method, request.members, meta);
    call.send(this.#session.headers(), body);
    return call;
  }

  beforeCall(caller: Caller): Promise<void> | undefined {
    if (this.#stream.isSettled) return undefined;
    const mayBeAsked = canBeAsked(caller);
    // What is told without naming a request, logs above all, is for the only client to hear.
    if (mayBeAsked || this.#host.client?.sole === true) this.#stream.openNow();
    // A server whose stream is not there when it asks drops the question, and the call hangs.
    return mayBeAsked ? this.#stream.settled() : undefined;
  }

  async setInterest(interest: Interest): ReturnType<LegacyInterest['setInterest']> {
    this.#wanted = interest.resources;
    // Updates come on the stream, so it must be there before they are asked for.
    if (interest.resources.size > 0 && !this.#stream.isSettled) {
      this.#stream.openNow();
      await this.#stream.settled();
    }
    return await this.#interest.setInterest(interest);
  }

  notify(text: string): void {
    // No client's own session is opened so, and only on such a one is anything told.
    if (this.#unconfirmed === undefined) void this.#session.notify(text);
  }

  listen(): void {
    if (this.#hasNews) this.#stream.open();
  }

  stopListening(): void {
    this.#stream.close();
    this.#state.requests.abandon();
  }

  async leave(): Promise<void> {
    this.#session.confirmation?.abandon();
    this.#stream.close();
    await this.#session.end();
  }

  #missed(): void {
    for (const uri of this.#wanted) this.#host.missed(uri);
  }
}

/** Whether a server may ask the client anything that a legacy server asks. */
function canBeAsked({ capabilities }: Caller): boolean {
  const { sampling, elicitation, roots } = capabilities;
  return sampling !== undefined || elicitation !== undefined || roots !== undefined;
}

export function createLegacyChannel(host: ChannelHost, session: LegacySession): HttpChannel {
  return new LegacyChannel(host, session);
}
