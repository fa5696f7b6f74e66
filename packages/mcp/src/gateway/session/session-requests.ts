import type { IncomingMessage } from '../../protocol/json-rpc.ts';
import { LOG_LEVELS, isLogLevel } from '../../protocol/log-level.ts';
import {
  ProtocolError,
  RPC,
  errorText,
  resultText,
  type JsonRpcId,
} from '../../protocol/message.ts';
import { UpstreamError } from '../../upstream/upstream-error.ts';
import type { Interests, Subscriber, SubscriptionTarget } from '../listen/interests.ts';
import type { LegacySession } from './legacy-session.ts';
import type { NamingRequest } from '../call/refuse-unknown.ts';
import type { Reply } from '../reply/reply.ts';
import { unavailableError } from '../call/unavailable-error.ts';

type Request = Extract<IncomingMessage, { kind: 'request' }>;

export interface SessionRequestOptions {
  readonly interests: Interests;
  /**
   * The route of a resource, waiting for it as a call does.
   * @throws ProtocolError when nobody offers it.
   */
  readonly requireResource: (
    request: Pick<NamingRequest, 'id' | 'connectorId' | 'principal'>,
    uri: string,
  ) => Promise<SubscriptionTarget>;
  /** Tells whether the endpoint offers log messages. */
  readonly offersLogging: (session: Pick<LegacySession, 'connectorId' | 'principal'>) => boolean;
}

/** Resources one session may subscribe to. */
const MAX_SUBSCRIPTIONS = 1_000;

/** A session as a subscriber: updates go to its stream. */
class SessionSubscriber implements Subscriber {
  readonly uris = new Set<string>();
  readonly #session: LegacySession;

  constructor(session: LegacySession) {
    this.#session = session;
  }

  get caller(): LegacySession['caller'] {
    return this.#session.caller;
  }

  sees(connectorId: string): boolean {
    return this.#session.principal.policy?.connector(connectorId) !== false;
  }

  updated(text: string): void {
    this.#session.channel?.send(text);
  }
}

/** What only sessions ask: a level of log messages, and updates of resources (legacy revisions). */
export class SessionRequests {
  readonly #options: SessionRequestOptions;
  readonly #subscribers = new WeakMap<LegacySession, SessionSubscriber>();
  #changed: (session: LegacySession, resources: readonly string[]) => void = () => undefined;

  constructor(options: SessionRequestOptions) {
    this.#options = options;
  }

  /** Called when a session has another log level, or other subscriptions. */
  onChanged(listener: (session: LegacySession, resources: readonly string[]) => void): void {
    this.#changed = listener;
  }

  /** What the session has subscribed to. */
  resourcesOf(session: LegacySession): readonly string[] {
    return [...(this.#subscribers.get(session)?.uris ?? [])];
  }

  /** Gives a session what it had in another process; a resource that is gone is left out. Never rejects. */
  async restore(
    session: LegacySession,
    kept: { readonly logLevel: string | undefined; readonly resources: readonly string[] },
  ): Promise<void> {
    const { connectorId, principal } = session;
    const { interests, requireResource } = this.#options;
    if (kept.logLevel === undefined && kept.resources.length === 0) return;
    const subscriber = this.#subscriberOf(session);
    if (isLogLevel(kept.logLevel)) {
      session.logLevel = kept.logLevel;
      interests.setLogLevel(subscriber, connectorId, kept.logLevel);
    }
    const uris = kept.resources.slice(0, MAX_SUBSCRIPTIONS);
    for (const uri of uris) subscriber.uris.add(uri);
    const subscribed = uris.map(async (uri) => {
      const to = await requireResource({ id: 0, connectorId, principal }, uri);
      if (!session.ended) await interests.subscribe(to, uri, subscriber);
    });
    await Promise.allSettled(subscribed);
  }

  handles(method: string): boolean {
    return (
      method === 'logging/setLevel' ||
      method === 'resources/subscribe' ||
      method === 'resources/unsubscribe'
    );
  }

  /** @throws ProtocolError */
  async answer(request: Request, session: LegacySession, reply: Reply): Promise<void> {
    if (request.method === 'logging/setLevel') this.#setLevel(request, session);
    else if (!(await this.#subscription(request, session, reply))) return;
    this.#changed(session, this.resourcesOf(session));
    reply.answer(200, resultText(JSON.stringify(request.id), '{}'));
  }

  #setLevel({ id, method, params }: Request, session: LegacySession): void {
    const { connectorId } = session;
    if (!this.#options.offersLogging(session)) {
      throw new ProtocolError(RPC.methodNotFound, `Method not found: ${method}`, { id });
    }
    const { level } = params.value;
    if (!isLogLevel(level)) {
      const why = `Invalid params: level must be one of ${LOG_LEVELS.join(', ')}`;
      throw new ProtocolError(RPC.invalidParams, why, { id });
    }
    session.logLevel = level;
    this.#options.interests.setLogLevel(this.#subscriberOf(session), connectorId, level);
  }

  /** False when the server refused, which the client was told. */
  async #subscription(request: Request, session: LegacySession, reply: Reply): Promise<boolean> {
    const { id, method, params } = request;
    const { uri } = params.value;
    if (typeof uri !== 'string' || uri === '') {
      throw new ProtocolError(RPC.invalidParams, 'Invalid params: uri must be a string', { id });
    }
    const { interests, requireResource } = this.#options;
    const subscriber = this.#subscriberOf(session);
    const to = await requireResource(
      { id, connectorId: session.connectorId, principal: session.principal },
      uri,
    );
    if (session.ended) {
      reply.drop();
      return false;
    }
    try {
      if (method === 'resources/unsubscribe') {
        subscriber.uris.delete(uri);
        await interests.unsubscribe(to, subscriber);
        return true;
      }
      assertRoom(subscriber, uri, id);
      subscriber.uris.add(uri);
      await interests.subscribe(to, uri, subscriber);
      return true;
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      subscriber.uris.delete(uri);
      const text = error.rpcErrorText ?? unavailableError(error);
      reply.answer(200, errorText(JSON.stringify(id), text));
      return false;
    }
  }

  #subscriberOf(session: LegacySession): SessionSubscriber {
    const known = this.#subscribers.get(session);
    if (known !== undefined) return known;
    const subscriber = new SessionSubscriber(session);
    this.#subscribers.set(session, subscriber);
    session.onEnd(() => this.#options.interests.release(subscriber));
    return subscriber;
  }
}

function assertRoom({ uris }: SessionSubscriber, uri: string, id: JsonRpcId): void {
  if (uris.size < MAX_SUBSCRIPTIONS || uris.has(uri)) return;
  const why = `Too many subscriptions: at most ${MAX_SUBSCRIPTIONS} in a session`;
  throw new ProtocolError(RPC.invalidParams, why, { id });
}
