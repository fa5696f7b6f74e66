import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission, Gate } from '../auth/gate.ts';
import type { Principal } from '../auth/principal.ts';
import { ANONYMOUS } from '../gateway/reply/anonymous.ts';
import { allowCrossOrigin } from './cross-origin.ts';
import {
  hasTwoHosts,
  NO_OTHER_NAMES,
  refusedHost,
  refusedOrigin,
  type AllowedNames,
} from './origin-check.ts';
import { findRoute, type Route, type RouteTable } from './route.ts';

export interface DispatchOptions {
  readonly routes: RouteTable;
  /** Who is let in; asked for each request, as keys may be made while we serve. Undefined lets everybody in. */
  readonly gate?: () => Gate | undefined;
  /** Names beside this machine's own. Default: none. */
  readonly allowed?: AllowedNames | undefined;
  /** Told of a handler that threw: a bug of ours; the client gets 500. */
  readonly onError: (error: unknown) => void;
}

/** Answers every request of a socket. Never throws. */
export type Dispatch = (request: IncomingMessage, response: ServerResponse) => void;

interface Found {
  readonly route: Route;
  readonly rest: string;
}

/** Browsers that show a page prefer anything to JSON; programs take JSON, or say nothing. */
function wantsText({ headers: { accept } }: IncomingMessage): boolean {
  if (accept === undefined || accept.includes('application/json')) return false;
  return accept.includes('text/html') || !accept.includes('*/*');
}

/** Stable codes of what no route gave. */
type ListenerErrorCode = 'HOST_NOT_ALLOWED' | 'ORIGIN_NOT_ALLOWED' | 'ROUTE_UNKNOWN' | 'INTERNAL';

interface ListenerError {
  readonly status: number;
  readonly code: ListenerErrorCode;
  readonly message: string;
}

const UNKNOWN_ROUTE: ListenerError = { status: 404, code: 'ROUTE_UNKNOWN', message: 'Not found' };
const TWO_HOSTS: ListenerError = {
  status: 400,
  code: 'HOST_NOT_ALLOWED',
  message: 'More than one Host',
};
const FAULT: ListenerError = { status: 500, code: 'INTERNAL', message: 'Internal error' };

/** Answers for want of a route: `code` and `message` as JSON, the message alone to those who read no JSON. No message of MCP. */
function reject(request: IncomingMessage, response: ServerResponse, error: ListenerError): void {
  const { status, code, message } = error;
  if (wantsText(request)) {
    response
      .writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
      .end(`${message} (${code})\n`);
    return;
  }
  const body = `${JSON.stringify({ code, message })}\n`;
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    })
    .end(body);
}

function refuse(
  response: ServerResponse,
  { status, headers, error, message }: Extract<Admission, { kind: 'refused' }>,
): void {
  const body = `${JSON.stringify({ error, error_description: message })}\n`;
  response
    .writeHead(status, {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
    })
    .end(body);
}

function serve(
  { route, rest }: Found,
  request: IncomingMessage,
  response: ServerResponse,
  principal: Principal,
): void {
  const { methods } = route;
  if (methods !== undefined && !methods.includes(request.method ?? '')) {
    response.writeHead(405, { allow: methods.join(', ') }).end();
    return;
  }
  route.handle(request, response, rest, principal);
}

/** What a browser asks before it sends anything to a route for pages of any origin: never with a key. */
function isQuestion({ method, headers }: IncomingMessage, { anyOrigin }: Route): boolean {
  const asks = method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
  return asks && anyOrigin?.includes('OPTIONS') === true;
}

async function serveAdmitted(
  gate: Gate,
  found: Found,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const admission = await gate.admit(request, response, found.route, found.rest);
  if (response.destroyed) return;
  if (admission.kind === 'admitted') serve(found, request, response, admission.principal);
  else refuse(response, admission);
}

/** Host and Origin first, then the route, then who asks, then the method: nothing reaches a route unjudged. */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { routes, gate, allowed = NO_OTHER_NAMES, onError } = options;
  const hasOrigins = allowed.origins.size > 0;
  const fail = (error: unknown, request: IncomingMessage, response: ServerResponse): void => {
    onError(error);
    if (response.headersSent) response.destroy();
    else reject(request, response, FAULT);
  };
  const refusal = (request: IncomingMessage, route?: Route): ListenerError | undefined => {
    const host = refusedHost(request, allowed);
    if (host !== undefined) return { status: 403, code: 'HOST_NOT_ALLOWED', message: host };
    if (route?.anyOrigin?.includes(request.method ?? '') === true) return undefined;
    const origin = refusedOrigin(request, allowed);
    if (origin === undefined) return undefined;
    return { status: 403, code: 'ORIGIN_NOT_ALLOWED', message: origin };
  };
  const dispatch: Dispatch = (request, response) => {
    const found = findRoute(routes, request.url ?? '/');
    const refused = refusal(request, found?.route);
    if (refused !== undefined) {
      reject(request, response, refused);
      return;
    }
    if (hasOrigins && allowCrossOrigin(request, response, allowed)) return;
    if (found === undefined) {
      reject(request, response, UNKNOWN_ROUTE);
      return;
    }
    const judge = gate?.();
    if (judge === undefined || isQuestion(request, found.route))
      serve(found, request, response, ANONYMOUS);
    else {
      serveAdmitted(judge, found, request, response).catch((error: unknown) =>
        fail(error, request, response),
      );
    }
  };
  return (request, response) => {
    try {
      if (hasTwoHosts(request)) reject(request, response, TWO_HOSTS);
      else dispatch(request, response);
    } catch (error) {
      fail(error, request, response);
    }
  };
}
