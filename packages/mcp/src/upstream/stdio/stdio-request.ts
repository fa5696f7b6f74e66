import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';
import type { Era } from '../../protocol/revision.ts';
import { NEVER_ABORTED } from '../own-request.ts';
import type { PendingCall } from './stdio-call.ts';
import { UpstreamError, type UpstreamErrorCode } from '../upstream-error.ts';
import type { RequestOptions } from '../upstream.ts';

/** Sends a request, connecting first when needed; the era is known when it leaves. Returns its cancel. */
export type Submit = (call: (era: Era) => PendingCall) => (reason: string) => void;

function rpcCodeOf(errorText: string): { readonly rpcCode?: number; readonly message: string } {
  const error: unknown = JSON.parse(errorText);
  if (typeof error !== 'object' || error === null) return { message: 'no reason given' };
  const rpcCode = 'code' in error && typeof error.code === 'number' ? error.code : undefined;
  const message = 'message' in error ? String(error.message).slice(0, 500) : 'no reason given';
  return rpcCode === undefined ? { message } : { rpcCode, message };
}

/**
 * One request of our own as a promise, bounded by `timeoutMs` with connecting included.
 * @throws UpstreamError; TIMEOUT or CANCELLED after telling the server.
 */
export async function ownRequest(
  connectorId: string,
  method: string,
  { signal, timeoutMs }: RequestOptions,
  submit: Submit,
): Promise<string> {
  const phase = LIST_BY_METHOD.has(method) ? 'list' : 'ready';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const failed = (code: UpstreamErrorCode, message: string): UpstreamError =>
    new UpstreamError(code, message, { connectorId, phase });
  const cancel = submit(() => ({
    progressToken: undefined,
    notification: () => undefined,
    result: (raw) => resolve(raw.toString()),
    error: (rpcErrorText) => {
      const { message, ...code } = rpcCodeOf(rpcErrorText);
      const details = { connectorId, phase, rpcErrorText, ...code } as const;
      reject(new UpstreamError('RPC_ERROR', `${method} was answered with: ${message}`, details));
    },
    fail: reject,
  }));
  const timer = setTimeout(() => {
    cancel('timed out');
    reject(failed('TIMEOUT', `${method} was not answered within ${timeoutMs} ms`));
  }, timeoutMs);
  const onAbort = (): void => {
    cancel('cancelled');
    reject(failed('CANCELLED', `${method} was cancelled`));
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** `promise`, given up on (not ended) when `signal`, not aborted yet, aborts first. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  cancelled: () => Error,
): Promise<T> {
  // Listeners of a signal are a list that is searched to remove one: all connects of a pass would share this one's.
  if (signal === NEVER_ABORTED) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(cancelled());
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
