import { AsyncLocalStorage } from 'node:async_hooks';
import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { formatTraceparent, parseTraceparent, type TraceContext } from './trace-context.ts';
import type { OpenSpan, SpanAttributes, SpanOptions, Tracing } from './tracing.ts';

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** As a context of the API; without a valid parent a new trace begins. */
function contextWith(parent: TraceContext | undefined): Context {
  const ids = parent && parseTraceparent(parent.traceparent);
  if (parent === undefined || ids === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags: traceFlags } = ids;
  const { tracestate } = parent;
  const traceState = tracestate === undefined ? undefined : createTraceState(tracestate);
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(traceState && { traceState }),
  });
}

class OtelSpan implements OpenSpan {
  readonly context: TraceContext;
  readonly span: Span;
  ended = false;

  constructor(span: Span) {
    this.span = span;
    const { traceId, spanId, traceFlags, traceState } = span.spanContext();
    this.context = {
      traceparent: formatTraceparent({ traceId, spanId, flags: traceFlags }),
      tracestate: traceState?.serialize() || undefined,
    };
  }

  end(errorType?: string, attributes: SpanAttributes = {}): void {
    if (this.ended) return;
    this.ended = true;
    this.span.setAttributes(attributes);
    if (errorType !== undefined) {
      this.span.setAttribute('error.type', errorType);
      this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}

/**
 * Records by a tracer of OpenTelemetry. What is under way is remembered by this object alone: nothing global is set.
 * @param close sends what is left; its failure is nobody's any more.
 */
export function createOtelTracing(tracer: Tracer, close: () => Promise<void>): Tracing {
  const active = new AsyncLocalStorage<OtelSpan>();
  /** Sockets remember the span they were opened in for as long as they live: one that has ended is nobody's parent. */
  const current = (): OtelSpan | undefined => {
    const span = active.getStore();
    return span?.ended === false ? span : undefined;
  };
  return {
    start(name: string, { kind, parent, attributes = {} }: SpanOptions = {}): OpenSpan {
      const own = current();
      const context =
        parent === undefined && own !== undefined
          ? trace.setSpan(ROOT_CONTEXT, own.span)
          : contextWith(parent);
      const options = { kind: kind === undefined ? SpanKind.INTERNAL : KINDS[kind], attributes };
      return new OtelSpan(tracer.startSpan(name, options, context));
    },
    within<T>(span: OpenSpan, run: () => T): T {
      return span instanceof OtelSpan ? active.run(span, run) : run();
    },
    ids() {
      const context = current()?.span.spanContext();
      return context && { trace_id: context.traceId, span_id: context.spanId };
    },
    async close() {
      try {
        await close();
      } catch {
        // The collector is away: its failures were reported when they happened.
      }
    },
  };
}
