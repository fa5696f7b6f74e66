import type { UpstreamError } from '../upstream/upstream-error.ts';

/** Upper bound of the wait before a retry, full jitter. */
const BASE_MS = 200;
/** A longer `Retry-After` is the client's to wait for. */
const MAX_RETRY_AFTER_MS = 5_000;

const PASSING_STATUS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** No byte of the request can have reached the server: names, connections, TLS. Processes have waits of their own. */
export function wasNeverSent({ code, unsent, phase }: UpstreamError): boolean {
  return unsent && phase === 'connect' && (code === 'CONNECT_FAILED' || code === 'CONNECT_TIMEOUT');
}

/** The connection broke, or the server said that it cannot answer just now. */
function isPassing({ code, httpStatus, retryAfterMs }: UpstreamError): boolean {
  if (code === 'STREAM_CUT' || code === 'PROCESS_EXITED') return true;
  if (code !== 'HTTP_STATUS' || httpStatus === undefined) return false;
  return httpStatus === 429 ? retryAfterMs !== undefined : PASSING_STATUS.has(httpStatus);
}

/**
 * Whether a tool says that calling it twice is calling it once: `readOnlyHint`, or `idempotentHint`, which means nothing
 * beside it (spec 2026-07-28, schema, ToolAnnotations).
 * @param definition raw JSON of the tool.
 */
export function isRepeatable(definition: string | undefined): boolean {
  if (definition === undefined || !definition.includes('Hint"')) return false;
  const tool: unknown = JSON.parse(definition);
  const annotations: unknown =
    typeof tool === 'object' && tool !== null && Reflect.get(tool, 'annotations');
  if (typeof annotations !== 'object' || annotations === null) return false;
  return (
    Reflect.get(annotations, 'readOnlyHint') === true ||
    Reflect.get(annotations, 'idempotentHint') === true
  );
}

/**
 * How long to wait before a failed call is sent once more; undefined when it must not be (T2). What was answered, in
 * whatever way, was executed; after bytes were sent, only a repeatable call may be sent again.
 * @param random uniform in [0, 1).
 */
export function retryDelayMs(
  error: UpstreamError,
  repeatable: boolean,
  random: () => number,
): number | undefined {
  if (!wasNeverSent(error) && !(repeatable && isPassing(error))) return undefined;
  const { retryAfterMs = 0 } = error;
  return retryAfterMs > MAX_RETRY_AFTER_MS ? undefined : retryAfterMs + BASE_MS * random();
}
