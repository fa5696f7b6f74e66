import { expect, test, vi } from 'vitest';
import { createTracedGates } from '../../src/guards/traced-gate.ts';
import type { CallGate } from '../../src/upstream/upstream.ts';
import { useFakeTime } from '../connectors/fake-time.ts';
import { notedTracing } from '../observability/noted-tracing.ts';
import { definitionFor } from '../upstream/http-fixture.ts';
import {
  callThrough,
  failure,
  gateOf,
  READ_ONLY,
  REQUEST,
  refused,
  scriptedLine,
} from './gate-fixture.ts';

useFakeTime();

const definition = definitionFor('http://127.0.0.1:1', { id: 'c' });

function tracedGate(gate: CallGate = gateOf().gate) {
  const { tracing, spans } = notedTracing();
  const gates = createTracedGates(() => gate, tracing);
  expect(gates(definition)).toBe(gates(definition));
  return { gate: gates(definition), spans, line: scriptedLine() };
}

test('a traced gate passes everything on, both ways', () => {
  const { gate, spans, line } = tracedGate();
  const { said, handle } = callThrough(gate, line);
  const [sink] = line.sinks;
  sink?.notification('{}');
  sink?.request({ method: 'm', paramsText: undefined, respond() {}, onCancelled() {} });
  sink?.suspended?.(5);
  sink?.open();
  handle.pause();
  handle.resume();
  expect(sink?.chunk(Buffer.from('x'))).toBe(true);
  expect(spans.map(({ ended }) => ended)).toEqual([undefined, undefined]);
  sink?.end();
  expect(said).toEqual(['notification', 'request', 'suspended 5', 'open', 'chunk', 'end']);
  expect(line.log).toEqual(['7 pause', '7 resume']);
  expect(line.over).toBe(1);
  expect(spans.map(({ ended, kind }) => [kind, ended])).toEqual([
    ['server', 'ok'],
    ['client', 'ok'],
  ]);
  expect(gate.status).toMatchObject({ inFlight: 0 });
});

test('each try is a span within that of the call, and each tells the server its own id', () => {
  const { gate, spans, line } = tracedGate();
  line.failing = refused;
  callThrough(gate, line, READ_ONLY);
  line.failing = undefined;
  vi.advanceTimersByTime(10_000);
  line.sinks[1]?.result('{}', 'modern');
  expect(spans.map(({ kind, ended, parent }) => [kind, ended, parent])).toEqual([
    ['server', 'ok', undefined],
    ['client', 'CONNECT_FAILED', spans[0]?.id],
    ['client', 'ok', spans[0]?.id],
  ]);
  const told = line.sent.map(({ meta }) => meta.find(({ key }) => key === 'traceparent')?.text);
  expect(told.map((text) => text?.split('-')[2])).toEqual([spans[1]?.id, spans[2]?.id]);
});

test.each([
  ['{"jsonrpc":"2.0","id":7,"result":{"text":"\\"error\\""}}', 'ok'],
  ['{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"m"}}', '-32602'],
  [`{"jsonrpc":"2.0","id":7,"result":{"text":"${'x'.repeat(70_000)}"}}`, 'ok'],
  ['{"error":', 'BAD_RESPONSE'],
])('an answer that is passed on whole is looked into for an error: %.40s… is %s', (text, ended) => {
  const { gate, spans, line } = tracedGate();
  const { said } = callThrough(gate, line);
  line.sinks[0]?.whole(Buffer.from(text));
  expect(said).toEqual([`whole ${text}`]);
  expect(spans.map((span) => span.ended)).toEqual([ended, ended]);
});

/** How the spans of a call end that is ended so. */
function ends(end: (line: ReturnType<typeof scriptedLine>) => void) {
  const { gate, spans, line } = tracedGate();
  callThrough(gate, line);
  end(line);
  return spans.map(({ ended }) => ended);
}

test('results, errors and failures end both spans as they end the call', () => {
  expect(ends(({ sinks }) => sinks[0]?.result('{}', 'modern'))).toEqual(['ok', 'ok']);
  expect(ends(({ sinks }) => sinks[0]?.error('{"code":5}', 'modern'))).toEqual(['5', '5']);
  expect(ends(({ sinks }) => sinks[0]?.fail(failure('TIMEOUT')))).toEqual(['TIMEOUT', 'TIMEOUT']);
});

test('a call that its client gives up is cancelled; one that is refused was never sent', () => {
  const { gate, spans, line } = tracedGate(
    gateOf({ bulkhead: { maxInFlight: 1, maxQueued: 0 } }).gate,
  );
  const first = callThrough(gate, line);
  const second = callThrough(gate, line);
  expect(second.said).toEqual(['BULKHEAD_FULL']);
  first.handle.cancel('gone');
  expect(line.log).toEqual(['7 gone']);
  expect(spans.map(({ kind, ended }) => [kind, ended])).toEqual([
    ['server', 'cancelled'],
    ['client', 'cancelled'],
    ['server', 'BULKHEAD_FULL'],
  ]);
});

test('what waits for a connection that is closed fails, as without tracing', () => {
  const { gate, spans, line } = tracedGate(gateOf({ bulkhead: { maxInFlight: 1 } }).gate);
  callThrough(gate, line);
  const waiting = callThrough(gate, line);
  const elsewhere = callThrough(gate, scriptedLine());
  gate.closing(line);
  expect([waiting.said, elsewhere.said]).toEqual([['CLOSED'], []]);
  expect(spans.map(({ ended }) => ended)).toContain('CLOSED');
  elsewhere.handle.cancel('the test is over');
  line.sinks[0]?.result('{}', 'modern');
  gate.reached();
});

test.each([
  ['tools/call', 'echo', 'tools/call echo', { 'gen_ai.tool.name': 'echo' }],
  ['prompts/get', 'greet', 'prompts/get greet', { 'gen_ai.prompt.name': 'greet' }],
  ['resources/read', 'file:///secret', 'resources/read', {}],
  ['completion/complete', undefined, 'completion/complete', {}],
])('a span of %s of %s is called %s', (method, name, spanName, more) => {
  const { gate, spans, line } = tracedGate();
  callThrough(gate, line, { ...REQUEST, method, name });
  expect(spans.map((span) => span.name)).toEqual([spanName, spanName]);
  expect(spans[0]?.attributes).toEqual({
    'mcp.method.name': method,
    'cortex.connector': 'c',
    ...more,
  });
  expect(spans[1]?.parent).toBe(spans[0]?.id);
  expect(line.sent[0]?.traceHeaders?.[1]).toContain(spans[1]?.id);
  line.sinks[0]?.result('{}', 'modern');
});
