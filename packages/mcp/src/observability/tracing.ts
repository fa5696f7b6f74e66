import type { TraceContext } from './trace-context.ts';

/** What a span says of its work. Never arguments, results, addresses or what a client called itself. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** `server`: a client asked for it; `client`: we ask a server. Default: neither. */
  readonly kind?: 'server' | 'client' | undefined;
  /** What it is a part of. Default: the span under way (`within`), else a trace of its own. */
  readonly parent?: TraceContext | undefined;
  readonly attributes?: SpanAttributes | undefined;
}

/** Work under way. */
export interface OpenSpan {
  /** Given to others, so that what they do is a part of it. */
  readonly context: TraceContext;
  /** It is over. Only the first call counts. @param errorType a stable code; undefined: it went well. */
  end(errorType?: string, attributes?: SpanAttributes): void;
}

/** Records what is done when, as a trace of spans. */
export interface Tracing {
  start(name: string, options?: SpanOptions): OpenSpan;
  /** Spans that begin while `run` is under way are parts of `span`, and log lines carry its ids, until it ends. */
  within<T>(span: OpenSpan, run: () => T): T;
  /** The ids of the span under way, as log lines have them; undefined outside of any. */
  ids(): { readonly trace_id: string; readonly span_id: string } | undefined;
  /** Sends what is left, within 5 s. Never rejects. */
  close(): Promise<void>;
}
