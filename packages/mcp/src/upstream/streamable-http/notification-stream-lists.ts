import { LIST_KINDS, LIST_SHAPES } from '../../protocol/list-kind.ts';
import { isJsonObject } from './http-message.ts';
import { taskOfTopic, type UpstreamEvents, type UpstreamInfo } from '../upstream.ts';

/** A capability whose lists can change. */
export type ChangingList = 'tools' | 'prompts' | 'resources';

/** The capabilities for which the server announced `listChanged`. */
export function announcedLists({ capabilities }: UpstreamInfo): readonly ChangingList[] {
  const known = new Set(LIST_KINDS.map((kind) => LIST_SHAPES[kind].capability));
  return [...known].filter((name) => {
    const capability = capabilities[name];
    return isJsonObject(capability) && capability['listChanged'] === true;
  });
}

/** Says of each of these lists that it changed, as the server would have. */
export function announceChanges(
  lists: readonly ChangingList[],
  notification: (method: string, text: string) => void,
): void {
  for (const list of lists) {
    const method = LIST_SHAPES[list].changed;
    notification(method, JSON.stringify({ jsonrpc: '2.0', method }));
  }
}

/**
 * Says that a resource has changed, as the server would have: it may have been said while nobody could hear. How a task is
 * only its server can say; who follows one polls as well (SEP-2663).
 */
export function announceUpdate(uri: string, events: Pick<UpstreamEvents, 'notification'>): void {
  if (taskOfTopic(uri) !== undefined) return;
  const method = 'notifications/resources/updated';
  events.notification(method, JSON.stringify({ jsonrpc: '2.0', method, params: { uri } }));
}
