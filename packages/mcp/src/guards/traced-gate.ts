import {
  contextOfMeta,
  headersOfContext,
  metaWithContext,
} from '../observability/trace-context.ts';
import type { OpenSpan, SpanAttributes, Tracing } from '../observability/tracing.ts';
import type { ConnectorDefinition } from '../connectors/connector.ts';
import type { RawJson } from '../protocol/json-bytes.ts';
import type { Era } from '../protocol/revision.ts';
import {
  DEADLINE_EXCEEDED,
  type CallGate,
  type CallGateStatus,
  type CallLine,
  type ForwardHandle,
  type ForwardRequest,
  type ForwardSink,
  type ServerRequest,
} from '../upstream/upstream.ts';
import type { UpstreamError } from '../upstream/upstream-error.ts';

/** An answer that is longer is not looked into for an error: servers' errors are short. */
const MAX_ERROR_BYTES = 65_536;

/** The code of a JSON-RPC error; undefined for a result. @param text raw JSON of `error`, or of the whole answer. */
function codeIn(text: string, whole: boolean): string | undefined {
  if (whole && !text.includes('"error"')) return undefined;
  const value: unknown = JSON.parse(text);
  const error: unknown = whole ? Reflect.get(Object(value), 'error') : value;
  if (error === undefined) return undefined;
  return String(Reflect.get(Object(error), 'code'));
}

function safeCodeIn(text: string, whole: boolean): string | undefined {
  try {
    return codeIn(text, whole);
  } catch {
    // Not JSON: whoever is behind the sink says so to the client.
    return 'BAD_RESPONSE';
  }
}

/** Ends a span with the call it is about. Hears the answer and passes it on; controls the call for whoever sent it. */
class TracedCall implements ForwardSink, ForwardHandle {
  readonly #tracing: Tracing;
  readonly #span: OpenSpan;
  readonly #sink: ForwardSink;
  #handle: ForwardHandle | undefined;

  constructor(tracing: Tracing, span: OpenSpan, sink: ForwardSink) {
    this.#tracing = tracing;
    this.#span = span;
    this.#sink = sink;
  }

  send(forward: (sink: ForwardSink) => ForwardHandle): this {
    this.#handle = this.#tracing.within(this.#span, () => forward(this));
    return this;
  }

  notification(text: string): void {
    this.#sink.notification(text);
  }

  request(request: ServerRequest): void {
    this.#sink.request(request);
  }

  suspended(retryMs: number): void {
    this.#sink.suspended?.(retryMs);
  }

  result(raw: RawJson, era: Era): void {
    this.#span.end();
    this.#sink.result(raw, era);
  }

  error(text: string, era: Era): void {
    this.#fail(safeCodeIn(text, false));
    this.#sink.error(text, era);
  }

  whole(body: Buffer | readonly Buffer[], resultText?: string): void {
    const text =
      Buffer.isBuffer(body) && body.length <= MAX_ERROR_BYTES ? body.toString('utf8') : '';
    this.#fail(safeCodeIn(text, true));
    this.#sink.whole(body, resultText);
  }

  open(bytes?: number): void {
    this.#sink.open(bytes);
  }

  chunk(bytes: Buffer): boolean {
    return this.#sink.chunk(bytes);
  }

  end(): void {
    this.#span.end();
    this.#sink.end();
  }

  fail(error: UpstreamError): void {
    // Log lines about it, such as that of a breaker that opens, belong to the call.
    this.#tracing.within(this.#span, () => this.#sink.fail(error));
    this.#span.end(error.code);
  }

  cancel(reason: string): void {
    this.#tracing.within(this.#span, () => this.#handle?.cancel(reason));
    this.#span.end(reason === DEADLINE_EXCEEDED ? 'TIMEOUT' : 'cancelled');
  }

  pause(): void {
    this.#handle?.pause();
  }

  resume(): void {
    this.#handle?.resume();
  }

  #fail(code: string | undefined): void {
    this.#span.end(code, code === undefined ? {} : { 'rpc.response.status_code': code });
  }
}

/** `tools/call search`; what a URI names may be secret. */
function spanName({ method, name }: ForwardRequest): string {
  const named = method === 'tools/call' || method === 'prompts/get';
  return named && name !== undefined ? `${method} ${name}` : method;
}

function about(connectorId: string, { method, name }: ForwardRequest): SpanAttributes {
  const known = { 'mcp.method.name': method, 'cortex.connector': connectorId };
  if (name === undefined) return known;
  if (method === 'tools/call') return { ...known, 'gen_ai.tool.name': name };
  return method === 'prompts/get' ? { ...known, 'gen_ai.prompt.name': name } : known;
}

/** One try to send a call is a span within that of the call; the server is told of it. */
class TracedLine implements CallLine {
  readonly #line: CallLine;
  readonly #tracing: Tracing;
  readonly #connectorId: string;

  constructor(line: CallLine, tracing: Tracing, connectorId: string) {
    this.#line = line;
    this.#tracing = tracing;
    this.#connectorId = connectorId;
  }

  send(request: ForwardRequest, sink: ForwardSink): ForwardHandle {
    const span = this.#tracing.start(spanName(request), {
      kind: 'client',
      parent: contextOfMeta(request.meta),
      attributes: about(this.#connectorId, request),
    });
    const sent = {
      ...request,
      meta: metaWithContext(request.meta, span.context),
      traceHeaders: headersOfContext(span.context),
    };
    const call = new TracedCall(this.#tracing, span, sink);
    return call.send((own) => this.#line.send(sent, own));
  }

  ended(): void {
    this.#line.ended();
  }
}

/**
 * A span for each call that comes to a gate, part of what its client says in `_meta` (W3C Trace Context), and one for
 * each time it is sent; so the wait for a place, retries and the server's own time can be told apart.
 */
function createTracedGate(gate: CallGate, connectorId: string, tracing: Tracing): CallGate {
  const lines = new WeakMap<CallLine, TracedLine>();
  /** The same line each time: the gate tells connections apart by it. */
  const traced = (line: CallLine): TracedLine => {
    const known = lines.get(line) ?? new TracedLine(line, tracing, connectorId);
    lines.set(line, known);
    return known;
  };
  return {
    get status(): CallGateStatus {
      return gate.status;
    },
    forward(request: ForwardRequest, sink: ForwardSink, line: CallLine): ForwardHandle {
      const span = tracing.start(spanName(request), {
        kind: 'server',
        parent: contextOfMeta(request.meta),
        attributes: about(connectorId, request),
      });
      const within = { ...request, meta: metaWithContext(request.meta, span.context) };
      const call = new TracedCall(tracing, span, sink);
      return call.send((own) => gate.forward(within, own, traced(line)));
    },
    reached: () => gate.reached(),
    closing: (line) => gate.closing(traced(line)),
  };
}

/** The gates of `gateOf`, each with its spans around it; as there, one for each definition. */
export function createTracedGates(
  gateOf: (definition: ConnectorDefinition) => CallGate,
  tracing: Tracing,
): (definition: ConnectorDefinition) => CallGate {
  const gates = new WeakMap<ConnectorDefinition, CallGate>();
  return (definition) => {
    const known = gates.get(definition);
    if (known !== undefined) return known;
    const gate = createTracedGate(gateOf(definition), definition.id, tracing);
    gates.set(definition, gate);
    return gate;
  };
}
