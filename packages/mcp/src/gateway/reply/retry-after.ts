import type { ServerResponse } from 'node:http';

/**
 * Says in the head of a response when its client may try again (RFC 9110 section 10.2.3), in whole seconds, at least
 * one. Nothing once the head has been sent.
 */
export function setRetryAfter(response: ServerResponse, ms: number): void {
  if (response.headersSent || response.destroyed) return;
  response.setHeader('retry-after', String(Math.max(1, Math.ceil(ms / 1_000))));
}
