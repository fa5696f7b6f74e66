import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createSocketSet } from '../socket-set.ts';
import { FrontResponse } from './front-response.ts';
import { portOf } from './port-of.ts';

export interface FrontListenerOptions {
  readonly serve: (incoming: IncomingMessage, response: FrontResponse) => Promise<void>;
  readonly onConnection: () => void;
}

/** The listening socket and its connections. */
export interface FrontListener {
  readonly isOpen: boolean;
  readonly connections: number;
  /** Listens on 127.0.0.1 and resolves to the port; 0 takes a free one. */
  open(port: number): Promise<number>;
  /** Stops listening and resets every connection, now. */
  refuse(): void;
  /** Stops listening and drops every connection; resolves when both are gone. */
  close(): Promise<void>;
}

/** Creates a listener for HTTP/1.1 that is not open yet and may be opened and closed again and again. */
export function createFrontListener({ serve, onConnection }: FrontListenerOptions): FrontListener {
  const sockets = createSocketSet();
  // Faults decide when a connection ends, so Node's own time limits are off.
  const limits = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };
  const server = createServer(
    { ServerResponse: FrontResponse, ...limits },
    (incoming, response) => {
      serve(incoming, response).catch(() => {
        // The client broke off its request, or the server was closed under it.
        response.destroy();
      });
    },
  );
  server.on('connection', (socket) => {
    onConnection();
    sockets.add(socket);
  });

  return {
    get isOpen() {
      return server.listening;
    },
    get connections() {
      return sockets.size;
    },
    async open(port) {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return portOf(server);
    },
    refuse() {
      if (server.listening) server.close();
      sockets.resetAll();
    },
    async close() {
      const closed = server.listening ? once(server, 'close') : undefined;
      if (server.listening) server.close();
      await Promise.all([closed, sockets.destroyAll()]);
    },
  };
}
