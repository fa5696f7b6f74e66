import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { WholeRequest, type BodyTaker } from './whole-request.ts';

/** Why a body was not read; `status` is what HTTP calls it. */
export class BodyError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'BodyError';
    this.status = status;
  }
}

/** Hears once how the reading of a body went; never, when the client hangs up before its end. */
export interface BodyReceiver {
  /** @param body valid UTF-8, without a byte order mark. */
  taken(body: Buffer): void;
  /** 415 for another content type or an encoding, 413 over the limit, 400 for broken UTF-8. */
  failed(error: BodyError): void;
}

/** Largest request body: 4 MiB (contract.md, sizes). */
export const MAX_BODY_BYTES: number = 4 * 1024 * 1024;

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

function tooLarge(maxBytes: number): BodyError {
  return new BodyError(413, `the body is larger than ${maxBytes} bytes`);
}

/** What the headers alone say against a body. */
function refusal({ headers }: IncomingMessage, maxBytes: number): BodyError | undefined {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = headers;
  if (type !== 'application/json' && !/^application\/json\s*(;|$)/i.test(type)) {
    return new BodyError(415, 'content-type must be application/json');
  }
  if (encoding !== 'identity') {
    return new BodyError(415, `content-encoding ${encoding} is not accepted`);
  }
  const length = headers['content-length'];
  return length !== undefined && Number(length) > maxBytes ? tooLarge(maxBytes) : undefined;
}

/** Puts the pieces of a body together, up to a limit. */
class BodyPieces implements BodyTaker {
  readonly #receiver: BodyReceiver;
  readonly #maxBytes: number;
  // Nearly every body comes in one piece.
  #first: Buffer | undefined;
  #chunks: Buffer[] | undefined;
  #length = 0;

  constructor(receiver: BodyReceiver, maxBytes: number) {
    this.#receiver = receiver;
    this.#maxBytes = maxBytes;
  }

  chunk(bytes: Buffer): void {
    if (this.#length > this.#maxBytes) return;
    this.#length += bytes.length;
    if (this.#length > this.#maxBytes) {
      this.#chunks = undefined;
      this.#receiver.failed(tooLarge(this.#maxBytes));
    } else if (this.#first === undefined) {
      this.#first = bytes;
    } else {
      this.#chunks ??= [this.#first];
      this.#chunks.push(bytes);
    }
  }

  end(): void {
    if (this.#length > this.#maxBytes) return;
    const body =
      this.#chunks === undefined
        ? (this.#first ?? Buffer.alloc(0))
        : Buffer.concat(this.#chunks, this.#length);
    if (!isUtf8(body)) {
      this.#receiver.failed(new BodyError(400, 'the body is not valid UTF-8'));
      return;
    }
    const marked = body[0] === BYTE_ORDER_MARK[0] && body.indexOf(BYTE_ORDER_MARK) === 0;
    this.#receiver.taken(marked ? body.subarray(BYTE_ORDER_MARK.length) : body);
  }
}

/** Reads a JSON request body. */
export function collectBody(
  request: IncomingMessage,
  receiver: BodyReceiver,
  maxBytes: number = MAX_BODY_BYTES,
): void {
  const refused = refusal(request, maxBytes);
  if (refused !== undefined) {
    receiver.failed(refused);
    return;
  }
  const pieces = new BodyPieces(receiver, maxBytes);
  if (request instanceof WholeRequest && request.give(pieces)) return;
  request.on('data', (chunk: Buffer) => pieces.chunk(chunk));
  request.on('end', () => pieces.end());
}

/**
 * As `collectBody`, as text.
 * @throws BodyError as it says there, and 400 for a client that hangs up.
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const taken = (body: Buffer): void => resolve(body.toString('utf8'));
  collectBody(request, { taken, failed: reject }, maxBytes);
  request.once('close', () => {
    if (!request.complete) reject(new BodyError(400, 'the client closed the connection'));
  });
  return await promise;
}
