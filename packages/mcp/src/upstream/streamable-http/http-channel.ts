import type { OpenCalls, Placed } from '../../protocol/open-calls.ts';
import type { InterestTarget } from '../kept-interest.ts';
import type {
  Caller,
  ForwardHandle,
  ForwardRequest,
  ForwardSink,
  RefusedQuestion,
  UpstreamClient,
  UpstreamInfo,
} from '../upstream.ts';
import type { UpstreamError } from '../upstream-error.ts';
import type { HttpWire } from './http-wire.ts';
import type { StreamPolicy } from './notification-stream-policy.ts';

/** Something under way that must hear of the end of the upstream. */
export interface OpenCall extends Placed {
  closed(error: UpstreamError): void;
}

/** Why a channel cannot be used any more, although the server answers. */
export type LossReason =
  /** The session is unknown to the server: it restarted, or the session expired. */
  | 'session'
  /** The server speaks the other era. */
  | 'era';

/** How the server is spoken to, as settled by one handshake. */
export interface HttpChannel extends InterestTarget {
  readonly info: UpstreamInfo;
  /**
   * The server has not answered the end of the handshake yet: only lists of our own may be asked for. Resolves when it
   * has, rejects with an UpstreamError when it did not take it: the channel is of no use then.
   */
  readonly unconfirmed?: Promise<void> | undefined;
  /**
   * Sends a request. `mayRecover` is false for one that was already sent again: a second refusal is delivered.
   */
  forward(request: ForwardRequest, sink: ForwardSink, mayRecover: boolean): ForwardHandle;
  /**
   * Undefined when a call of this client may leave at once; else a promise, bounded in time and never rejected, that
   * resolves when what the server may ask the client would be heard.
   */
  beforeCall(caller: Caller): Promise<void> | undefined;
  /** Tells the server something that belongs to no request, as raw JSON text. Bounded; never throws. */
  notify(text: string): void;
  /**
   * Soon opens the stream on which the server tells of changes, if it announced one (`StreamPolicy.firstDelayMs`).
   * Does nothing the second time.
   */
  listen(): void;
  /** Ends that stream. Idempotent. */
  stopListening(): void;
  /** Whether the server would tell us of a change now. */
  readonly isListening: boolean;
  /** Tells the server that we leave, where it wants to know. Bounded in time; never throws. */
  leave(): Promise<void>;
}

/** What a channel asks of the upstream it belongs to. */
export interface ChannelHost {
  readonly wire: HttpWire;
  /** The same server, by the dispatcher for streams. */
  readonly streamWire: HttpWire;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  readonly streamPolicy: StreamPolicy;
  /** Calls under way. */
  readonly calls: OpenCalls<OpenCall>;
  /** The server sent something that belongs to nobody, or asked what no client was asked. */
  ignored(question?: RefusedQuestion): void;
  /** The server answered as this channel expects: it is what we think it is. */
  answered(): void;
  /** A notification that belongs to no request. */
  unasked(method: string, text: string): void;
  /** A notification that belongs to somebody, and it cannot be told to whom. */
  unattributed(method: string, text: string): void;
  /** A resource may have changed unheard. */
  missed(uri: string): void;
  /** The one client this connection speaks for; undefined when it speaks for everybody. */
  readonly client: UpstreamClient | undefined;
  /** Whether a loss of this kind may be acted on now. */
  mayReplace(channel: HttpChannel, reason: LossReason): boolean;
  /** The channel is of no use any more, as was found out without a request. */
  lost(loss: Loss): void;
  /** Replaces the channel and runs the request, which the server rejected unexecuted, once more. */
  rerun(loss: Loss, request: ForwardRequest, sink: ForwardSink): ForwardHandle;
}

export interface Loss {
  readonly channel: HttpChannel;
  readonly reason: LossReason;
  readonly error: UpstreamError;
}
