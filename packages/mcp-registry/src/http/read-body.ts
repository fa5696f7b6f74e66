import type { IncomingMessage } from 'node:http';
import { recordLimits } from '../server-record.ts';
import { RegistryApiError } from './api-error.ts';
import { parseStrictJson } from './strict-json.ts';

const tooLarge = (): RegistryApiError =>
  new RegistryApiError(
    413,
    'BODY_TOO_LARGE',
    `The body must be at most ${recordLimits.maxBytes} bytes`,
    { connection: 'close' },
  );

function assertJsonBody(request: IncomingMessage): void {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  const media = type.split(';')[0]?.trim().toLowerCase() ?? '';
  if (encoding !== 'identity' || !/^application\/(?:[\w.-]+\+)?json$/u.test(media))
    throw new RegistryApiError(
      415,
      'BAD_MEDIA_TYPE',
      'The body must be application/json without content encoding',
    );
  if (Number(request.headers['content-length'] ?? 0) > recordLimits.maxBytes) throw tooLarge();
}

/**
 * Reads a JSON body of at most `recordLimits.maxBytes`.
 * @throws RegistryApiError 400 not strict JSON in UTF-8, 413 too large, 415 not JSON; the request's own error when it ends
 * early.
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  assertJsonBody(request);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop early must not destroy the socket the answer goes out on.
  const parts: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const part of parts) {
    bytes += part.length;
    if (bytes > recordLimits.maxBytes) throw tooLarge();
    chunks.push(part);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw Object.assign(new RegistryApiError(400, 'BAD_JSON', 'The body is not UTF-8'), { cause });
  }
  return parseStrictJson(text);
}
