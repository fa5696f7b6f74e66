import { canonical, META, type Exchange, type Json } from './raw-peer.ts';

/** What the specification lets an intermediary decide in a result: cache hints, and who has answered. */
const OURS: ReadonlySet<string> = new Set(['ttlMs', 'cacheScope']);
const OURS_BETWEEN_ERAS: ReadonlySet<string> = new Set([...OURS, 'resultType']);

function withoutIdentity(meta: unknown): Json | undefined {
  if (typeof meta !== 'object' || meta === null) return undefined;
  const rest = Object.entries(meta).filter(([key]) => key !== META.serverInfo);
  return rest.length === 0 ? undefined : Object.fromEntries(rest);
}

function comparableResult(result: unknown, dropped: ReadonlySet<string>): unknown {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result;
  const entries = Object.entries(result).filter(([key]) => !dropped.has(key) && key !== '_meta');
  const meta = withoutIdentity((result as Json)['_meta']);
  return Object.fromEntries(meta === undefined ? entries : [...entries, ['_meta', meta]]);
}

/** Notifications of a call; what tells of changes at large belongs to no call. */
const OF_A_CALL: ReadonlySet<unknown> = new Set([
  'notifications/progress',
  'notifications/message',
]);

/** An exchange as text, without what is the gateway's own to decide; `bridged` also without what one era does not have. */
export function comparable({ result, error, notifications }: Exchange, bridged: boolean): string {
  const dropped = bridged ? OURS_BETWEEN_ERAS : OURS;
  const text = canonical({
    ...(result === undefined ? {} : { result: comparableResult(result, dropped) }),
    ...(error === undefined ? {} : { error }),
    notifications: notifications.filter(({ method }) => OF_A_CALL.has(method)),
  });
  // server-everything says when it made a resource: the second request is made later than the first.
  return text.replaceAll(/\d{1,2}:\d\d:\d\d [AP]M/g, 'some time');
}

/** Only whether it is a refusal: for what the gateway answers itself. */
export function comparableRefusal({ result, error }: Exchange): string {
  const isRefused = error !== undefined || (result as Json | undefined)?.['isError'] === true;
  return isRefused ? 'refused' : canonical(result ?? null);
}
