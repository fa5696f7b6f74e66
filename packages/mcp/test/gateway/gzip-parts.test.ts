import { crc32, gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { cpuMs, waitUntil } from '@cortex-os/testkit';
import {
  crcShift,
  gzipParts,
  joinedCrc,
  MIN_GZIP_BYTES,
  takesGzip,
} from '../../src/gateway/reply/gzip-parts.ts';

const text = (length: number, seed: string): Buffer =>
  Buffer.from(seed.repeat(Math.ceil(length / seed.length)).slice(0, length));

test.each([0, 1, 2, 3, 255, 256, 65_535, 65_536, 1_048_577])(
  'joinedCrc() of a text and one of %d bytes is the checksum of both',
  (length) => {
    const [before, after] = [text(77, 'before '), text(length, 'what follows ')];
    const whole = crc32(Buffer.concat([before, after]));
    expect(joinedCrc(crc32(before), crcShift(length), crc32(after))).toBe(whole);
  },
);

async function compressed(head: Buffer, body: Buffer): Promise<Buffer> {
  await waitUntil(() => gzipParts(head, body) !== undefined, {
    describe: 'the list is compressed',
  });
  return Buffer.concat([...(gzipParts(head, body) ?? [])]);
}

test('gzipParts() is one gzip member with the very bytes, whatever stands before the list', async () => {
  const body = text(400_000, '{"name":"tool_é","description":"says 漢字"},');
  for (const head of ['', '{"id":1,"result":{', 'x'.repeat(65_535)]) {
    const first = Buffer.from(head);
    const stream = await compressed(first, body);
    expect(gunzipSync(stream).equals(Buffer.concat([first, body]))).toBe(true);
    expect(stream.length).toBeLessThan(80_000);
    // Readers that stop after the first member, as some do, get everything.
    const firstMember = new DecompressionStream('gzip');
    const source = new Blob([new Uint8Array(stream)]).stream();
    const bytes = await new Response(source.pipeThrough(firstMember)).bytes();
    expect(bytes).toHaveLength(first.length + body.length);
  }
});

test('gzipParts() gives the first two clients the list as it is, and short or dense lists always', async () => {
  const head = Buffer.from('{');
  const small = text(MIN_GZIP_BYTES - 1, 'a');
  expect(gzipParts(head, small)).toBeUndefined();
  const list = text(5_000, 'list');
  expect(gzipParts(head, list)).toBeUndefined();
  expect(gzipParts(head, list)).toBeUndefined();
  const dense = crypto.getRandomValues(Buffer.alloc(5_000));
  expect(gzipParts(head, dense)).toBeUndefined();
  await compressed(head, list);
  expect(gzipParts(head, dense)).toBeUndefined();
  expect(gzipParts(Buffer.alloc(65_536), list)).toBeUndefined();
});

test.each([
  ['gzip', true],
  ['gzip, deflate, br', true],
  ['br, gzip;q=0.5', true],
  ['deflate,x-gzip', true],
  ['GZIP ; q=1', true],
  ['gzip;q=1.0, deflate;q=0.6, identity;q=0.3', true],
  ['gzip;q=0.50', true],
  ['gzip;q=0', false],
  ['gzip;q=0.0', false],
  ['gzip;q=0.000, br', false],
  ['br', false],
  ['identity', false],
  [undefined, false],
])('takesGzip(%s) is %s', (header, expected) => {
  expect(takesGzip(header)).toBe(expected);
});

test('takesGzip() holds nobody up, whatever a client says it takes (S13)', async () => {
  const hostile = [`gzip${' '.repeat(15_000)}x`, `gzip;q=.${'1'.repeat(15_000)}x`];
  let taken: readonly boolean[] = [];
  const tookMs = await cpuMs(() => (taken = hostile.map((header) => takesGzip(header))));
  expect(taken).toEqual([false, false]);
  // The first one took some 300 ms.
  expect(tookMs).toBeLessThan(50);
});
