import { createConnectorGates } from '../../src/guards/connector-gate.ts';
import type { ConnectorDefinition } from '../../src/connectors/connector.ts';
import {
  UpstreamError,
  type UpstreamErrorCode,
  type UpstreamErrorDetails,
} from '../../src/upstream/upstream-error.ts';
import {
  OWN_CALLER,
  type CallGate,
  type CallLine,
  type ForwardHandle,
  type ForwardRequest,
  type ForwardSink,
} from '../../src/upstream/upstream.ts';
import { definitionFor } from '../upstream/http-fixture.ts';

export const REQUEST: ForwardRequest = {
  id: 7,
  method: 'tools/call',
  members: [],
  meta: [],
  name: 'echo',
  paramHeaders: {},
  clientEra: 'modern',
  caller: OWN_CALLER,
};
export const READ_ONLY: ForwardRequest = {
  ...REQUEST,
  definition: { text: '{"name":"echo","annotations":{"readOnlyHint":true}}' },
};

export function failure(
  code: UpstreamErrorCode,
  details: Partial<UpstreamErrorDetails> = {},
): UpstreamError {
  return new UpstreamError(code, 'why', { connectorId: 'c', phase: 'ready', ...details });
}
export const refused = (): UpstreamError =>
  failure('CONNECT_FAILED', { phase: 'connect', unsent: true });

/** A connection whose calls end when the test says so. */
export interface ScriptedLine extends CallLine {
  readonly sent: ForwardRequest[];
  readonly sinks: ForwardSink[];
  readonly log: string[];
  over: number;
  /** What the next calls fail with, at once. */
  failing: (() => UpstreamError) | undefined;
}

export function scriptedLine(): ScriptedLine {
  const line: ScriptedLine = {
    sent: [],
    sinks: [],
    log: [],
    over: 0,
    failing: undefined,
    send(request, sink) {
      line.sent.push(request);
      line.sinks.push(sink);
      if (line.failing !== undefined) sink.fail(line.failing());
      const note = (what: string) => void line.log.push(`${String(request.id)} ${what}`);
      return {
        cancel: (reason) => note(reason),
        pause: () => note('pause'),
        resume: () => note('resume'),
      };
    },
    ended: () => void (line.over += 1),
  };
  return line;
}

export interface Heard {
  readonly said: string[];
  readonly errors: UpstreamError[];
  readonly handle: ForwardHandle;
  readonly questions: Parameters<ForwardSink['request']>[0][];
}

/** A call through a gate, and what its client's end hears. */
export function callThrough(
  gate: CallGate,
  line: CallLine,
  request: ForwardRequest = REQUEST,
): Heard {
  const said: string[] = [];
  const errors: UpstreamError[] = [];
  const questions: Heard['questions'] = [];
  const sink: ForwardSink = {
    notification: () => void said.push('notification'),
    request: (question) => {
      said.push('request');
      questions.push(question);
    },
    suspended: (ms) => void said.push(`suspended ${ms}`),
    result: (raw) => void said.push(`result ${raw.toString()}`),
    error: (text) => void said.push(`error ${text}`),
    whole: (body) => void said.push(`whole ${body.toString()}`),
    open: () => void said.push('open'),
    chunk: () => said.push('chunk') > 0,
    end: () => void said.push('end'),
    fail: (error) => {
      errors.push(error);
      said.push(error.code);
    },
  };
  return { said, errors, questions, handle: gate.forward(request, sink, line) };
}

/** The gate of one connector, and what it tells. */
export function gateOf(
  more: Partial<ConnectorDefinition> = {},
  random: () => number = () => 0.5,
): { readonly gate: CallGate; readonly told: string[] } {
  const told: string[] = [];
  const gates = createConnectorGates({
    random,
    events: {
      refused: (id, reason) => told.push(`${id} refused ${reason}`),
      retried: (id) => told.push(`${id} retried`),
      opened: (id, openMs, lists) => told.push(`${id} opened ${openMs} ${lists}`),
      closed: (id) => told.push(`${id} closed`),
    },
  });
  const definition = definitionFor('http://127.0.0.1:1', { id: 'c', ...more });
  return { gate: gates(definition), told };
}
