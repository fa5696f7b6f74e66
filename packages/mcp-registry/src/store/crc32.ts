import type * as NodeZlib from 'node:zlib';

/** Bytes that are summed up here before zlib is loaded, which takes a tenth of a start with a small registry. */
const OWN_BYTES = 262_144;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  }
  return value;
});

function sumOf(bytes: Uint8Array, start: number): number {
  let sum = ~start;
  for (const byte of bytes) sum = (TABLE[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
  return ~sum >>> 0;
}

/** As zlib's: the CRC-32 of text or bytes that follow what `start` is the sum of. */
export type Crc32 = (data: string | Uint8Array, start?: number) => number;

/** @param ownBytes how much is summed up without zlib. Default 256 KiB. */
export function createCrc32(ownBytes: number = OWN_BYTES): Crc32 {
  let left = ownBytes;
  let zlib: typeof NodeZlib | undefined;
  return (data, start = 0) => {
    const size = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength;
    if (size <= left) {
      left -= size;
      return sumOf(typeof data === 'string' ? Buffer.from(data) : data, start);
    }
    zlib ??= process.getBuiltinModule('node:zlib');
    return zlib.crc32(data, start);
  };
}

/** Of everything that this process reads and writes. */
export const crc32: Crc32 = createCrc32();
