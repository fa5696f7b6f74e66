import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import type * as Zlib from 'node:zlib';
import { pipeline } from 'node:stream/promises';
import type { Dispatcher } from 'undici';
import { parseRetryAfterMs } from '../refresh/backoff.ts';
import { ServiceMapError } from './service-map-error.ts';

/** A map behind a URL: `remote` by origin, whatever the host. */
export interface UrlMapSource {
  readonly kind: 'url';
  readonly url: string;
  /** Sent as a bearer token to that URL only. */
  readonly apiKey?: string | undefined;
  /** Must not follow redirects. */
  readonly dispatcher: Dispatcher;
}

/** A map in a file of this machine: `local` by origin. */
export interface FileMapSource {
  readonly kind: 'file';
  readonly path: string;
}

/** A map given as a value: `local` by origin. */
export interface InlineMapSource {
  readonly kind: 'inline';
  readonly map: unknown;
}

export type ServiceMapSource = UrlMapSource | FileMapSource | InlineMapSource;

/** Bounds on reading one map. */
export interface ServiceMapReadLimits {
  /** Of the decompressed body. */
  readonly maxBytes: number;
  /** From the first packet to the last byte of the body. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

async function collect(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      throw new ServiceMapError('MAP_TOO_LARGE', `The map is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Not imported: few maps are compressed, and it is half a megabyte of a process. */
const zlib = (): typeof Zlib => process.getBuiltinModule('node:zlib');

function decoderFor(encoding: string): Duplex | undefined {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined;
    case 'gzip':
    case 'x-gzip':
      return zlib().createGunzip();
    case 'br':
      return zlib().createBrotliDecompress();
    case 'deflate':
      return zlib().createInflate();
    default:
      // Stacked codings end up here too: they only serve to multiply.
      throw new ServiceMapError('MAP_ENCODING', `Cannot read a body encoded as '${encoding}'`);
  }
}

async function collectBody(body: Readable, encoding: string, maxBytes: number): Promise<Buffer> {
  const decoder = decoderFor(encoding);
  let whole: Buffer = Buffer.alloc(0);
  const sink = async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    whole = await collect(source, maxBytes);
  };
  await (decoder === undefined ? pipeline(body, sink) : pipeline(body, decoder, sink));
  return whole;
}

/** The URL as it may be shown: no credentials, no query. */
function shown(url: URL): string {
  return url.origin + url.pathname;
}

function parseMapUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null) throw new ServiceMapError('MAP_BAD_URL', 'The map URL is not a URL');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ServiceMapError('MAP_BAD_URL', `Expected http or https, got '${url.protocol}'`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ServiceMapError('MAP_BAD_URL', 'The map URL holds credentials: give them as API key');
  }
  return url;
}

function headerText(value: string | string[] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : (value ?? '');
}

function refuseStatus(url: URL, response: Dispatcher.ResponseData): void {
  const status = response.statusCode;
  if (status === 200) return;
  const retryAfterMs = parseRetryAfterMs(headerText(response.headers['retry-after']), Date.now());
  const redirect = status >= 300 && status < 400 && status !== 304;
  throw new ServiceMapError(
    redirect ? 'MAP_REDIRECT' : 'MAP_HTTP_STATUS',
    redirect
      ? `${shown(url)} redirects (${status}): name the final URL instead`
      : `${shown(url)} answered ${status}`,
    { httpStatus: status, retryAfterMs },
  );
}

async function fetchMap(
  source: UrlMapSource,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const url = parseMapUrl(source.url);
  const response = await source.dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'GET',
    headers: {
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'cache-control': 'no-cache',
      ...(source.apiKey === undefined ? {} : { authorization: `Bearer ${source.apiKey}` }),
    },
    signal,
  });
  const body = response.body;
  // A body given up half-way reports its own abort; the reason is thrown below.
  body.on('error', () => undefined);
  try {
    refuseStatus(url, response);
    return await collectBody(body, headerText(response.headers['content-encoding']), maxBytes);
  } finally {
    body.destroy();
  }
}

async function readFileMap(path: string, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const stats = await stat(path);
  // Opening a pipe would wait for a writer, beyond the reach of the deadline.
  if (!stats.isFile()) throw new ServiceMapError('MAP_UNREACHABLE', 'The map is not a file');
  return await collect(createReadStream(path, { signal }), maxBytes);
}

function decodeJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ServiceMapError('MAP_BAD_JSON', 'The map is not JSON in UTF-8', { cause: error });
  }
}

/**
 * Reads a map and parses its JSON, no more. The deadline and the size cap cover the whole body.
 * @throws ServiceMapError with one of the reading codes or `MAP_BAD_JSON`.
 */
export async function readServiceMap(
  source: ServiceMapSource,
  limits: ServiceMapReadLimits,
): Promise<unknown> {
  if (source.kind === 'inline') return source.map;
  const deadline = AbortSignal.timeout(limits.timeoutMs);
  const signal =
    limits.signal === undefined ? deadline : AbortSignal.any([deadline, limits.signal]);
  try {
    return decodeJson(
      source.kind === 'url'
        ? await fetchMap(source, limits.maxBytes, signal)
        : await readFileMap(source.path, limits.maxBytes, signal),
    );
  } catch (error) {
    if (error instanceof ServiceMapError) throw error;
    if (limits.signal?.aborted === true) {
      throw new ServiceMapError('MAP_CANCELLED', 'Reading the map was cancelled', { cause: error });
    }
    if (deadline.aborted) {
      const message = `The map was not complete within ${limits.timeoutMs} ms`;
      throw new ServiceMapError('MAP_TIMEOUT', message, { cause: error });
    }
    throw new ServiceMapError('MAP_UNREACHABLE', 'The map cannot be read', { cause: error });
  }
}
