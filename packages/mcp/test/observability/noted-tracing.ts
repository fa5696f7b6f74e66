import type { OpenSpan, SpanAttributes, Tracing } from '../../src/observability/tracing.ts';

/** A span as it was recorded. */
export interface NotedSpan {
  readonly name: string;
  readonly kind: string | undefined;
  readonly parent: string | undefined;
  readonly id: string;
  /** Undefined while it is open. */
  ended: string | undefined;
  attributes: SpanAttributes;
}

/** Records spans in memory; those are numbered from 1. */
export function notedTracing(): { readonly tracing: Tracing; readonly spans: NotedSpan[] } {
  const spans: NotedSpan[] = [];
  const tracing: Tracing = {
    start(name, { kind, parent, attributes = {} } = {}): OpenSpan {
      const id = String(spans.length + 1).padStart(16, '0');
      const span: NotedSpan = {
        name,
        kind,
        parent: parent?.traceparent.split('-')[2],
        id,
        ended: undefined,
        attributes,
      };
      spans.push(span);
      return {
        context: { traceparent: `00-${'1'.repeat(32)}-${id}-01`, tracestate: undefined },
        end: (errorType, more = {}) => {
          span.ended ??= errorType ?? 'ok';
          span.attributes = { ...span.attributes, ...more };
        },
      };
    },
    within: (_span, run) => run(),
    ids: () => undefined,
    close: async () => await Promise.resolve(),
  };
  return { tracing, spans };
}
