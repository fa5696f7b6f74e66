import { hash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { RegistryApiError } from './api-error.ts';

const minKeyLength = 16;

/** Lets a request pass or throws what it is answered with. */
export type WriteGuard = (request: IncomingMessage) => void;

/**
 * Guards the writing routes by `Authorization: Bearer <key>`. Digests are compared, in constant time, so neither length
 * nor content of the key shows in the time taken. Without a key every write is refused with 501, but for those that
 * somebody in front has recognised (`mayWrite`).
 * @throws RangeError for a key of less than 16 characters.
 */
export function createWriteGuard(
  apiKey: string | undefined,
  mayWrite: (request: IncomingMessage) => boolean = () => false,
): WriteGuard {
  if (apiKey === undefined)
    return (request) => {
      if (mayWrite(request)) return;
      throw new RegistryApiError(
        501,
        'READ_ONLY',
        'Publishing is not supported by this registry: no API key is configured',
      );
    };
  if (apiKey.length < minKeyLength)
    throw new RangeError(`The API key must have at least ${minKeyLength} characters`);
  const expected = hash('sha256', apiKey, 'buffer');
  return (request) => {
    const given = /^Bearer +(\S+) *$/iu.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (mayWrite(request) || timingSafeEqual(hash('sha256', given, 'buffer'), expected)) return;
    throw new RegistryApiError(401, 'UNAUTHORIZED', 'The API key is missing or wrong', {
      'www-authenticate': 'Bearer',
    });
  };
}
