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

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
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
  const fail = (error: unknown, response: ServerResponse): void => {
    onError(error);
    if (response.headersSent) response.destroy();
    else plain(response, 500, 'Internal error');
  };
  const refusal = (request: IncomingMessage, route: Route | undefined): string | undefined => {
    const isForAll = route?.anyOrigin?.includes(request.method ?? '') === true;
    return (
      refusedHost(request, allowed) ?? (isForAll ? undefined : refusedOrigin(request, allowed))
    );
  };
  const dispatch: Dispatch = (request, response) => {
    const found = findRoute(routes, request.url ?? '/');
    const refused = refusal(request, found?.route);
    if (refused !== undefined) {
      plain(response, 403, refused);
      return;
    }
    if (hasOrigins && allowCrossOrigin(request, response, allowed)) return;
    if (found === undefined) {
      plain(response, 404, 'Not found');
      return;
    }
    const judge = gate?.();
    if (judge === undefined || isQuestion(request, found.route))
      serve(found, request, response, ANONYMOUS);
    else {
      serveAdmitted(judge, found, request, response).catch((error: unknown) =>
        fail(error, response),
      );
    }
  };
  return (request, response) => {
    try {
      if (hasTwoHosts(request)) plain(response, 400, 'More than one Host');
      else dispatch(request, response);
    } catch (error) {
      fail(error, response);
    }
  };
}
