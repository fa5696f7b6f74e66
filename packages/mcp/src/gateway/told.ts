import { wants } from './log-filter.ts';
import type { Endpoint } from './endpoint.ts';

/**
 * Passes on what a server said that belongs to no request: updates of resources to whoever subscribed, anything else
 * to the client whose own connection it came on. On a shared connection it is nobody's (contract.md, isolation).
 * @param callerId the session whose own connection it is; undefined on a shared one.
 * @param text the notification as raw JSON.
 */
export function passOn(
  { answerer, sessionStore }: Pick<Endpoint, 'answerer' | 'sessionStore'>,
  said: {
    readonly connectorId: string;
    readonly callerId: string | undefined;
    readonly method: string;
    readonly text: string;
  },
): void {
  const { connectorId, callerId, method, text } = said;
  if (method === 'notifications/resources/updated') {
    answerer.interests.resourceUpdated(connectorId, callerId, text);
    return;
  }
  const session = callerId === undefined ? undefined : sessionStore.get(callerId);
  if (session === undefined) return;
  const wish = { level: session.logLevel, unsaid: 'all' } as const;
  if (wants(JSON.parse(text), wish)) session.channel?.send(text);
}
