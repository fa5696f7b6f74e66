import { wants } from './log-filter.ts';
import type { Endpoint } from '../endpoint.ts';
import type { SessionStore } from '../session/session-store.ts';
import type { SessionTasks } from '../session/session-tasks.ts';

/** How a task of 2025-11-25 goes is for the session that made it, whoever shares the connection. */
function tellOwner(
  tasks: SessionTasks,
  sessions: Pick<SessionStore, 'get'>,
  connectorId: string,
  text: string,
): void {
  const told = tasks.statusFor(connectorId, text);
  if (told !== undefined) sessions.get(told.sessionId)?.channel?.send(told.text);
}

/**
 * Passes on what a server said that belongs to no request: updates of resources and tasks to whoever asked for them,
 * anything else to the client whose own connection it came on. On a shared connection it is nobody's (contract.md, isolation).
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
  if (method === 'notifications/tasks') {
    answerer.interests.taskUpdated(connectorId, callerId, text);
    return;
  }
  if (method === 'notifications/tasks/status') {
    tellOwner(answerer.sessionTasks, sessionStore, connectorId, text);
    return;
  }
  const session = callerId === undefined ? undefined : sessionStore.get(callerId);
  if (session === undefined) return;
  const wish = { level: session.logLevel, unsaid: 'all' } as const;
  if (wants(JSON.parse(text), wish)) session.channel?.send(text);
}
