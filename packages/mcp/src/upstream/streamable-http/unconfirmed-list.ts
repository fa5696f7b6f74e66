import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import { unlessAborted } from '../stdio/stdio-request.ts';
import { OWN_CALLER, type ForwardRequest } from '../upstream.ts';
import { UpstreamError } from '../upstream-error.ts';
import type { HttpChannel } from './http-channel.ts';

/** Whether a request may leave on a channel whose handshake has not been confirmed. */
export function mayGoAhead(
  { unconfirmed }: HttpChannel,
  { caller, method }: ForwardRequest,
): boolean {
  return unconfirmed === undefined || (caller === OWN_CALLER && LIST_BY_METHOD.has(method));
}

/** Not when nobody wants it any more, or its time is up. */
function mayAskAgain(error: unknown, signal: AbortSignal): boolean {
  return !signal.aborted && !(error instanceof UpstreamError && error.code === 'TIMEOUT');
}

/**
 * Asks for a list beside the end of the handshake, and is over when both are. A list that fails may only have come
 * first, and a server may refuse the handshake for that: then it is asked for once more, on what stands by then.
 * @param unconfirmed that of the channel; without it there is nothing beside the list.
 * @throws UpstreamError of the list, or of a handshake that got no answer.
 */
export async function askBeside(
  unconfirmed: Promise<void> | undefined,
  signal: AbortSignal,
  ask: () => Promise<string>,
): Promise<string> {
  if (unconfirmed === undefined) return await ask();
  const [list] = await Promise.allSettled([ask()]);
  if (list.status === 'rejected' && !mayAskAgain(list.reason, signal)) throw list.reason;
  signal.throwIfAborted();
  try {
    await unlessAborted(unconfirmed, signal, () => signal.reason);
  } catch (error) {
    const refused = error instanceof UpstreamError && error.httpStatus !== undefined;
    if (!refused || signal.aborted) throw error;
    return await ask();
  }
  return list.status === 'fulfilled' ? list.value : await ask();
}
