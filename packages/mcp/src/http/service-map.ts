import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PublishedMap } from '../connectors/map/map-publisher.ts';
import type { Route } from './route.ts';

export interface ServiceMapRouteOptions {
  /** Undefined when no map is configured: the route is then 404. */
  readonly read: (() => Promise<PublishedMap>) | undefined;
  /** Told why the map cannot be served; the answer is then 503. */
  readonly onError: (error: unknown) => void;
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = `${JSON.stringify(value)}\n`;
  const length = Buffer.byteLength(body);
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': length })
    .end(body);
}

/** `If-None-Match` (RFC 9110 section 13.1.2): weak comparison over a list, or `*`. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const tags = new Set(header.split(',').map((tag) => tag.trim().replace(/^W\//, '')));
  return tags.has('*') || tags.has(etag);
}

function send(request: IncomingMessage, response: ServerResponse, map: PublishedMap): void {
  const headers = { etag: map.etag, 'cache-control': `private, max-age=${map.maxAgeSeconds}` };
  if (matches(request.headers['if-none-match'], map.etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  response
    .writeHead(200, {
      ...headers,
      'content-type': 'application/json',
      'content-length': map.body.length,
    })
    .end(map.body);
}

/** `GET /v1/connectors/service-map`: the signed map for other gateways. */
export function serviceMapRoute({
  read,
  onError,
}: ServiceMapRouteOptions): readonly [string, Route] {
  const handle: Route['handle'] = (request, response) => {
    if (read === undefined) {
      sendJson(response, 404, { error: 'no service map is configured' });
      return;
    }
    read().then(
      (map) => send(request, response, map),
      (error: unknown) => {
        onError(error);
        const message = error instanceof Error ? error.message : 'the map cannot be served';
        sendJson(response, 503, { error: message });
      },
    );
  };
  const methods = ['GET', 'HEAD'];
  // It names every connector.
  return ['/v1/connectors/service-map', { auth: 'client', whole: true, methods, handle }];
}
