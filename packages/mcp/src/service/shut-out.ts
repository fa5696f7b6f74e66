import type { Endpoint } from '../gateway/endpoint.ts';
import { ANONYMOUS } from '../gateway/reply/anonymous.ts';
import type { Listener } from '../http/listener.ts';

/**
 * A service that was open has its first key: what was opened without one ends now, sessions, streams and calls alike, as
 * it does for a key that is revoked.
 */
export function shutOut(
  { sessionStore }: Pick<Endpoint, 'sessionStore'>,
  { connections }: Pick<Listener, 'connections'>,
): void {
  for (const session of sessionStore.all()) {
    if (session.principal.id === ANONYMOUS.id) {
      sessionStore.end(session, 'a key is needed now');
    }
  }
  connections.cutBusy();
}
