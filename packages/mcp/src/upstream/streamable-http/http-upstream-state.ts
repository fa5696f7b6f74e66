import type { HttpChannel } from './http-channel.ts';

/** Where in its life an upstream over streamable HTTP is. */
export type HttpState =
  | { readonly kind: 'idle' }
  | {
      readonly kind: 'connecting';
      readonly channel: Promise<HttpChannel>;
      readonly abort: AbortController;
    }
  | { readonly kind: 'ready'; readonly channel: HttpChannel }
  | { readonly kind: 'closed'; readonly done: Promise<void> };

export const IDLE: HttpState = { kind: 'idle' };
