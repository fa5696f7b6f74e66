import { RPC, requestText, type JsonRpcId, type RawMember } from '../protocol/message.ts';
import { META, MODERN_ENVELOPE_KEYS } from '../protocol/revision.ts';
import type { ChannelHost, HttpChannel, LossReason } from './http-channel.ts';
import { HttpCall, type CallOptions, type Notification } from './http-forward.ts';
import { withProgressToken } from './http-message.ts';
import type { Refusal } from './http-refusal.ts';
import type { LegacySession } from './legacy-session.ts';
import { LegacyStream } from './legacy-stream.ts';
import { createNotificationStream, type NotificationStream } from './notification-stream.ts';
import { announceChanges, announcedLists } from './notification-stream-lists.ts';
import type { ForwardHandle, ForwardRequest, ForwardSink } from './upstream.ts';

/**
 * Whether a refusal says that the server does not know our session: 404 by the specification (2025-11-25,
 * basic/transports), 400 with words to that effect by server-everything and others.
 */
export function isSessionLost(
  status: number,
  rpc: Refusal['rpc'],
  body: string,
  hasId: boolean,
): boolean {
  if (status === 404) return hasId && rpc?.code !== RPC.methodNotFound;
  if (rpc?.code === RPC.unsupportedVersion) return true;
  return status === 400 && /session|not initialized/i.test(rpc?.message ?? body);
}

class LegacyCall extends HttpCall {
  readonly #session: LegacySession;
  readonly #pending: Map<number, LegacyCall>;
  readonly #id: number;
  /** The client's own token as raw JSON; undefined when it wants no progress. */
  readonly #token: string | undefined;

  constructor(
    host: ChannelHost,
    state: LegacyState,
    options: CallOptions & { readonly id: number },
    token: string | undefined,
  ) {
    super(host, state.channel, options);
    this.#session = state.session;
    this.#pending = state.pending;
    this.#id = options.id;
    this.#token = token;
    state.pending.set(options.id, this);
  }

  protected override finish(): boolean {
    this.#pending.delete(this.#id);
    return super.finish();
  }

  protected override lossOf(
    status: number,
    rpc: Refusal['rpc'],
    body: string,
  ): LossReason | undefined {
    return isSessionLost(status, rpc, body, this.#session.hasId) ? 'session' : undefined;
  }

  protected override relay(notification: Notification): string | undefined {
    if (notification.method === 'notifications/progress') {
      if (notification.progressToken === this.#id) return this.#withOwnToken(notification);
      deliverProgress(this.#pending, notification);
      return undefined;
    }
    // The server put it on the stream of this request: it is this request's. Others have no reader yet.
    return notification.method === 'notifications/message' ? notification.text : undefined;
  }

  protected override serverRequest(id: JsonRpcId, method: string): void {
    if (method !== 'ping') this.host.ignored();
    this.#session.reply(id, method);
  }

  protected override cancelled(reason: string): void {
    this.#session.cancel(this.#id, reason);
  }

  /** Progress of this call that came on another stream; false when its client wants none. */
  takeProgress(notification: Notification): boolean {
    const text = this.#withOwnToken(notification);
    if (text !== undefined) this.options.sink.notification(text);
    return text !== undefined;
  }

  #withOwnToken(notification: Notification): string | undefined {
    return this.#token === undefined
      ? undefined
      : withProgressToken(notification.text, this.#token);
  }
}

/** Progress belongs to whoever's token it carries, whichever stream it came on. False when it is nobody's. */
function deliverProgress(
  pending: ReadonlyMap<number, LegacyCall>,
  notification: Notification,
): boolean {
  const { method, progressToken: token } = notification;
  const owner = typeof token === 'number' ? pending.get(token) : undefined;
  return method === 'notifications/progress' && owner?.takeProgress(notification) === true;
}

interface LegacyState {
  readonly channel: HttpChannel;
  readonly session: LegacySession;
  readonly pending: Map<number, LegacyCall>;
}

/** The client's `_meta` for a legacy server: without the modern envelope, and with our token for its own. */
function legacyMeta(
  meta: readonly RawMember[],
  id: number,
): { readonly meta: readonly RawMember[]; readonly token: string | undefined } {
  let token: string | undefined;
  const kept: RawMember[] = [];
  for (const member of meta) {
    if (member.key === META.progressToken) {
      token = member.text;
      kept.push({ key: META.progressToken, text: String(id) });
    } else if (!MODERN_ENVELOPE_KEYS.has(member.key)) {
      kept.push(member);
    }
  }
  return { meta: kept, token };
}

/** The session's standalone stream; undefined when the server announced nothing to hear on it. */
function createStream(host: ChannelHost, state: LegacyState): NotificationStream | undefined {
  const { session, channel, pending } = state;
  const lists = announcedLists(session.info);
  if (lists.length === 0) return undefined;
  return createNotificationStream({
    createAttempt: (listener) =>
      new LegacyStream({
        wire: host.streamWire,
        listener,
        headers: session.headers(),
        isLost: ({ status, rpc, body }) => isSessionLost(status, rpc, body, session.hasId),
        ignored: () => host.ignored(),
        unasked: (method, text) => host.unasked(method, text),
        progress: (notification) => deliverProgress(pending, notification),
        reply: (id, method) => session.reply(id, method),
      }),
    reopened: () => announceChanges(lists, (method, text) => host.unasked(method, text)),
    lost: (error) => host.lost({ channel, reason: 'session', error }),
    random: host.random,
    policy: host.streamPolicy,
  });
}

/** Speaks the legacy revisions: all clients share one session, so ids and progress tokens are ours. */
export function createLegacyChannel(host: ChannelHost, session: LegacySession): HttpChannel {
  // 0 was the handshake's.
  let nextId = 1;
  const channel: HttpChannel = {
    info: session.info,
    get isListening() {
      return stream?.isOpen === true;
    },
    forward(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle {
      const id = nextId++;
      const { meta, token } = legacyMeta(request.meta, id);
      const options = { request, sink, id, era: 'legacy', mayRecover } as const;
      const call = new LegacyCall(host, state, options, token);
      call.send(session.headers(), requestText(String(id), request.method, request.members, meta));
      return call;
    },
    listen() {
      stream?.open();
    },
    stopListening() {
      stream?.close();
    },
    async leave() {
      stream?.close();
      await session.end();
    },
  };
  const state: LegacyState = { channel, session, pending: new Map() };
  const stream = createStream(host, state);
  return channel;
}
