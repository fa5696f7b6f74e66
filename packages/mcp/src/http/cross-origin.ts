import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AllowedNames } from './origin-check.ts';

const MAX_AGE_SEC = '600';
/** What MCP clients send. */
const REQUEST_HEADERS =
  'authorization, content-type, accept, last-event-id, mcp-method, mcp-name, mcp-protocol-version, mcp-session-id, x-api-key';
/** What their scripts must be able to read. */
const RESPONSE_HEADERS = 'mcp-session-id, retry-after, www-authenticate';

/**
 * Lets scripts of an allowed origin read answers (the Fetch standard, CORS protocol).
 * @returns true when the request was only the question whether they may, which is then answered.
 */
export function allowCrossOrigin(
  { method, headers }: IncomingMessage,
  response: ServerResponse,
  { origins }: AllowedNames,
): boolean {
  const { origin } = headers;
  if (origin === undefined || !origins.has(origin)) return false;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', RESPONSE_HEADERS);
  response.setHeader('vary', 'Origin');
  const isQuestion = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
  if (!isQuestion) return false;
  const asked = headers['access-control-request-headers'] ?? '';
  // Names of arguments that tools want repeated in headers are not known here.
  const params = asked
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => /^mcp-param-[\w-]{1,64}$/.test(name));
  response
    .writeHead(204, {
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': [REQUEST_HEADERS, ...params.slice(0, 32)].join(', '),
      'access-control-max-age': MAX_AGE_SEC,
    })
    .end();
  return true;
}
