import { RPC, errorObject, type RawMember } from '../../protocol/message.ts';
import type { ChannelHost } from '../streamable-http/http-channel.ts';
import { ModernListen, type ListenListener } from './modern-listen.ts';
import {
  ModernListening,
  type Subscription,
  type SubscriptionOutcome,
} from './modern-listening.ts';
import { modernHeaders } from './modern-message.ts';
import {
  createNotificationStream,
  type NotificationStream,
  type StreamAttempt,
  type StreamEnd,
  type StreamListener,
} from '../streamable-http/notification-stream.ts';
import {
  announceChanges,
  announcedLists,
  type ChangingList,
} from '../streamable-http/notification-stream-lists.ts';
import type { UpstreamInfo } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';

/** Why a subscription was not agreed to. */
function failureOf(connectorId: string, end: StreamEnd): UpstreamError {
  const where = { connectorId, phase: 'ready' } as const;
  if (end.kind === 'ended') {
    const message = 'the server ended the subscription before it agreed to it';
    return end.error ?? new UpstreamError('STREAM_CUT', message, where);
  }
  const cause = end.error;
  const message = 'the server does not take subscriptions';
  return new UpstreamError('RPC_ERROR', cause?.message ?? message, {
    ...where,
    cause,
    rpcCode: cause?.rpcCode ?? RPC.methodNotFound,
    rpcErrorText: cause?.rpcErrorText ?? errorObject(RPC.methodNotFound, message),
  });
}

/** One subscription and its successors: when it ends by itself, it is asked for again. */
class HttpSubscription implements Subscription {
  readonly #host: ChannelHost;
  readonly #lists: readonly ChangingList[];
  readonly #stream: NotificationStream;
  #granted: ReadonlySet<string> = new Set();
  #settled: ((outcome: SubscriptionOutcome) => void) | undefined;

  constructor(
    host: ChannelHost,
    lists: readonly ChangingList[],
    createAttempt: (listener: ListenListener) => StreamAttempt,
    settled: (outcome: SubscriptionOutcome) => void,
  ) {
    this.#host = host;
    this.#lists = lists;
    this.#settled = settled;
    this.#stream = createNotificationStream({
      createAttempt: (listener) => createAttempt(this.#listening(listener)),
      reopened: () => this.#reopened(),
      // Without sessions there is none to lose.
      lost: () => undefined,
      random: host.random,
      policy: host.streamPolicy,
    });
  }

  get isOpen(): boolean {
    return this.#stream.isOpen;
  }

  open(soon: boolean): void {
    if (soon) this.#stream.openNow();
    else this.#stream.open();
  }

  close(): void {
    this.#stream.close();
  }

  #listening(listener: StreamListener): ListenListener {
    return {
      retry: (ms) => listener.retry(ms),
      honoured: (resources) => {
        this.#granted = resources;
      },
      opened: () => {
        listener.opened();
        this.#settle({ kind: 'open', resources: this.#granted });
      },
      ended: (end) => {
        listener.ended(end);
        this.#settle({ kind: 'failed', error: failureOf(this.#host.wire.connectorId, end) });
      },
    };
  }

  #reopened(): void {
    announceChanges(this.#lists, (method, text) => this.#host.unasked(method, text));
    for (const uri of this.#granted) this.#host.missed(uri);
  }

  #settle(outcome: SubscriptionOutcome): void {
    this.#settled?.(outcome);
    this.#settled = undefined;
  }
}

/** What a modern server tells unasked over HTTP: each subscription is a POST that does not end. */
export function createModernSubscriptions(
  host: ChannelHost,
  info: UpstreamInfo,
  envelope: readonly RawMember[],
): ModernListening {
  const lists = announcedLists(info);
  let attempts = 0;
  return new ModernListening({
    connectorId: host.wire.connectorId,
    hasLists: lists.length > 0,
    subscribe(resources, soon, settled) {
      const createAttempt = (listener: ListenListener): StreamAttempt => {
        attempts += 1;
        return new ModernListen({
          wire: host.streamWire,
          listener,
          headers: modernHeaders(host.wire, 'subscriptions/listen', undefined),
          id: `listen-${attempts}`,
          envelope,
          lists,
          resources,
          acknowledgeTimeoutMs: host.streamPolicy.acknowledgeTimeoutMs,
          ignored: () => host.ignored(),
          unasked: (method, text) => host.unasked(method, text),
        });
      };
      const subscription = new HttpSubscription(host, lists, createAttempt, settled);
      subscription.open(soon);
      return subscription;
    },
  });
}
