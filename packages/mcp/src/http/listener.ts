import { chmod } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refusedHost, refusedOrigin } from './origin-check.ts';

/**
 * Who may use a route. `open`: anyone who reaches the socket; `client`: MCP clients; `operator`: whoever runs the
 * service. On loopback without a key all three are met.
 */
export type AuthClass = 'open' | 'client' | 'operator';

export interface Route {
  readonly auth: AuthClass;
  /** Methods it takes; others get 405. Undefined leaves that to the handler. */
  readonly methods?: readonly string[];
  /** Methods that web pages of any origin may use; their Host is checked all the same. Default: none. */
  readonly anyOrigin?: readonly string[];
  handle(request: IncomingMessage, response: ServerResponse, rest: string): void;
}

/** Paths to routes; a path that ends in `/` takes everything below it, the rest of the path is handed over. */
export type RouteTable = ReadonlyMap<string, Route>;

export interface ListenerOptions {
  readonly routes: RouteTable;
  /** Told of a handler that threw: a bug of ours; the client gets 500. */
  readonly onError: (error: unknown) => void;
}

/**
 * Not imported: an import reads every export of the module, and one of them loads Node's whole fetch, which takes a
 * tenth of the time of a start.
 */
const { createServer } = process.getBuiltinModule('node:http');

export interface Listener {
  /** @throws the socket's own error, e.g. `EADDRINUSE`. */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** As `listen`, on a socket of the file system that only this user may open. */
  listenAt(path: string): Promise<void>;
  /** Stops accepting, ends idle connections, waits for the others up to `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Bounds of the socket, in milliseconds and bytes. */
export const LISTENER_LIMITS = {
  /** Idle keep-alive connections. */
  keepAliveTimeoutMs: 65_000,
  /** Until all headers of a request are there. */
  headersTimeoutMs: 10_000,
  /** Until the whole request is there. */
  requestTimeoutMs: 30_000,
  maxHeaderBytes: 16_384,
  /** Connections at the same time. */
  maxConnections: 10_000,
} as const;

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function findRoute(routes: RouteTable, path: string): { route: Route; rest: string } | undefined {
  const exact = routes.get(path);
  if (exact !== undefined) return { route: exact, rest: '' };
  for (const [prefix, route] of routes) {
    if (prefix.endsWith('/') && path.startsWith(prefix) && path.length > prefix.length) {
      return { route, rest: path.slice(prefix.length) };
    }
  }
  return undefined;
}

function dispatch(routes: RouteTable, request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? '/').replace(/[?#].*$/s, '');
  const found = findRoute(routes, path);
  const forAll = found?.route.anyOrigin?.includes(request.method ?? '') === true;
  const refused = refusedHost(request) ?? (forAll ? undefined : refusedOrigin(request));
  if (refused !== undefined) {
    plain(response, 403, refused);
    return;
  }
  if (found === undefined) {
    plain(response, 404, 'Not found');
    return;
  }
  const { methods } = found.route;
  if (methods !== undefined && !methods.includes(request.method ?? '')) {
    response.writeHead(405, { allow: methods.join(', ') }).end();
    return;
  }
  found.route.handle(request, response, found.rest);
}

/** Owns the socket, the routes with their auth classes, and the Host and Origin checks. */
export function createListener({ routes, onError }: ListenerOptions): Listener {
  const server: Server = createServer(
    {
      keepAliveTimeout: LISTENER_LIMITS.keepAliveTimeoutMs,
      headersTimeout: LISTENER_LIMITS.headersTimeoutMs,
      requestTimeout: LISTENER_LIMITS.requestTimeoutMs,
      maxHeaderSize: LISTENER_LIMITS.maxHeaderBytes,
      noDelay: true,
    },
    (request, response) => {
      try {
        dispatch(routes, request, response);
      } catch (error) {
        onError(error);
        if (response.headersSent) response.destroy();
        else plain(response, 500, 'Internal error');
      }
    },
  );
  server.maxConnections = LISTENER_LIMITS.maxConnections;
  return {
    listen: async (port, host) => {
      const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        const address = server.address();
        if (address !== null && typeof address === 'object') resolve(address);
        else reject(new Error('the listener has no address'));
      });
      return await promise;
    },
    listenAt: async (path) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once('error', reject);
      server.listen({ path, readableAll: false, writableAll: false }, () => {
        server.off('error', reject);
        resolve();
      });
      await promise;
      if (process.platform !== 'win32') await chmod(path, 0o600);
    },
    close: async (graceMs) => {
      if (!server.listening) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await promise;
      clearTimeout(timer);
    },
  };
}

/** Where a service is to listen. */
export interface ListenPlace {
  readonly port: number;
  readonly host: string;
  /** Instead of port and host. */
  readonly socketPath?: string | undefined;
}

/**
 * Listens, and says where its endpoint is; on a socket of the file system there is no origin and port 0.
 * @throws the socket's own error.
 */
export async function listenOn(
  listener: Listener,
  { port, host, socketPath }: ListenPlace,
): Promise<{ readonly url: string; readonly origin: string | undefined; readonly port: number }> {
  if (socketPath !== undefined) {
    await listener.listenAt(socketPath);
    return { url: 'http://localhost/mcp', origin: undefined, port: 0 };
  }
  const address = await listener.listen(port, host);
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const origin = `http://${name}:${address.port}`;
  return { url: `${origin}/mcp`, origin, port: address.port };
}
