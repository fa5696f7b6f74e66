import { describe, expect, test } from 'vitest';
import { createLineReader } from '../../src/upstream/stdio/line-reader.ts';

interface Recorded {
  readonly lines: string[];
  readonly tooLong: string[];
  push(chunk: Buffer | string): void;
  end(): void;
}

function record(maxLineBytes = 1000): Recorded {
  const lines: string[] = [];
  const tooLong: string[] = [];
  const reader = createLineReader({
    maxLineBytes,
    onLine: (line) => lines.push(line),
    onTooLong: (prefix) => tooLong.push(prefix),
  });
  return {
    lines,
    tooLong,
    push: (chunk) => reader.push(Buffer.from(chunk)),
    end: () => reader.end(),
  };
}

test('createLineReader() gives the same lines however the bytes are cut', () => {
  const text = 'one\r\n\n{"é":"日本"}\nlast';
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    const recorded = record();
    for (let at = 0; at < bytes.length; at += size) recorded.push(bytes.subarray(at, at + size));
    recorded.end();
    expect(recorded.lines).toEqual(['one', '{"é":"日本"}', 'last']);
  }
});

test('a byte order mark before the first line is left out', () => {
  const recorded = record();
  recorded.push('\uFEFF{}\n');
  expect(recorded.lines).toEqual(['{}']);
});

describe('maxLineBytes', () => {
  test('a line of exactly the limit passes', () => {
    const recorded = record(5);
    recorded.push('12345\n');
    recorded.push('123');
    recorded.push('45\n');
    expect(recorded.lines).toEqual(['12345', '12345']);
    expect(recorded.tooLong).toEqual([]);
  });

  test.for([
    ['one chunk', ['123456789\nok\n']] as const,
    ['many', '123456789\nok\n'.split('')] as const,
  ])('a longer line is reported once with its beginning and skipped: %s', ([, chunks]) => {
    const recorded = record(5);
    for (const chunk of chunks) recorded.push(chunk);
    expect(recorded.tooLong).toEqual(['12345']);
    expect(recorded.lines).toEqual(['ok']);
  });

  test('only the first 4096 bytes are shown', () => {
    const recorded = record(10_000);
    recorded.push('a'.repeat(9000));
    recorded.push('b'.repeat(9000));
    expect(recorded.tooLong.map((prefix) => prefix.length)).toEqual([4096]);
  });
});

test('a long line in small chunks costs linear time', () => {
  const recorded = record(64 * 1024 * 1024);
  const chunk = Buffer.alloc(256, 'x');
  const started = performance.now();
  for (let sent = 0; sent < 16 * 1024 * 1024; sent += chunk.length) recorded.push(chunk);
  recorded.push('\n');
  // Copying all that is held for every chunk would move 512 GiB.
  expect(performance.now() - started).toBeLessThan(5000);
  expect(recorded.lines[0]).toHaveLength(16 * 1024 * 1024);
});

const LARGE = `{"é":"${'日'.repeat(30_000)}"}`;

function readLarge(text: string, size: number, wanted: boolean): readonly string[] {
  const heard: string[] = [];
  const reader = createLineReader({
    maxLineBytes: 1_000_000,
    onLine: (line) => heard.push(`text ${line}`),
    onLarge: (pieces) => {
      heard.push(`bytes ${Buffer.concat(pieces).toString()}`);
      return wanted;
    },
    onTooLong: () => heard.push('too long'),
  });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
  return heard;
}

describe('onLarge', () => {
  test.each([7, 1_000, 65_536, 80_000])('a line above 64 KiB in pieces of %i bytes', (size) => {
    const text = `a\n${LARGE}\r\nb\n`;
    expect(readLarge(text, size, true)).toEqual(['text a', `bytes ${LARGE}\r`, 'text b']);
    expect(readLarge(text, size, false)).toEqual([
      'text a',
      `bytes ${LARGE}\r`,
      `text ${LARGE}`,
      'text b',
    ]);
  });

  test('what comes in one piece, or is no larger than 64 KiB, is text', () => {
    expect(readLarge(`${LARGE}\n`, 100_000, true)).toEqual([`text ${LARGE}`]);
    const small = 'x'.repeat(65_536);
    expect(readLarge(`${small}\n`, 1_000, true)).toEqual([`text ${small}`]);
  });
});
