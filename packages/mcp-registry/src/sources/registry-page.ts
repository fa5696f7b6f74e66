import { request, type Dispatcher } from 'undici';
import { isJsonObject } from '../json-object.ts';
import { reasonOf, SourceError } from './source-error.ts';

/** The largest answer to one request. */
export const maxPageBytes: number = 10 * 1024 * 1024;

/** How pages are asked for. */
export interface PageOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly dispatcher: Dispatcher | undefined;
}

/** One page of an official-API registry. */
export interface RegistryPage {
  readonly items: readonly unknown[];
  readonly nextCursor: string | undefined;
  /** The server's clock when it answered; NaN when it did not say. */
  readonly dateMs: number;
}

/** Which registries may be asked without TLS. */
export type PlainHttp = 'never' | 'loopback' | 'always';

function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(hostname)
  );
}

/**
 * The address of the list for a registry's address, with or without `/v0.1/servers`.
 * @throws SourceError `EREFUSED` for anything but https, or http where it is allowed, and for user info.
 */
export function listUrl(text: string, plainHttp: PlainHttp): URL {
  const url = URL.parse(text);
  if (url === null) throw new SourceError('EREFUSED', 'the address of the registry is not a URL');
  const plain =
    url.protocol === 'http:' &&
    (plainHttp === 'always' || (plainHttp === 'loopback' && isLoopback(url.hostname)));
  if (url.protocol !== 'https:' && !plain)
    throw new SourceError('EREFUSED', `${url.origin} is refused: a registry is asked over https`);
  if (url.username !== '' || url.password !== '')
    throw new SourceError('EREFUSED', 'the address of a registry must not hold a user or password');
  url.search = '';
  url.hash = '';
  const base = url.pathname.replace(/\/+$/u, '').replace(/\/v0(?:\.1)?(?:\/servers)?$/u, '');
  url.pathname = `${base}/v0.1/servers`;
  return url;
}

async function readBody(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > maxPageBytes)
      throw new SourceError('ETOOLARGE', `a page is larger than ${maxPageBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function header(headers: Dispatcher.ResponseData['headers'], name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function pageOf(text: string, dateMs: number): RegistryPage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SourceError('EFETCH', 'the registry answered something that is not JSON', { cause });
  }
  if (!isJsonObject(value) || !Array.isArray(value['servers']))
    throw new SourceError('EFETCH', 'the registry answered without a list of servers');
  const { servers, metadata } = value;
  const cursor = isJsonObject(metadata) ? (metadata['nextCursor'] ?? metadata['next_cursor']) : '';
  const nextCursor = typeof cursor === 'string' && cursor !== '' ? cursor : undefined;
  return { items: servers, nextCursor, dateMs };
}

function refusalOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  if (statusCode >= 300 && statusCode < 400)
    return `answered ${statusCode}; redirects are not followed, name their target instead`;
  if (statusCode !== 200) return `answered ${statusCode}`;
  const encoding = header(headers, 'content-encoding');
  return encoding === '' ? undefined : 'answered in an encoding that was not asked for';
}

/**
 * Fetches one page. Redirects are not followed: the next host might not be one that was meant.
 * @throws SourceError `EFETCH`, `ETOOLARGE`; or the signal's reason.
 */
export async function fetchPage(url: URL, options: PageOptions): Promise<RegistryPage> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const { signal } = options;
  try {
    const response = await request(url, {
      headers: { accept: 'application/json', ...options.headers },
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      ...(options.dispatcher && { dispatcher: options.dispatcher }),
    });
    const { headers, body } = response;
    const refusal = refusalOf(response);
    if (refusal !== undefined) {
      await body.dump({ limit: maxPageBytes });
      throw new SourceError('EFETCH', `${url.origin} ${refusal}`);
    }
    return pageOf(await readBody(body), Date.parse(header(headers, 'date')));
  } catch (error) {
    if (error instanceof SourceError || signal?.aborted === true) throw error;
    const why = deadline.aborted
      ? `did not answer within ${options.timeoutMs} ms`
      : reasonOf(error);
    throw new SourceError('EFETCH', `${url.origin}: ${why}`, { cause: error });
  }
}
