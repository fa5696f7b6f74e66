import type { LegacyInterest } from '../http-legacy/legacy-interest.ts';
import type { SseSession } from './legacy-sse-session.ts';

/** A session in use. */
export interface OpenedSse extends SseSession {
  readonly interest: LegacyInterest;
  readonly openedAtMs: number;
}

/** How far the connection of an upstream has come. */
export type SseState =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'connecting';
      readonly opened: Promise<OpenedSse>;
      readonly abort: AbortController;
    }
  | { readonly kind: 'ready'; readonly opened: OpenedSse }
  | { readonly kind: 'closed'; readonly done: Promise<void> };

export const SSE_IDLE: SseState = { kind: 'idle' };
