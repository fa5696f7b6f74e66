import { expect, test } from 'vitest';
import {
  contextOfMeta,
  headersOfContext,
  metaWithContext,
  parseTraceparent,
  usableContext,
} from '../../src/observability/trace-context.ts';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
const span = '00f067aa0ba902b7';
const valid = `00-${trace}-${span}-01`;

test('parseTraceparent() reads what W3C Trace Context allows', () => {
  expect(parseTraceparent(valid)).toEqual({ traceId: trace, spanId: span, flags: 1 });
  // A later version may have more to say (3.2.4).
  expect(parseTraceparent(`cc-${trace}-${span}-00-what-else`)?.flags).toBe(0);
});

test.each([
  '',
  'x',
  valid.toUpperCase(),
  `${valid}-more`,
  `00-${'0'.repeat(32)}-${span}-01`,
  `00-${trace}-${'0'.repeat(16)}-01`,
  `ff-${trace}-${span}-01`,
  `00-${trace}-${span}-1`,
])('parseTraceparent(%j) is none', (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test.each([
  [undefined, undefined],
  ['', undefined],
  ['a=1', 'a=1'],
  ['x'.repeat(513), undefined],
  ['a=\u0000', undefined],
  [['a=1', 'b=2'], undefined],
])('usableContext() makes %j the state %j', (given, state) => {
  expect(usableContext(valid, given)).toEqual({ traceparent: valid, tracestate: state });
});

test('contextOfMeta() takes no state without a parent, and nothing that is no text', () => {
  expect(contextOfMeta([{ key: 'tracestate', text: '"a=1"' }])).toBeUndefined();
  expect(contextOfMeta([{ key: 'traceparent', text: '7' }])).toBeUndefined();
});

test('metaWithContext() replaces both and leaves the rest', () => {
  const meta = [
    { key: 'traceparent', text: '"old"' },
    { key: 'progressToken', text: '1' },
    { key: 'tracestate', text: '"old=1"' },
  ];
  expect(metaWithContext(meta, { traceparent: valid, tracestate: undefined })).toEqual([
    { key: 'progressToken', text: '1' },
    { key: 'traceparent', text: JSON.stringify(valid) },
  ]);
  expect(headersOfContext({ traceparent: valid, tracestate: 'a=1' })).toEqual([
    'traceparent',
    valid,
    'tracestate',
    'a=1',
  ]);
});
