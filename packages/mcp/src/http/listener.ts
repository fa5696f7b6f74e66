import { chmod } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WholeRequest } from '../gateway/reply/whole-request.ts';
import { createConnectionDrain, type ConnectionDrain } from './connection-drain.ts';
import { createDispatch, type DispatchOptions } from './dispatch.ts';

export interface ListenerOptions extends DispatchOptions {
  readonly limits?: Partial<ListenerLimits>;
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
  readonly connections: ConnectionDrain;
  /** Stops accepting, ends idle connections, waits for the others up to `graceMs`, then cuts them. */
  close(graceMs: number): Promise<void>;
}

/** Bounds of the socket. */
export interface ListenerLimits {
  /** Idle keep-alive connections. Default 65 s. */
  readonly keepAliveTimeoutMs: number;
  /** Until all headers of a request are there. Default 10 s. */
  readonly headersTimeoutMs: number;
  /** Until the whole request is there. Default 30 s. */
  readonly requestTimeoutMs: number;
  /** How often those two are looked at. Default 5 s. */
  readonly checkEveryMs: number;
  /** Default 16 KiB. */
  readonly maxHeaderBytes: number;
  /** Connections at the same time; one more is closed at once. Default 10000. */
  readonly maxConnections: number;
}

const LISTENER_LIMITS: ListenerLimits = {
  keepAliveTimeoutMs: 65_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  checkEveryMs: 5_000,
  maxHeaderBytes: 16_384,
  maxConnections: 10_000,
};

/** Owns the socket, the routes with their auth classes, and the Host and Origin checks. */
export function createListener(options: ListenerOptions): Listener {
  const limits: ListenerLimits = { ...LISTENER_LIMITS, ...options.limits };
  const server: Server = createServer(
    {
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      maxHeaderSize: limits.maxHeaderBytes,
      noDelay: true,
      IncomingMessage: WholeRequest,
    },
    createDispatch(options),
  );
  server.maxConnections = limits.maxConnections;
  const connections = createConnectionDrain(server);
  return {
    connections,
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
    close: async (graceMs) => await connections.end(graceMs),
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
