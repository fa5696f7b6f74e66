import { expect, test } from 'vitest';
import { createSseReader, type SseEvent } from '../../src/live/sse-reader.ts';

function read(...pieces: readonly string[]): readonly SseEvent[] {
  const reader = createSseReader();
  return pieces.flatMap((one) => reader.push(one));
}

const STREAM =
  ': hello\nretry: 1000\nevent: overview\nid: 7\ndata: {"a":1}\ndata: {"b":2}\n\ndata:plain\n\n';
const EVENTS = [
  { name: 'overview', data: '{"a":1}\n{"b":2}' },
  { name: 'message', data: 'plain' },
];

test('push() reads events with names, several lines of data, comments and fields that do not matter', () => {
  expect(read(STREAM)).toEqual(EVENTS);
});

test.each(['\n', '\r\n', '\r'])('push() reads lines that end with %j, cut anywhere', (end) => {
  const text = STREAM.replaceAll('\n', end);
  for (let cut = 0; cut <= text.length; cut += 1) {
    expect(read(text.slice(0, cut), text.slice(cut))).toEqual(EVENTS);
  }
  expect(read(...Array.from(text))).toEqual(EVENTS);
});

test('push() makes no event of no data, nor of data that has not ended', () => {
  expect(read('event: beat\n\n', 'data: later')).toEqual([]);
  expect(read('data\n\n')).toEqual([{ name: 'message', data: '' }]);
});

test('push() refuses an event that is too long, in one line or in many', () => {
  expect(() => createSseReader(10).push('data: 0123456789')).toThrow(RangeError);
  const reader = createSseReader(10);
  reader.push('data: 01234\n');
  expect(() => reader.push('data: 0123456\n')).toThrow(/longer than 10/);
});
