import type { RawJson } from '../../protocol/json-bytes.ts';
import type { AskableCall } from '../server-requests.ts';
import type { RefusedQuestion } from '../upstream.ts';
import type { UpstreamError } from '../upstream-error.ts';

/** What a shared process sent that had nowhere to go. */
export interface StdioCounters {
  /** Lines on stdout that are no JSON-RPC. */
  noiseLines: number;
  /** Log messages: on a shared process nobody can say whose they are. */
  droppedLogs: number;
  /** Answers and progress of requests that are over. */
  lateMessages: number;
  /** Other notifications of which nobody can say whose they are. */
  strayNotifications: number;
  /** Requests of the server that no client was asked. */
  refusedRequests: number;
}

/** What a connection needs, and whom it tells. */
export interface ConnectionOptions {
  readonly connectorId: string;
  readonly maxLineBytes: number;
  readonly counters: StdioCounters;
  readonly notification: (method: string, text: string) => void;
  /** A request of the server was answered without asking a client. */
  readonly refused: (why: RefusedQuestion) => void;
  /** One client has the process for itself: what belongs to no request is that client's. */
  readonly sole: boolean;
  /** Called once, when the process has ended or broken the rules; not after `fail`. */
  readonly down: (error: UpstreamError) => void;
}

/** One request under way. Exactly one of `result`, `error`, `fail` is called. */
export interface PendingCall {
  /** The client's progress token as raw JSON. */
  readonly progressToken: string | undefined;
  /** The client behind it, whom the server may ask meanwhile; absent for requests of our own. */
  readonly client?: Pick<AskableCall, 'callerId' | 'ask'>;
  /** The server has agreed to this subscription; the text of its notification. */
  acknowledged?(text: string): void;
  notification(text: string): void;
  result(raw: RawJson): void;
  error(text: string): void;
  fail(error: UpstreamError): void;
}

export type Answer =
  | { readonly kind: 'result'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string };
