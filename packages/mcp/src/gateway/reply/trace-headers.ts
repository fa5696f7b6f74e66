import type { IncomingHttpHeaders } from 'node:http';
import {
  contextOfMeta,
  metaWithContext,
  usableContext,
} from '../../observability/trace-context.ts';
import type { IncomingMessage } from '../../protocol/json-rpc.ts';

/** Takes what the headers of a request say of its trace into `_meta`, where that says nothing itself (SEP-414). */
export function adoptTraceHeaders(
  message: IncomingMessage,
  headers: IncomingHttpHeaders,
): IncomingMessage {
  const { traceparent, tracestate } = headers;
  if (traceparent === undefined || message.kind !== 'request') return message;
  const context = usableContext(traceparent, tracestate);
  const { params } = message;
  if (context === undefined || contextOfMeta(params.meta) !== undefined) return message;
  return { ...message, params: { ...params, meta: metaWithContext(params.meta, context) } };
}
