import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AssetCoding, PageAsset } from './page-assets.ts';

/** The page may load its own files and talk to its own gateway, and nobody may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Of every answer of the page, errors included. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const PREFERRED: readonly AssetCoding[] = ['br', 'gzip'];
const YEAR = 'public, max-age=31536000, immutable';

/** The codings that a request takes, of `Accept-Encoding` (RFC 9110 section 12.5.3); `*` stands for all not named. */
function accepts(header: string, coding: AssetCoding): boolean {
  let any = false;
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((word) => word.trim());
    const isRefused = parameters.some((word) => /^q=0(?:\.0*)?$/.test(word));
    if (name === coding) return !isRefused;
    if (name === '*') any = !isRefused;
  }
  return any;
}

function codingFor({ headers }: IncomingMessage, { bodies }: PageAsset): AssetCoding {
  const header = headers['accept-encoding'];
  if (typeof header !== 'string') return 'identity';
  return PREFERRED.find((one) => bodies.has(one) && accepts(header, one)) ?? 'identity';
}

/** `If-None-Match` (RFC 9110 section 13.1.2): weak comparison over a list, or `*`. */
function isKnown({ headers }: IncomingMessage, etag: string): boolean {
  const tags = headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags !== undefined && (tags.includes('*') || tags.includes(etag));
}

/** Answers a GET or HEAD with a file of the page, in the best coding that the client takes, or with 304. */
export function sendAsset(
  request: IncomingMessage,
  response: ServerResponse,
  asset: PageAsset,
): void {
  const coding = codingFor(request, asset);
  const body = asset.bodies.get(coding) ?? Buffer.alloc(0);
  const etag = coding === 'identity' ? `"${asset.hash}"` : `"${asset.hash}-${coding}"`;
  response.appendHeader('vary', 'Accept-Encoding');
  const headers = {
    ...PAGE_HEADERS,
    etag,
    'cache-control': asset.isHashed ? YEAR : 'no-cache',
  };
  if (isKnown(request, etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  response
    .writeHead(200, {
      ...headers,
      'content-type': asset.type,
      ...(coding !== 'identity' && { 'content-encoding': coding }),
      'content-length': body.length,
    })
    .end(request.method === 'HEAD' ? undefined : body);
}
