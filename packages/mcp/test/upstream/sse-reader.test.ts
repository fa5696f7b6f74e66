import { expect, test } from 'vitest';
import { createSseReader } from '../../src/upstream/streamable-http/sse-reader.ts';

function read(
  input: string | Buffer,
  cut: number,
  maxEventChars?: number,
): { messages: string[]; tooLarge: number } {
  const seen = { messages: [] as string[], tooLarge: 0 };
  const reader = createSseReader(
    {
      message: (text) => seen.messages.push(text),
      tooLarge: () => {
        seen.tooLarge += 1;
      },
    },
    maxEventChars,
  );
  const bytes = Buffer.from(input);
  for (let at = 0; at < bytes.length; at += cut) reader.feed(bytes.subarray(at, at + cut));
  return seen;
}

test.for([1, 2, 3, 5, 1_000])('createSseReader() reads events cut every %i bytes', (cut) => {
  const stream =
    ': keep-alive\n\nid: 1\nretry: 10\ndata:\n\nevent: message\r\ndata: {"a":\r\ndata: "é€😀"}\r\n\r\n' +
    'event: endpoint\ndata: /x\n\nodd: 1\ndata:{"b":2}\n\ndata: {"cut"';
  expect(read(stream, cut)).toEqual({ messages: ['{"a":\n"é€😀"}', '{"b":2}'], tooLarge: 0 });
});

test.for([
  ['one long line in one piece', `data: ${'x'.repeat(200)}\n\n`, 10_000],
  ['one long line', `data: ${'x'.repeat(200)}\n\n`, 7],
  ['a line without an end', `data: ${'x'.repeat(200)}`, 7],
  ['many short lines', 'data: xxxx\n'.repeat(50), 7],
  ['many short lines in one piece', 'data: xxxx\n'.repeat(50), 10_000],
] as const)('createSseReader() stops once at %s beyond the cap (S13)', ([, stream, cut]) => {
  expect(read(`${stream}\n\ndata: later\n\n`, cut, 100)).toEqual({ messages: [], tooLarge: 1 });
});

test.for([
  ['one endless comment', ':', 'x'],
  ['line ends', '', '\n'],
  ['carriage returns', '', '\r'],
  ['comments', '', ': keep-alive\n'],
  ['empty data', '', 'data:\n'],
  ['other events', '', 'event: x\ndata: y\n\n'],
] as const)(
  'createSseReader() stops once at %s without a message in between (S13)',
  ([, head, unit]) => {
    const megabyte = unit.repeat(Math.ceil(1_048_576 / unit.length));
    const stream = `${head}${megabyte.repeat(16)}`;
    expect(read(stream, 65_536, 100)).toEqual({ messages: [], tooLarge: 1 });
  },
);

test('createSseReader() counts what stands between messages anew after each (S13, control)', () => {
  const noise = `: ${'x'.repeat(65_536)}\n`.repeat(100);
  const message = 'data: m\n\n';
  const { messages, tooLarge } = read(`${noise}${message}`.repeat(4), 65_536);
  expect([messages.length, tooLarge]).toEqual([4, 0]);
});
