/** Where a span stands, as W3C Trace Context writes it (`traceparent`, `tracestate`). */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string | undefined;
}

/** The parts of a `traceparent`. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  /** Bit 0: it is recorded. */
  readonly flags: number;
}

/** A longer `tracestate` need not be passed on (W3C Trace Context, 3.3.1.5). */
const MAX_STATE = 512;
const PARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const STATE = /^[\x20-\x7e]*$/;

/** Undefined for what is no `traceparent`: then there is no parent. */
export function parseTraceparent(text: string): TraceParent | undefined {
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = PARENT.exec(text) ?? [];
  if (version === '' || version === 'ff' || (version === '00' && rest !== undefined)) {
    return undefined;
  }
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

export function formatTraceparent({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}

/** A context that may be used; undefined without a valid parent. A state that is none is left out. */
export function usableContext(traceparent: unknown, tracestate: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || parseTraceparent(traceparent) === undefined) {
    return undefined;
  }
  const usable =
    typeof tracestate === 'string' && tracestate.length <= MAX_STATE && STATE.test(tracestate);
  return { traceparent, tracestate: usable && tracestate !== '' ? tracestate : undefined };
}

/** A member of `_meta`, as raw JSON. */
interface Member {
  readonly key: string;
  readonly text: string;
}

const KEYS: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

/** The context in the `_meta` of a request; undefined when it has none that is valid. */
export function contextOfMeta(meta: readonly Member[]): TraceContext | undefined {
  const value = (key: string): unknown => {
    const text = meta.find((member) => member.key === key)?.text;
    return text === undefined ? undefined : JSON.parse(text);
  };
  const traceparent = value('traceparent');
  return traceparent === undefined ? undefined : usableContext(traceparent, value('tracestate'));
}

/** `_meta` with this context in place of any other. */
export function metaWithContext(meta: readonly Member[], context: TraceContext): readonly Member[] {
  const { traceparent, tracestate } = context;
  const added: Member[] = [{ key: 'traceparent', text: JSON.stringify(traceparent) }];
  if (tracestate !== undefined) {
    added.push({ key: 'tracestate', text: JSON.stringify(tracestate) });
  }
  return [...meta.filter(({ key }) => !KEYS.has(key)), ...added];
}

/** The same as headers, names and values in turn. */
export function headersOfContext({ traceparent, tracestate }: TraceContext): readonly string[] {
  const own = ['traceparent', traceparent];
  return tracestate === undefined ? own : [...own, 'tracestate', tracestate];
}
