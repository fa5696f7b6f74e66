import { refusalError } from '../streamable-http/http-refusal.ts';
import { post } from '../streamable-http/http-request.ts';
import type { HttpWire } from '../streamable-http/http-wire.ts';

/** The end of a handshake that was not waited for. */
export interface Confirmation {
  /**
   * Resolves when the server has taken `notifications/initialized`, rejects with an UpstreamError when it did not;
   * nobody needs to listen.
   */
  readonly done: Promise<void>;
  /** The session is left: `done` rejects with `CLOSED` unless it has settled. */
  abandon(): void;
}

interface ConfirmOptions {
  readonly timeoutMs: number;
  /** Aborted with an UpstreamError, that is the failure. */
  readonly signal: AbortSignal;
}

/**
 * Sends `notifications/initialized` and waits for what the server says to it.
 * @throws UpstreamError phase `handshake` or `connect`
 */
export async function confirm(
  wire: HttpWire,
  headers: string[],
  options: ConfirmOptions & { readonly onSent?: () => void },
): Promise<void> {
  const outcome = await post(wire, {
    headers,
    body: '{"jsonrpc":"2.0","method":"notifications/initialized"}',
    phase: 'handshake',
    ...options,
  });
  if (outcome.kind !== 'refused') return;
  throw refusalError(outcome.refusal, { connectorId: wire.connectorId, phase: 'handshake' });
}

/**
 * As `confirm`, but waits only until the notification is on its way: what is sent then leaves after it.
 * @throws UpstreamError when it did not leave.
 */
export async function beginToConfirm(
  wire: HttpWire,
  headers: string[],
  { timeoutMs, signal }: ConfirmOptions,
): Promise<Confirmation> {
  const abort = new AbortController();
  const giveUp = (): void => abort.abort(signal.reason);
  if (signal.aborted) giveUp();
  signal.addEventListener('abort', giveUp, { once: true });
  const { promise: sent, resolve: onSent } = Promise.withResolvers<void>();
  const done = confirm(wire, headers, { timeoutMs, signal: abort.signal, onSent });
  // Who waits for it hears of a failure; that nobody waits is none.
  done.catch(() => undefined);
  try {
    await Promise.race([sent, done]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
  return { done, abandon: () => abort.abort() };
}
