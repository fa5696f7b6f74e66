import type { IncomingMessage } from 'node:http';

/** Why a body was not read; `status` is what HTTP calls it. */
export class BodyError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'BodyError';
    this.status = status;
  }
}

/** Largest request body: 4 MiB (contract.md, sizes). */
export const MAX_BODY_BYTES: number = 4 * 1024 * 1024;

const fatalUtf8 = new TextDecoder('utf-8', { fatal: true });

function decode(chunks: readonly Buffer[], length: number): string {
  const body = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length);
  try {
    return fatalUtf8.decode(body);
  } catch (cause) {
    throw Object.assign(new BodyError(400, 'the body is not valid UTF-8'), { cause });
  }
}

/**
 * Reads a JSON request body as text.
 * @throws BodyError 415 for another content type or an encoding, 413 over `maxBytes`, 400 for broken UTF-8 or a
 * client that hangs up.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<string> {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new BodyError(415, 'content-type must be application/json');
  }
  if (encoding !== 'identity') {
    throw new BodyError(415, `content-encoding ${encoding} is not accepted`);
  }
  const tooLarge = `the body is larger than ${maxBytes} bytes`;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    throw new BodyError(413, tooLarge);
  }
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= maxBytes) chunks.push(chunk);
    else reject(new BodyError(413, tooLarge));
  });
  request.on('end', () => {
    try {
      resolve(decode(chunks, length));
    } catch (error) {
      reject(error);
    }
  });
  request.on('error', (error) => reject(Object.assign(new BodyError(400, error.message))));
  request.on('close', () => reject(new BodyError(400, 'the client closed the connection')));
  return await promise;
}
