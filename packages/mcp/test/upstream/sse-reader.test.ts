import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';
import * as fc from 'fast-check';
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

/** All that a reader tells, in order. */
function told(bytes: Buffer, cuts: readonly number[]): readonly unknown[] {
  const seen: unknown[] = [];
  const reader = createSseReader({
    message: (text) => seen.push(['message', text]),
    tooLarge: () => seen.push(['tooLarge']),
    id: (id) => seen.push(['id', id]),
    retry: (ms) => seen.push(['retry', ms]),
  });
  let at = 0;
  for (const cut of cuts) {
    reader.feed(bytes.subarray(at, at + cut));
    at += cut;
  }
  reader.feed(bytes.subarray(at));
  return seen;
}

/** The same by another parser, which is given the whole. */
function toldByAnother(bytes: Buffer): readonly unknown[] {
  const seen: unknown[] = [];
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (data !== '' && (event === undefined || event === 'message')) seen.push(['message', data]);
    },
    onId: (id) => seen.push(['id', id]),
    onRetry: (ms) => seen.push(['retry', ms]),
  });
  parser.feed(new StringDecoder('utf8').write(bytes));
  return seen;
}

const PARTS = [
  '\n',
  '\r',
  '\r\n',
  '\n\n',
  '\r\n\r\n',
  ':',
  ' ',
  '\0',
  '\uFEFF',
  'é€😀',
  '{"a":1}',
  '7',
  'x',
  'data:',
  'data: ',
  'data:  ',
  'data',
  'event:',
  'event: message\n',
  'event: ping\n',
  'event\n',
  'id:',
  'id: 1-2\n',
  'id\n',
  'retry:',
  'retry: 10\n',
  'retry: x\n',
  'retry',
  ': note\n',
  'Data: 1\n',
  'datax: 1\n',
  'odd: 1\n',
  'odd',
  `data: ${'x'.repeat(30)}\n`,
  `${'y'.repeat(30)}\n`,
];

test('createSseReader() tells what another parser does, whatever the stream and its cuts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...PARTS), { maxLength: 24 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 60 }),
      (parts, cuts) => {
        const bytes = Buffer.from(parts.join(''));
        expect(told(bytes, cuts)).toEqual(toldByAnother(bytes));
      },
    ),
    { numRuns: 30_000 },
  );
});

test('createSseReader() takes a byte order mark away at the beginning alone, however the first line is cut', () => {
  const other = Buffer.from(': note\n\uFEFFretry: 10\n\n');
  const first = Buffer.from('\uFEFFretry: 10\n\n');
  for (const cuts of [[], [1], [2], [3], [1, 1, 1]]) {
    expect(told(other, cuts)).toEqual([]);
    expect(told(first, cuts)).toEqual([['retry', 10]]);
  }
});

/** Above what is passed on as bytes. */
const BIG = JSON.stringify({ id: 7, result: { text: 'é€😀'.repeat(10_000) } });

/** What comes as bytes, and what as text. */
function readLarge(
  stream: string,
  cut: number,
  takes: boolean,
): { large: string[]; pieces: number; messages: string[] } {
  const seen = { large: [] as string[], pieces: 0, messages: [] as string[] };
  const reader = createSseReader(
    {
      message: (text) => seen.messages.push(text),
      large: (pieces) => {
        seen.large.push(Buffer.concat(pieces).toString('utf8'));
        seen.pieces += pieces.length;
        return takes;
      },
      tooLarge: () => seen.messages.push('too large'),
    },
    10_485_760,
  );
  const bytes = Buffer.from(stream);
  for (let at = 0; at < bytes.length; at += cut) reader.feed(bytes.subarray(at, at + cut));
  return seen;
}

test.for([1, 7, 1_000, 65_536, 1_000_000])(
  'createSseReader() gives a large event as bytes, cut every %i bytes',
  (cut) => {
    const [first = '', ...rest] = BIG.split('"text":');
    const twoLines = `data: ${first}"text":\r\ndata:${rest.join('')}\r\n`;
    const stream =
      `\uFEFFevent: message\ndata: ${BIG}\n\ndata: {"id":1}\n\nid: 5\ndata:${BIG}\r\r` +
      `event: other\ndata: ${BIG}\n\n${twoLines}\ndata: ${BIG}`;
    const { large, messages } = readLarge(stream, cut, true);
    expect(messages).toEqual(['{"id":1}']);
    expect(large.map((text) => text === BIG)).toEqual([true, true, false]);
    expect(JSON.parse(large[2] ?? '')).toEqual(JSON.parse(BIG));
    expect(large[2]?.split('\n')).toHaveLength(2);
  },
);

test('createSseReader() gives a large event as text to who does not take it as bytes', () => {
  const { messages } = readLarge(`data: ${BIG}\n\n`, 65_536, false);
  expect(messages).toEqual([BIG]);
  expect(read(`data: ${BIG}\n\n`, 65_536)).toEqual({ messages: [BIG], tooLarge: 0 });
});

test('createSseReader() holds a large event sent byte by byte in few pieces (S13)', () => {
  expect(readLarge(`data: ${BIG}\n\n`, 1, true).pieces).toBeLessThan(50);
});
