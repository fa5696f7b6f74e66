import { LIST_BY_METHOD } from '../../protocol/list-kind.ts';

/** How long a service may send nothing at all while a request waits for it, in milliseconds. */
export interface SilenceLimits {
  /** For what needs no work: lists, handshakes, subscriptions. */
  readonly quickMs: number;
  /** For everything else. */
  readonly callMs: number;
}

const QUICK: ReadonlySet<string> = new Set([
  ...LIST_BY_METHOD.keys(),
  'initialize',
  'ping',
  'server/discover',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
]);

/** Watches over one request. */
export interface Silence {
  /** What it was waited for in vain, in milliseconds; undefined while it may go on. */
  readonly brokenAfterMs: number | undefined;
  /** The service has sent something. */
  heard(): void;
  stop(): void;
}

const ENDLESS: Silence = {
  brokenAfterMs: undefined,
  heard: () => undefined,
  stop: () => undefined,
};

/** @param limits undefined: the service has deadlines of its own. A subscription is silent for as long as it likes. */
export function watchSilence(
  method: string,
  limits: SilenceLimits | undefined,
  expired: () => void,
): Silence {
  if (limits === undefined || method === 'subscriptions/listen') return ENDLESS;
  const timeoutMs = QUICK.has(method) ? limits.quickMs : limits.callMs;
  let brokenAfterMs: number | undefined;
  const timer = setTimeout(() => {
    brokenAfterMs = timeoutMs;
    expired();
  }, timeoutMs);
  timer.unref();
  return {
    get brokenAfterMs() {
      return brokenAfterMs;
    },
    heard: () => {
      if (brokenAfterMs === undefined) timer.refresh();
    },
    stop: () => clearTimeout(timer),
  };
}
