import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createLineWriter } from '../../src/upstream/stdio/framing.ts';

interface Pipe {
  readonly stream: Writable;
  /** One entry per write that reached the system. */
  readonly writes: string[];
  /** Lets the pipe take the write it holds. */
  readonly release: () => void;
}

function pipe(options: { readonly blocked: boolean } = { blocked: false }): Pipe {
  const writes: string[] = [];
  const held: Array<() => void> = [];
  const stream = new Writable({
    highWaterMark: 16,
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(''));
      if (options.blocked) held.push(done);
      else done();
    },
  });
  return { stream, writes, release: () => held.shift()?.() };
}

test('write() sends all messages of a tick at once, each on its line', async () => {
  const { stream, writes } = pipe();
  const writer = createLineWriter(stream, 1000);
  writer.write('{"a":1}');
  writer.write('{"b":\n2}');
  expect(writes).toEqual([]);
  await turn();
  expect(writes).toEqual(['{"a":1}\n{"b": 2}\n']);
});

test('write() takes UTF-8 as it is, and copies it where it has line breaks', async () => {
  const { stream, writes } = pipe();
  const writer = createLineWriter(stream, 1000);
  const pretty = Buffer.from('{"ü":\r\n"日"}');
  writer.write(Buffer.from('{"é":1}'));
  writer.write(pretty);
  writer.write('{"c":3}');
  await turn();
  expect(writes.join('')).toBe('{"é":1}\n{"ü":  "日"}\n{"c":3}\n');
  expect(pretty.toString()).toBe('{"ü":\r\n"日"}');
});

test('while the pipe is full messages wait and can be taken back', async () => {
  const { stream, writes, release } = pipe({ blocked: true });
  const writer = createLineWriter(stream, 1000);
  const first = writer.write('x'.repeat(20));
  const second = writer.write('second');
  const third = writer.write('third');
  await turn();
  expect([first?.sent, second?.sent, third?.sent]).toEqual([true, false, false]);
  expect(first && writer.drop(first)).toBe(false);
  expect(second && writer.drop(second)).toBe(true);
  expect(second && writer.drop(second)).toBe(false);
  release();
  await turn();
  expect(writes).toEqual([`${'x'.repeat(20)}\n`, 'third\n']);
});

test('write() refuses when the queue is full, but takes one message of any size', async () => {
  const { stream } = pipe({ blocked: true });
  const writer = createLineWriter(stream, 50);
  expect(writer.write('x'.repeat(100))).toBeDefined();
  expect(writer.write('x')).toBeUndefined();
  await turn();
  expect(writer.write(Buffer.from('é'.repeat(20)))).toBeDefined();
  expect(writer.write(Buffer.from('é'.repeat(20)))).toBeUndefined();
  expect(writer.write('y'.repeat(40))).toBeUndefined();
});
