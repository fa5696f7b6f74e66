import { hash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { RegistryApiError } from './api-error.ts';

/** What web clients of a registry need on every answer, errors included (registry API, CORS). */
const corsHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, OPTIONS',
  'access-control-allow-headers': 'Authorization, Content-Type',
  'access-control-expose-headers': 'ETag',
  'access-control-max-age': '86400',
};

/** Strong validator of a body (RFC 9110 §8.8.3). */
export function entityTag(body: string): string {
  return `"${hash('sha256', body, 'base64url').slice(0, 32)}"`;
}

/** Tags of an `If-Match` or `If-None-Match` header; `*` stays `*`. */
function tagsOf(header: string): string[] {
  return header.split(',').map((tag) => tag.trim());
}

/** Whether `If-Match` holds for one of the representations (strong comparison); none means that there is no resource. */
export function ifMatchHolds(request: IncomingMessage, bodies: readonly string[]): boolean {
  const header = request.headers['if-match'];
  if (header === undefined) return true;
  if (header.trim() === '*') return bodies.length > 0;
  const current = new Set(bodies.map(entityTag));
  return tagsOf(header).some((tag) => current.has(tag));
}

function isUnchanged(request: IncomingMessage, tag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  return tagsOf(header).some((one) => one === '*' || one.replace(/^W\//u, '') === tag);
}

/** Answers a request for a JSON body: 200, or 304 when the client has it; no body to HEAD. */
export function sendBody(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const tag = entityTag(body);
  const common = { ...corsHeaders, ...headers, etag: tag, 'cache-control': 'no-cache' };
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (isRead && isUnchanged(request, tag)) {
    response.writeHead(304, common).end();
    return;
  }
  response.writeHead(200, {
    ...common,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Answers `OPTIONS` with what the path takes. */
export function sendOptions(response: ServerResponse, methods: readonly string[]): void {
  response.writeHead(204, { ...corsHeaders, allow: methods.join(', ') }).end();
}

/** Answers with `{error}` as the registry API has it, and the members of a problem (RFC 9457). */
export function sendError(
  request: IncomingMessage,
  response: ServerResponse,
  error: RegistryApiError,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, code, message } = error;
  const title = STATUS_CODES[status] ?? 'Error';
  const body = JSON.stringify({
    error: message,
    type: 'about:blank',
    title,
    status,
    detail: message,
    code,
  });
  response.writeHead(status, {
    ...corsHeaders,
    ...error.headers,
    'content-type': 'application/problem+json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
