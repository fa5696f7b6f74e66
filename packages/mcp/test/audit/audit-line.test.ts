import { expect, test } from 'vitest';
import {
  createCallLines,
  eventLine,
  lineText,
  type CallRecord,
} from '../../src/audit/audit-line.ts';

const RECORD: CallRecord = {
  atMs: Date.UTC(2026, 10, 21),
  principal: 'key:k1',
  key: 'k1',
  connector: 'github',
  method: 'tools/call',
  name: 'github__search',
  definition: 'abc',
  digest: 'def',
  outcome: 'ok',
  code: undefined,
  ms: 1.23456,
  trace: undefined,
  client: undefined,
  retry: false,
};

const callLine = createCallLines();

test('createCallLines() writes one JSON object with what is known and nothing else', () => {
  expect(callLine(RECORD)).toBe(
    '{"ts":"2026-11-21T00:00:00.000Z","principal":"key:k1","key":"k1","connector":"github","method":"tools/call","name":"github__search","definition":"abc","args":"def","outcome":"ok","ms":1.235}',
  );
  const other = { ...RECORD, key: undefined, connector: undefined, name: undefined };
  const more = { definition: undefined, digest: undefined, trace: 't', client: 'c/1', retry: true };
  expect(JSON.parse(callLine({ ...other, ...more, outcome: 'refused', code: -32602 }))).toEqual({
    ts: '2026-11-21T00:00:00.000Z',
    principal: 'key:k1',
    method: 'tools/call',
    outcome: 'refused',
    code: -32602,
    ms: 1.235,
    trace: 't',
    client: 'c/1',
    retry: true,
  });
});

const HOSTILE = [
  '\r\n{"outcome":"ok"}',
  '\u0000\u001b[31m\u0007',
  '\u009b31m\u0085',
  '\u2028\u2029\u202e\u2066\ufeff',
  '\ud800 \udc00',
  '"\\"',
  '😀\u{e0041}',
];

test.each(HOSTILE)(
  'lineText() keeps %j on one line of printable ASCII and gives it back (S16)',
  (text) => {
    const line = lineText(text);
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(line)).toBe(text);
    expect(JSON.parse(callLine({ ...RECORD, name: text, client: text, code: text }))).toMatchObject(
      {
        name: text,
        client: text,
        code: text,
      },
    );
  },
);

test('lineText() bounds what it writes', () => {
  expect(lineText('x'.repeat(1_000_000)).length).toBeLessThan(300);
  expect(JSON.parse(lineText('x'.repeat(300)))).toBe(`${'x'.repeat(256)}…`);
});

test('eventLine() writes what happened beside calls', () => {
  expect(
    JSON.parse(eventLine({ atMs: 0, event: 'odd-text', connector: 'a', detail: 'b' })),
  ).toEqual({
    ts: '1970-01-01T00:00:00.000Z',
    event: 'odd-text',
    connector: 'a',
    detail: 'b',
  });
  expect(JSON.parse(eventLine({ atMs: 0, event: 'e', name: 'n' }))).toMatchObject({ name: 'n' });
});
